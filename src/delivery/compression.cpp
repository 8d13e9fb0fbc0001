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

using Deflate = std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)>;

void put_little_endian(std::string& to, std::size_t value, int bytes) {
    for (int b = 0; b < bytes; ++b)
        to.push_back(b < 8 ? static_cast<char>(value >> (8 * b)) : '\0');
}

/// An archive of one member (APPNOTE 6.3.3, sections 4.3.7, 4.3.12 and 4.3.16), dated 1980 so that
/// a repeat gives the same bytes.
Result<std::string> zip_of(std::string_view bytes, const Deflate& deflate) {
    constexpr std::string_view member = "records";
    constexpr std::size_t deflated = 8, version = 20, first_day = 0x21, size_max = 0xffffffff;
    if (bytes.size() >= size_max)
        return fail(ErrorCode::exhausted, "a batch is too large for a ZIP archive");
    std::string body(libdeflate_deflate_compress_bound(deflate.get(), bytes.size()), '\0');
    body.resize(libdeflate_deflate_compress(deflate.get(), bytes.data(), bytes.size(), body.data(),
                                            body.size()));
    std::string fields;  // what both headers have
    for (const std::size_t field : {version, std::size_t{0}, deflated, std::size_t{0}, first_day})
        put_little_endian(fields, field, 2);
    put_little_endian(fields, libdeflate_crc32(0, bytes.data(), bytes.size()), 4);
    put_little_endian(fields, body.size(), 4);
    put_little_endian(fields, bytes.size(), 4);
    put_little_endian(fields, member.size(), 2);
    put_little_endian(fields, 0, 2);
    std::string archive = "PK\x03\x04" + fields;
    archive += member;
    archive += body;
    const std::size_t directory = archive.size();
    archive += "PK\x01\x02";
    put_little_endian(archive, version, 2);
    archive += fields;
    put_little_endian(archive, 0, 14);  // no comment, disk 0, attributes, the member's offset
    archive += member;
    const std::size_t directory_bytes = archive.size() - directory;
    archive += "PK\x05\x06";
    put_little_endian(archive, 0, 4);
    for (int of = 0; of < 2; ++of) put_little_endian(archive, 1, 2);
    put_little_endian(archive, directory_bytes, 4);
    put_little_endian(archive, directory, 4);
    put_little_endian(archive, 0, 2);
    return archive;
}

}  // namespace

Result<Compression> compression_named(std::string_view name) {
    if (name.empty() || name == "UNCOMPRESSED") return Compression::none;
    if (name == "GZIP") return Compression::gzip;
    if (name == "ZIP") return Compression::zip;
    if (name == "ZSTD") return Compression::zstd;
    if (name == "Snappy" || name == "SNAPPY") return Compression::snappy;
    if (name == "HADOOP_SNAPPY") return Compression::hadoop_snappy;
    return fail(
        ErrorCode::invalid_input,
        fmt::format("the compression '{}' isn't one of UNCOMPRESSED, GZIP, ZIP, ZSTD, Snappy, "
                    "HADOOP_SNAPPY",
                    name));
}

std::string_view extension_of(Compression compression) {
    switch (compression) {
        case Compression::gzip: return ".gz";
        case Compression::zip: return ".zip";
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
    const Deflate deflate(libdeflate_alloc_compressor(6), libdeflate_free_compressor);
    if (!deflate) return fail(ErrorCode::exhausted, "no memory to compress with");
    if (compression == Compression::zip) return zip_of(bytes, deflate);
    if (compression == Compression::gzip) {
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
