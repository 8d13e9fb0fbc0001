#include "expression/output/deflate.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <memory>

namespace stroma::expression {
namespace {

struct FreeCompressor {
    void operator()(libdeflate_compressor* at) const { libdeflate_free_compressor(at); }
};

libdeflate_compressor& compressor_of_level(int level) {
    assert(level >= 1 && level <= 12);
    thread_local std::array<std::unique_ptr<libdeflate_compressor, FreeCompressor>, 13> made;
    auto& compressor = made[static_cast<std::size_t>(level)];
    if (!compressor) compressor.reset(libdeflate_alloc_compressor(level));
    assert(compressor);
    return *compressor;
}

}  // namespace

void deflate_whole(ByteSpan bytes, Deflated container, int level, Bytes& out) {
    libdeflate_compressor& compressor = compressor_of_level(level);
    const bool gzip = container == Deflated::gzip;
    out.resize(gzip ? libdeflate_gzip_compress_bound(&compressor, bytes.size())
                    : libdeflate_zlib_compress_bound(&compressor, bytes.size()));
    const auto compress = gzip ? libdeflate_gzip_compress : libdeflate_zlib_compress;
    const std::size_t made =
        compress(&compressor, bytes.data(), bytes.size(), out.data(), out.size());
    assert(made > 0);
    out.resize(made);
}

void deflate_piece(ByteSpan bytes, Bytes& out) {
    z_stream stream{};
    const int ready = deflateInit2(&stream, 1, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
    assert(ready == Z_OK);
    out.resize(deflateBound(&stream, bytes.size()) + 16);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int done = deflate(&stream, Z_SYNC_FLUSH);
    assert(done == Z_OK && stream.avail_in == 0 && stream.avail_out > 0);
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
}

void stored_blocks(ByteSpan bytes, Bytes& out) {
    constexpr std::size_t block_max = 65'535, head_bytes = 5;
    out.resize(bytes.size() + (bytes.size() + block_max - 1) / block_max * head_bytes);
    std::byte* to = out.data();
    while (!bytes.empty()) {
        const ByteSpan block = bytes.first(std::min(bytes.size(), block_max));
        const auto count = static_cast<std::uint16_t>(block.size());
        *to = std::byte{0};  // RFC 1951: not the last, stored
        store(to + 1, count);
        store(to + 3, static_cast<std::uint16_t>(~count));
        std::memcpy(to + head_bytes, block.data(), block.size());
        to += head_bytes + block.size();
        bytes = bytes.subspan(block.size());
    }
}

std::uint32_t crc32_of(ByteSpan bytes, std::uint32_t so_far) {
    return libdeflate_crc32(so_far, bytes.data(), bytes.size());
}

std::uint32_t crc_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) {
    return static_cast<std::uint32_t>(
        crc32_combine(first, second, static_cast<z_off_t>(second_bytes)));
}

}  // namespace stroma::expression
