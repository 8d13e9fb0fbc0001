#include "delivery/compression.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <snappy.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

namespace stroma::delivery {
namespace {

constexpr std::size_t hadoop_block_bytes = 256u << 10;

std::string snappy_of(std::string_view bytes) {
    std::string packed;
    snappy::Compress(bytes.data(), bytes.size(), &packed);
    return packed;
}

void put_big_endian(std::string& to, std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<char>(value >> shift));
}

std::string hadoop_snappy_of(std::string_view bytes) {
    std::string framed;
    for (std::size_t at = 0; at < bytes.size(); at += hadoop_block_bytes) {
        const std::string_view block = bytes.substr(at, hadoop_block_bytes);
        const std::string packed = snappy_of(block);
        put_big_endian(framed, block.size());
        put_big_endian(framed, packed.size());
        framed += packed;
    }
    return framed;
}

}  // namespace

Result<Compression> compression_named(std::string_view name) {
    if (name.empty() || name == "UNCOMPRESSED") return Compression::none;
    if (name == "GZIP") return Compression::gzip;
    if (name == "ZSTD") return Compression::zstd;
    if (name == "Snappy" || name == "SNAPPY") return Compression::snappy;
    if (name == "HADOOP_SNAPPY") return Compression::hadoop_snappy;
    return fail(ErrorCode::invalid_input,
                fmt::format("the compression '{}' isn't one of UNCOMPRESSED, GZIP, ZSTD, Snappy, "
                            "HADOOP_SNAPPY",
                            name));
}

std::string_view extension_of(Compression compression) {
    switch (compression) {
        case Compression::gzip: return ".gz";
        case Compression::zstd: return ".zst";
        case Compression::snappy:
        case Compression::hadoop_snappy: return ".snappy";
        case Compression::none: break;
    }
    return "";
}

Result<std::string> compress(std::string_view bytes, Compression compression) {
    if (compression == Compression::none) return std::string(bytes);
    if (compression == Compression::snappy) return snappy_of(bytes);
    if (compression == Compression::hadoop_snappy) return hadoop_snappy_of(bytes);
    std::string packed;
    if (compression == Compression::gzip) {
        const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> deflate(
            libdeflate_alloc_compressor(6), libdeflate_free_compressor);
        if (!deflate) return fail(ErrorCode::exhausted, "no memory to compress with");
        packed.resize(libdeflate_gzip_compress_bound(deflate.get(), bytes.size()));
        packed.resize(libdeflate_gzip_compress(deflate.get(), bytes.data(), bytes.size(),
                                               packed.data(), packed.size()));
        return packed;
    }
    packed.resize(ZSTD_compressBound(bytes.size()));
    const std::size_t size =
        ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3);
    if (ZSTD_isError(size)) return fail(ErrorCode::exhausted, ZSTD_getErrorName(size));
    packed.resize(size);
    return packed;
}

}  // namespace stroma::delivery
