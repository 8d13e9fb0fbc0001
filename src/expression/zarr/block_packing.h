#pragma once

#include <cstdint>
#include <span>

#include "expression/zarr/zarr_folder.h"

namespace stroma::expression {

/// Packs a Zarr chunk block by block, so that a chunk may be far larger than the memory that makes
/// it, and on all cores. The readers see one chunk: blosc's blocks are independent (its header, a
/// table of where each begins, the blocks), gzip's members and bytes as they are can be joined.
/// source  c-blosc's README_HEADER and README_CHUNK_FORMAT, version 1
class BlockPacking {
public:
    /// Every block has `block_bytes` (at least 128, a multiple of value_bytes).
    BlockPacking(ZarrCodec codec, std::size_t value_bytes, std::size_t block_bytes);

    /// One block as it will stand in the chunk. Any thread.
    void pack(ByteSpan block, Bytes& out) const;
    /// A packed block of zeros.
    const Bytes& zeros() const { return zeros_; }
    /// What stands before the blocks, once their sizes are known. Its own size depends on their
    /// number only.
    Bytes head(std::span<const std::size_t> packed_sizes) const;
    std::size_t head_bytes(std::size_t blocks) const;

private:
    bool is_blosc() const { return codec_ == ZarrCodec::lz4 || codec_ == ZarrCodec::zstd; }
    void pack_unchanged(ByteSpan block, Bytes& out) const;

    ZarrCodec codec_;
    std::size_t value_bytes_, block_bytes_;
    Bytes zeros_;
    std::byte version_{}, codec_version_{}, flags_{};
};

}  // namespace stroma::expression
