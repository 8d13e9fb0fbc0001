#include "arrow/body_compression.h"

#include <lz4frame.h>
#include <zstd.h>

#include <algorithm>

namespace stroma::arrow {
namespace {

constexpr int zstd_level = 3;
constexpr std::size_t prefix_bytes = sizeof(std::int64_t);

}  // namespace

Result<Bytes> compress_buffer(ByteSpan bytes, BodyCompression compression) {
    const bool is_zstd = compression == BodyCompression::zstd;
    const std::size_t bound =
        is_zstd ? ZSTD_compressBound(bytes.size()) : LZ4F_compressFrameBound(bytes.size(), nullptr);
    Bytes packed(prefix_bytes + bound);
    std::byte* frame = packed.data() + prefix_bytes;
    const std::size_t size =
        is_zstd ? ZSTD_compress(frame, bound, bytes.data(), bytes.size(), zstd_level)
                : LZ4F_compressFrame(frame, bound, bytes.data(), bytes.size(), nullptr);
    if (is_zstd ? ZSTD_isError(size) : LZ4F_isError(size))
        return fail(ErrorCode::exhausted, "no memory to compress an Arrow buffer");
    const bool is_shorter = size < bytes.size();
    store(packed.data(), is_shorter ? static_cast<std::int64_t>(bytes.size()) : std::int64_t{-1});
    packed.resize(prefix_bytes + (is_shorter ? size : bytes.size()));
    if (!is_shorter) std::copy(bytes.begin(), bytes.end(), packed.begin() + prefix_bytes);
    return packed;
}

}  // namespace stroma::arrow
