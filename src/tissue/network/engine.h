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
    // Reads as the C interface does: dnnl_primitive_create is primitive_create here.
#define STROMA_DNNL_FUNCTIONS(F)                                                                  \
    F(engine_create)                                                                              \
    F(stream_create)                                                                              \
    F(stream_destroy)                                                                             \
    F(memory_create)                                                                              \
    F(memory_destroy)                                                                             \
    F(memory_desc_init_by_strides) F(memory_desc_init_by_tag) F(memory_desc_get_size)             \
        F(memory_desc_equal) F(primitive_desc_create) F(primitive_desc_destroy)                   \
            F(primitive_desc_query_md) F(primitive_create) F(primitive_destroy)                   \
                F(primitive_execute) F(primitive_attr_create) F(primitive_attr_destroy)           \
                    F(primitive_attr_set_post_ops) F(post_ops_create) F(post_ops_destroy)         \
                        F(post_ops_append_eltwise) F(reorder_primitive_desc_create)               \
                            F(concat_primitive_desc_create) F(binary_desc_init)                   \
                                F(dilated_convolution_forward_desc_init)                          \
                                    F(dilated_deconvolution_forward_desc_init)                    \
                                        F(eltwise_forward_desc_init) F(softmax_forward_desc_init) \
                                            F(pooling_v2_forward_desc_init) F(matmul_desc_init)   \
                                                F(resampling_forward_desc_init)                   \
                                                    F(reduction_desc_init) F(stream_wait)
#define STROMA_DNNL_MEMBER(name) decltype(&dnnl_##name) name = nullptr;
    STROMA_DNNL_FUNCTIONS(STROMA_DNNL_MEMBER)
#undef STROMA_DNNL_MEMBER
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
