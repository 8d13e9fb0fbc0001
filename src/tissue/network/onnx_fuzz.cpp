#include <cstddef>
#include <cstdint>

#include "tissue/network/network_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto model = tissue::read_onnx(bytes);
    if (!model) return 0;
    // Shapes, folding and reach, without a library that works anything out.
    const auto facts = tissue::examine_network(*model);
    if (facts) static_cast<void>(tissue::NetworkProgram::bytes_needed(*model, 256));
    return 0;
}
