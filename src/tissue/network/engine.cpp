#include "tissue/network/engine.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace stroma::tissue {
namespace {

Result<Dnnl> load_dnnl() {
    Dnnl made;
    void* const library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        return fail(ErrorCode::unsupported,
                    "networks are run by oneDNN, which isn't there: install the package libdnnl2");
    const char* missing = nullptr;
    const auto find = [&](auto& function, const char* name) {
        function =
            reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
        if (function == nullptr) missing = name;
    };
    find(made.engine_create, "dnnl_engine_create");
    find(made.stream_create, "dnnl_stream_create");
    find(made.stream_destroy, "dnnl_stream_destroy");
    find(made.memory_create, "dnnl_memory_create");
    find(made.memory_destroy, "dnnl_memory_destroy");
    find(made.memory_desc_init_by_strides, "dnnl_memory_desc_init_by_strides");
    find(made.memory_desc_init_by_tag, "dnnl_memory_desc_init_by_tag");
    find(made.memory_desc_get_size, "dnnl_memory_desc_get_size");
    find(made.memory_desc_equal, "dnnl_memory_desc_equal");
    find(made.primitive_desc_create, "dnnl_primitive_desc_create");
    find(made.primitive_desc_destroy, "dnnl_primitive_desc_destroy");
    find(made.primitive_desc_query_md, "dnnl_primitive_desc_query_md");
    find(made.primitive_create, "dnnl_primitive_create");
    find(made.primitive_destroy, "dnnl_primitive_destroy");
    find(made.primitive_execute, "dnnl_primitive_execute");
    find(made.primitive_attr_create, "dnnl_primitive_attr_create");
    find(made.primitive_attr_destroy, "dnnl_primitive_attr_destroy");
    find(made.primitive_attr_set_post_ops, "dnnl_primitive_attr_set_post_ops");
    find(made.post_ops_create, "dnnl_post_ops_create");
    find(made.post_ops_destroy, "dnnl_post_ops_destroy");
    find(made.post_ops_append_eltwise, "dnnl_post_ops_append_eltwise");
    find(made.reorder_primitive_desc_create, "dnnl_reorder_primitive_desc_create");
    find(made.concat_primitive_desc_create, "dnnl_concat_primitive_desc_create");
    find(made.binary_desc_init, "dnnl_binary_desc_init");
    find(made.dilated_convolution_forward_desc_init, "dnnl_dilated_convolution_forward_desc_init");
    find(made.dilated_deconvolution_forward_desc_init,
         "dnnl_dilated_deconvolution_forward_desc_init");
    find(made.eltwise_forward_desc_init, "dnnl_eltwise_forward_desc_init");
    find(made.softmax_forward_desc_init, "dnnl_softmax_forward_desc_init");
    find(made.pooling_v2_forward_desc_init, "dnnl_pooling_v2_forward_desc_init");
    find(made.matmul_desc_init, "dnnl_matmul_desc_init");
    find(made.resampling_forward_desc_init, "dnnl_resampling_forward_desc_init");
    find(made.reduction_desc_init, "dnnl_reduction_desc_init");
    find(made.stream_wait, "dnnl_stream_wait");
    if (missing != nullptr)
        return fail(ErrorCode::unsupported,
                    fmt::format("libdnnl.so.2 lacks {}: another version than 2.6", missing));
    // Its loops would use all processors each; windows are what is done side by side here.
    made.set_threads = reinterpret_cast<void (*)(int)>(dlsym(library, "omp_set_num_threads"));
    if (made.engine_create(&made.engine, dnnl_cpu, 0) != dnnl_success)
        return fail(ErrorCode::unsupported, "oneDNN can't use this processor");
    return made;
}

}  // namespace

Result<const Dnnl*> Dnnl::get() {
    static const Result<Dnnl> loaded = load_dnnl();
    if (!loaded) return fail(loaded.error());
    return &*loaded;
}

}  // namespace stroma::tissue
