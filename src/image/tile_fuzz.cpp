#include <cstdint>

#include "image/tile_codec.h"

/// A packed tile's bytes, of the size that its own header says, up to 2 MiB.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma;
    const auto* const bytes = reinterpret_cast<const std::byte*>(data);
    if (size < 8) return 0;
    const auto said = load<std::uint32_t>(bytes + 4);
    if (said > 2u << 20) return 0;
    Bytes out(said);
    static_cast<void>(image::unpack_tile({bytes, size}, out));
    return 0;
}
