#include "explorer/content_coding.h"

#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <memory>

namespace stroma::explorer {
namespace {

// Bodies are made once and served many times, yet somebody waits for the first one.
constexpr int gzip_level = 4;
constexpr int zstd_level = 3;

}  // namespace

std::string_view name_of(Coding coding) {
    switch (coding) {
        case Coding::gzip: return "gzip";
        case Coding::zstd: return "zstd";
        case Coding::identity: break;
    }
    return "";
}

Result<std::string> encode(std::string_view bytes, Coding coding) {
    assert(coding != Coding::identity);
    std::string packed;
    if (coding == Coding::zstd) {
        packed.resize(ZSTD_compressBound(bytes.size()));
        const std::size_t size =
            ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), zstd_level);
        if (ZSTD_isError(size)) return fail(ErrorCode::exhausted, "no memory to compress a body");
        packed.resize(size);
        return packed;
    }
    const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor(
        libdeflate_alloc_compressor(gzip_level), libdeflate_free_compressor);
    if (!compressor) return fail(ErrorCode::exhausted, "no memory to compress a body");
    packed.resize(libdeflate_gzip_compress_bound(compressor.get(), bytes.size()));
    packed.resize(libdeflate_gzip_compress(compressor.get(), bytes.data(), bytes.size(),
                                           packed.data(), packed.size()));
    return packed;
}

Result<std::string> inflated(std::string_view packed, std::size_t bytes_max) {
    const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> reader(
        libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
    if (!reader) return fail(ErrorCode::exhausted, "no memory to decompress a body");
    std::string bytes(std::min(bytes_max, std::max<std::size_t>(packed.size() * 4, 4096)), '\0');
    while (true) {
        std::size_t size = 0;
        const auto result = libdeflate_zlib_decompress(reader.get(), packed.data(), packed.size(),
                                                       bytes.data(), bytes.size(), &size);
        if (result == LIBDEFLATE_SUCCESS) {
            bytes.resize(size);
            return bytes;
        }
        if (result != LIBDEFLATE_INSUFFICIENT_SPACE)
            return fail(ErrorCode::invalid_input, "the body isn't deflated (zlib), or is cut");
        if (bytes.size() == bytes_max)
            return fail(ErrorCode::exhausted,
                        "the inflated body has more than " + std::to_string(bytes_max) + " bytes");
        bytes.resize(std::min(bytes_max, bytes.size() * 4));
    }
}

}  // namespace stroma::explorer
