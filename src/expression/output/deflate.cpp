#include "expression/output/deflate.h"

#include <libdeflate.h>
#include <zlib.h>

#include <array>
#include <cassert>
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

std::uint32_t crc32_of(ByteSpan bytes, std::uint32_t so_far) {
    return libdeflate_crc32(so_far, bytes.data(), bytes.size());
}

std::uint32_t crc_of_both(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) {
    return static_cast<std::uint32_t>(
        crc32_combine(first, second, static_cast<z_off_t>(second_bytes)));
}

Bytes stored_gzip_member(std::string_view text) {
    assert(text.size() <= 65'535);
    // RFC 1952: no name, no time, unknown system; then one final stored block of RFC 1951.
    static constexpr unsigned char head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1};
    Bytes member(sizeof head + 4 + text.size() + 8);
    std::byte* to = member.data();
    std::memcpy(to, head, sizeof head);
    to += sizeof head;
    store(to, static_cast<std::uint16_t>(text.size()));
    store(to + 2, static_cast<std::uint16_t>(~text.size()));
    std::memcpy(to + 4, text.data(), text.size());
    to += 4 + text.size();
    store(to, crc32_of(as_bytes(text)));
    store(to + 4, static_cast<std::uint32_t>(text.size()));
    return member;
}

}  // namespace stroma::expression
