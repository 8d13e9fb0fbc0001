#include "image/tile_codec.h"

#include <blosc.h>
#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "image/bit_planes.h"

namespace stroma::image {
namespace {

/// Blosc 1's header, and what its flags say.
constexpr std::size_t header_size = 16;
enum Flag : std::uint8_t { bytes_shuffled = 1, stored = 2, bits_shuffled = 4, not_split = 16 };
constexpr unsigned packer_shift = 5, packer_lz4 = 1, packer_zstd = 4;

struct ZstdFree {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

/// What one block's streams are unpacked with and into.
struct Workbench {
    Bytes room;
    std::unique_ptr<ZSTD_DCtx, ZstdFree> zstd{ZSTD_createDCtx()};

    bool unpack(unsigned packer, ByteSpan from, std::span<std::byte> to) {
        if (packer == packer_lz4)
            return LZ4_decompress_safe(reinterpret_cast<const char*>(from.data()),
                                       reinterpret_cast<char*>(to.data()),
                                       static_cast<int>(from.size()),
                                       static_cast<int>(to.size())) == static_cast<int>(to.size());
        return zstd && ZSTD_decompressDCtx(zstd.get(), to.data(), to.size(), from.data(),
                                           from.size()) == to.size();
    }
};

/// The streams of bits of one block at `at`: those that weren't packed are used where they lie.
bool find_planes(ByteSpan packed, std::size_t at, std::size_t block, std::size_t value_size,
                 Workbench& bench, BitPlanes& planes) {
    const auto flags = load<std::uint8_t>(packed.data() + 2);
    const bool is_whole = block == load<std::uint32_t>(packed.data() + 8);
    const std::size_t streams = (flags & not_split) == 0 && is_whole ? value_size : 1;
    const std::size_t size = block / streams;
    if (bench.room.size() < block) bench.room.resize(block);
    for (std::size_t stream = 0; stream < streams; ++stream) {
        if (at > packed.size() || packed.size() - at < 4) return false;
        const auto stored_size = load<std::uint32_t>(packed.data() + at);
        at += 4;
        if (stored_size > packed.size() - at || stored_size > size) return false;
        const std::byte* bytes = packed.data() + at;
        if (stored_size != size) {
            const auto to = std::span(bench.room).subspan(stream * size, size);
            if (!bench.unpack(flags >> packer_shift, packed.subspan(at, stored_size), to))
                return false;
            bytes = to.data();
        }
        at += stored_size;
        for (std::size_t i = 0; i < value_size / streams; ++i)
            planes[stream + i] = bytes + i * (block / value_size);
    }
    return true;
}

/// Unpacks blocks of shuffled bits, several times as fast as Blosc does. False: they aren't of that
/// kind, or aren't sound; Blosc says which.
bool unpack_planes(ByteSpan packed, std::span<std::byte> out) {
    if (!can_unite_planes() || packed.size() < header_size) return false;
    const auto flags = load<std::uint8_t>(packed.data() + 2);
    const std::size_t value_size = load<std::uint8_t>(packed.data() + 3);
    const std::size_t block_size = load<std::uint32_t>(packed.data() + 8);
    const unsigned packer = flags >> packer_shift;
    const std::size_t unit = 64 * value_size;
    if (load<std::uint8_t>(packed.data()) != 2 ||
        (flags & (bits_shuffled | stored)) != bits_shuffled ||
        (packer != packer_lz4 && packer != packer_zstd) ||
        (value_size != 1 && value_size != 2 && value_size != 4) ||
        load<std::uint32_t>(packed.data() + 4) != out.size() ||
        load<std::uint32_t>(packed.data() + 12) != packed.size() || block_size == 0 ||
        block_size % unit != 0 || out.size() % unit != 0)
        return false;
    const std::size_t blocks = (out.size() + block_size - 1) / block_size;
    if (blocks > (packed.size() - header_size) / 4) return false;
    thread_local Workbench bench;
    for (std::size_t i = 0; i < blocks; ++i) {
        const std::size_t block = std::min(block_size, out.size() - i * block_size);
        BitPlanes planes{};
        if (!find_planes(packed, load<std::uint32_t>(packed.data() + header_size + 4 * i), block,
                         value_size, bench, planes))
            return false;
        unite_planes(planes, value_size, block / value_size, out.data() + i * block_size);
    }
    return true;
}

}  // namespace

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
    if (unpack_planes(packed, out)) return {};
    std::size_t size = 0;
    const bool sound = blosc_cbuffer_validate(packed.data(), packed.size(), &size) == 0 &&
                       size == out.size() &&
                       blosc_decompress_ctx(packed.data(), out.data(), out.size(), 1) ==
                           static_cast<int>(out.size());
    if (!sound) return fail(ErrorCode::corrupt, "a tile can't be unpacked");
    return {};
}

}  // namespace stroma::image
