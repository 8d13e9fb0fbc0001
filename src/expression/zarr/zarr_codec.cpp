#include "expression/zarr/zarr_codec.h"

#include <blosc.h>
#include <fmt/format.h>
#include <libdeflate.h>
#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

namespace stroma::expression {
namespace {

tl::unexpected<Error> damaged(std::string_view how) {
    return fail(ErrorCode::invalid_input, fmt::format("is damaged: {}", how));
}

/// Checks a size that a chunk's header declares.
Result<void> check_declared(std::uint64_t declared, std::uint64_t expected,
                            std::uint64_t bytes_max) {
    if (expected != 0 && declared != expected)
        return damaged(fmt::format("it declares {} bytes where {} are due", declared, expected));
    if (declared > bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("declares {} bytes; the limit is {}", declared, bytes_max));
    return {};
}

Result<Bytes> unpack_blosc(ByteSpan packed, std::uint64_t expected, std::uint64_t bytes_max) {
    std::size_t declared = 0;
    if (packed.size() < BLOSC_MIN_HEADER_LENGTH ||
        blosc_cbuffer_validate(packed.data(), packed.size(), &declared) < 0)
        return damaged("its blosc header is wrong");
    TRY(check_declared(declared, expected, bytes_max));
    Bytes out(declared);
    const int got = blosc_decompress_ctx(packed.data(), out.data(), out.size(), 1);
    if (got < 0 || static_cast<std::size_t>(got) != out.size())
        return damaged("blosc can't unpack it");
    return out;
}

Result<Bytes> unpack_deflate(ByteSpan packed, bool is_gzip, std::uint64_t expected,
                             std::uint64_t bytes_max) {
    const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflate(
        libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
    std::uint64_t room = expected != 0 ? expected : packed.size() * 4 + 4096;
    while (true) {
        Bytes out(std::min(room, bytes_max));
        std::size_t got = 0;
        const auto unpack = is_gzip ? libdeflate_gzip_decompress : libdeflate_zlib_decompress;
        const libdeflate_result code =
            unpack(inflate.get(), packed.data(), packed.size(), out.data(), out.size(), &got);
        if (code == LIBDEFLATE_SUCCESS) {
            if (expected != 0 && got != expected)
                return damaged(fmt::format("it holds {} bytes where {} are due", got, expected));
            out.resize(got);
            return out;
        }
        if (code != LIBDEFLATE_INSUFFICIENT_SPACE) return damaged("not deflate data");
        if (expected != 0) return damaged(fmt::format("it holds more than {} bytes", expected));
        if (room >= bytes_max || room > packed.size() * 1100 + 4096)
            return fail(ErrorCode::exhausted,
                        fmt::format("unpacks to more than {} bytes", std::min(room, bytes_max)));
        room *= 4;
    }
}

Result<Bytes> unpack_zstd(ByteSpan packed, std::uint64_t expected, std::uint64_t bytes_max) {
    const std::uint64_t declared = ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (declared == ZSTD_CONTENTSIZE_ERROR) return damaged("not a zstd frame");
    std::uint64_t room = expected;
    if (declared != ZSTD_CONTENTSIZE_UNKNOWN) {
        TRY(check_declared(declared, expected, bytes_max));
        room = declared;
    } else if (room == 0) {
        room = std::min(bytes_max, packed.size() * 200 + (1u << 20));
    }
    Bytes out(room);
    const std::size_t got = ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size());
    if (ZSTD_isError(got) != 0) return damaged(ZSTD_getErrorName(got));
    if (expected != 0 && got != expected)
        return damaged(fmt::format("it holds {} bytes where {} are due", got, expected));
    out.resize(got);
    return out;
}

Result<Bytes> unpack_lz4(ByteSpan packed, std::uint64_t expected, std::uint64_t bytes_max) {
    if (packed.size() < 4) return damaged("it has no lz4 size");
    const auto declared = load<std::uint32_t>(packed.data());
    TRY(check_declared(declared, expected, std::min<std::uint64_t>(bytes_max, LZ4_MAX_INPUT_SIZE)));
    if (declared > packed.size() * 256 + 64) return damaged("its size can't be");
    Bytes out(declared);
    const int got = LZ4_decompress_safe(
        reinterpret_cast<const char*>(packed.data() + 4), reinterpret_cast<char*>(out.data()),
        static_cast<int>(packed.size() - 4), static_cast<int>(declared));
    if (got < 0 || static_cast<std::uint32_t>(got) != declared)
        return damaged("lz4 can't unpack it");
    return out;
}

}  // namespace

bool knows_codec(std::string_view codec) {
    return codec.empty() || codec == "blosc" || codec == "zlib" || codec == "gzip" ||
           codec == "zstd" || codec == "lz4";
}

Result<Bytes> unpack_chunk(std::string_view codec, Bytes packed, std::uint64_t expected,
                           std::uint64_t bytes_max) {
    if (codec == "blosc") return unpack_blosc(packed, expected, bytes_max);
    if (codec == "zlib" || codec == "gzip")
        return unpack_deflate(packed, codec == "gzip", expected, bytes_max);
    if (codec == "zstd") return unpack_zstd(packed, expected, bytes_max);
    if (codec == "lz4") return unpack_lz4(packed, expected, bytes_max);
    TRY(check_declared(packed.size(), expected, bytes_max));
    return packed;
}

bool has_blosc_items(ByteSpan packed, std::uint64_t expected, std::size_t item_bytes) {
    std::size_t declared = 0;
    if (packed.size() < BLOSC_MIN_HEADER_LENGTH ||
        blosc_cbuffer_validate(packed.data(), packed.size(), &declared) < 0 || declared != expected)
        return false;
    std::size_t type_bytes = 0;
    int flags = 0;
    blosc_cbuffer_metainfo(packed.data(), &type_bytes, &flags);
    return type_bytes == item_bytes;
}

Result<void> unpack_items(ByteSpan packed, std::uint64_t first, std::uint64_t count,
                          std::size_t item_bytes, std::byte* to) {
    const int got =
        blosc_getitem(packed.data(), static_cast<int>(first), static_cast<int>(count), to);
    if (got < 0 || static_cast<std::uint64_t>(got) != count * item_bytes)
        return damaged("blosc can't unpack it");
    return {};
}

}  // namespace stroma::expression
