#include "expression/zarr/block_packing.h"

#include <blosc.h>

#include <cassert>

#include "expression/output/deflate.h"

namespace stroma::expression {
namespace {

// A blosc stream of one block: 16 bytes of header, one entry of the table, the block.
constexpr std::size_t header_bytes = 16, entry_bytes = 4;
constexpr std::byte memcpyed{0x02}, not_split{0x10};

}  // namespace

BlockPacking::BlockPacking(ZarrCodec codec, std::size_t value_bytes, std::size_t block_bytes)
    : codec_(codec), value_bytes_(value_bytes), block_bytes_(block_bytes) {
    assert(block_bytes >= 128 && block_bytes % value_bytes == 0);
    const Bytes empty(block_bytes);
    if (is_blosc()) {
        Bytes stream;
        compress_blosc(empty, value_bytes_, codec_, block_bytes_, stream);
        version_ = stream[0];
        codec_version_ = stream[1];
        flags_ = stream[2];
        assert((flags_ & memcpyed) == std::byte{0});
    }
    pack(empty, zeros_);
}

void BlockPacking::pack(ByteSpan block, Bytes& out) const {
    assert(block.size() == block_bytes_);
    if (codec_ == ZarrCodec::none) {
        out.assign(block.begin(), block.end());
    } else if (codec_ == ZarrCodec::gzip) {
        deflate_whole(block, Deflated::gzip, zarr_gzip_level, out);
    } else {
        compress_blosc(block, value_bytes_, codec_, block_bytes_, out);
        if ((out[2] & memcpyed) != std::byte{0}) return pack_unchanged(block, out);
        assert(out[2] == flags_ && load<std::uint32_t>(out.data() + 8) == block_bytes_);
        out.erase(out.begin(), out.begin() + header_bytes + entry_bytes);
    }
}

/// A block that doesn't get smaller: each of its parts stands shuffled behind its full length.
void BlockPacking::pack_unchanged(ByteSpan block, Bytes& out) const {
    const std::size_t values = block.size() / value_bytes_;
    Bytes shuffled(block.size());
    for (std::size_t value = 0; value < values; ++value)
        for (std::size_t byte = 0; byte < value_bytes_; ++byte)
            shuffled[byte * values + value] = block[value * value_bytes_ + byte];
    const std::size_t parts = (flags_ & not_split) != std::byte{0} ? 1 : value_bytes_;
    const std::size_t part_bytes = block.size() / parts;
    out.resize(parts * (4 + part_bytes));
    for (std::size_t part = 0; part < parts; ++part) {
        std::byte* to = out.data() + part * (4 + part_bytes);
        store(to, static_cast<std::uint32_t>(part_bytes));
        std::memcpy(to + 4, shuffled.data() + part * part_bytes, part_bytes);
    }
}

std::size_t BlockPacking::head_bytes(std::size_t blocks) const {
    return is_blosc() ? header_bytes + entry_bytes * blocks : 0;
}

Bytes BlockPacking::head(std::span<const std::size_t> packed_sizes) const {
    Bytes head(head_bytes(packed_sizes.size()));
    if (head.empty()) return head;
    std::size_t at = head.size();
    for (std::size_t block = 0; block < packed_sizes.size(); ++block) {
        store(head.data() + header_bytes + entry_bytes * block, static_cast<std::uint32_t>(at));
        at += packed_sizes[block];
    }
    head[0] = version_;
    head[1] = codec_version_;
    head[2] = flags_;
    head[3] = static_cast<std::byte>(value_bytes_);
    store(head.data() + 4, static_cast<std::uint32_t>(block_bytes_ * packed_sizes.size()));
    store(head.data() + 8, static_cast<std::uint32_t>(block_bytes_));
    store(head.data() + 12, static_cast<std::uint32_t>(at));
    return head;
}

}  // namespace stroma::expression
