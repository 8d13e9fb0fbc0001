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
    const auto find = [&](const char* name) {
        void* const found = dlsym(library, name);
        if (found == nullptr) missing = name;
        return found;
    };
#define STROMA_DNNL_FIND(name) \
    made.name = reinterpret_cast<decltype(made.name)>(find("dnnl_" #name));
    STROMA_DNNL_FUNCTIONS(STROMA_DNNL_FIND)
#undef STROMA_DNNL_FIND
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
