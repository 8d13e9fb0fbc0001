#pragma once

#include <oneapi/dnnl/dnnl.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "base/result.h"

// oneDNN 2.x (Debian's libdnnl2, 39 MiB), loaded when the first network is used: whoever uses none
// doesn't wait for it, nor needs it installed.

namespace stroma::tissue {

/// The functions of the library that are used, and its one engine: this machine's processor.
struct Dnnl {
    // Called as in the C interface: dnnl_primitive_create is primitive_create here.
    decltype(&dnnl_engine_create) engine_create = nullptr;
    decltype(&dnnl_stream_create) stream_create = nullptr;
    decltype(&dnnl_stream_destroy) stream_destroy = nullptr;
    decltype(&dnnl_memory_create) memory_create = nullptr;
    decltype(&dnnl_memory_destroy) memory_destroy = nullptr;
    decltype(&dnnl_memory_desc_init_by_strides) memory_desc_init_by_strides = nullptr;
    decltype(&dnnl_memory_desc_init_by_tag) memory_desc_init_by_tag = nullptr;
    decltype(&dnnl_memory_desc_get_size) memory_desc_get_size = nullptr;
    decltype(&dnnl_memory_desc_equal) memory_desc_equal = nullptr;
    decltype(&dnnl_primitive_desc_create) primitive_desc_create = nullptr;
    decltype(&dnnl_primitive_desc_destroy) primitive_desc_destroy = nullptr;
    decltype(&dnnl_primitive_desc_query_md) primitive_desc_query_md = nullptr;
    decltype(&dnnl_primitive_create) primitive_create = nullptr;
    decltype(&dnnl_primitive_destroy) primitive_destroy = nullptr;
    decltype(&dnnl_primitive_execute) primitive_execute = nullptr;
    decltype(&dnnl_primitive_attr_create) primitive_attr_create = nullptr;
    decltype(&dnnl_primitive_attr_destroy) primitive_attr_destroy = nullptr;
    decltype(&dnnl_primitive_attr_set_post_ops) primitive_attr_set_post_ops = nullptr;
    decltype(&dnnl_post_ops_create) post_ops_create = nullptr;
    decltype(&dnnl_post_ops_destroy) post_ops_destroy = nullptr;
    decltype(&dnnl_post_ops_append_eltwise) post_ops_append_eltwise = nullptr;
    decltype(&dnnl_reorder_primitive_desc_create) reorder_primitive_desc_create = nullptr;
    decltype(&dnnl_concat_primitive_desc_create) concat_primitive_desc_create = nullptr;
    decltype(&dnnl_binary_desc_init) binary_desc_init = nullptr;
    decltype(&dnnl_dilated_convolution_forward_desc_init) dilated_convolution_forward_desc_init =
        nullptr;
    decltype(&dnnl_dilated_deconvolution_forward_desc_init)
        dilated_deconvolution_forward_desc_init = nullptr;
    decltype(&dnnl_eltwise_forward_desc_init) eltwise_forward_desc_init = nullptr;
    decltype(&dnnl_softmax_forward_desc_init) softmax_forward_desc_init = nullptr;
    decltype(&dnnl_pooling_v2_forward_desc_init) pooling_v2_forward_desc_init = nullptr;
    decltype(&dnnl_matmul_desc_init) matmul_desc_init = nullptr;
    decltype(&dnnl_resampling_forward_desc_init) resampling_forward_desc_init = nullptr;
    decltype(&dnnl_reduction_desc_init) reduction_desc_init = nullptr;
    decltype(&dnnl_stream_wait) stream_wait = nullptr;
    void (*set_threads)(int) = nullptr;  ///< of the library's loops on the calling thread
    dnnl_engine_t engine = nullptr;

    /// errors  unsupported  it isn't installed: says which package has it
    static Result<const Dnnl*> get();
};

/// Numbers where vector code likes them.
class AlignedFloats {
public:
    AlignedFloats() = default;
    explicit AlignedFloats(std::size_t count)
        : memory_(static_cast<float*>(std::aligned_alloc(64, (count * 4 + 127) / 64 * 64))) {}
    float* get() const { return memory_.get(); }

private:
    struct Free {
        void operator()(float* at) const { std::free(at); }
    };
    std::unique_ptr<float, Free> memory_;
};

}  // namespace stroma::tissue
