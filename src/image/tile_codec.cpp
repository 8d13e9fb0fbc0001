#include "image/tile_codec.h"

#include <blosc.h>

namespace stroma::image {

Result<Bytes> packed_tile(ByteSpan values, PixelType type, bool are_labels) {
    Bytes packed(values.size() + BLOSC_MAX_OVERHEAD);
    const int size = blosc_compress_ctx(
        are_labels ? 3 : 5, BLOSC_BITSHUFFLE, size_of(type), values.size(), values.data(),
        packed.data(), packed.size(), are_labels ? BLOSC_ZSTD_COMPNAME : BLOSC_LZ4_COMPNAME, 0, 1);
    if (size <= 0) return fail(ErrorCode::exhausted, "a tile can't be packed");
    packed.resize(static_cast<std::size_t>(size));
    return packed;
}

Result<void> unpack_tile(ByteSpan packed, std::span<std::byte> out) {
    std::size_t size = 0;
    const bool sound = blosc_cbuffer_validate(packed.data(), packed.size(), &size) == 0 &&
                       size == out.size() &&
                       blosc_decompress_ctx(packed.data(), out.data(), out.size(), 1) ==
                           static_cast<int>(out.size());
    if (!sound) return fail(ErrorCode::corrupt, "a tile can't be unpacked");
    return {};
}

}  // namespace stroma::image
