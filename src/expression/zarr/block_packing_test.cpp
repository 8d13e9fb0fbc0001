#include "expression/zarr/block_packing.h"

#include <blosc.h>
#include <gtest/gtest.h>

#include <random>

namespace stroma::expression {
namespace {

/// Blocks of which some are zeros, some compress well and some not at all.
std::vector<Bytes> mixed_blocks(std::size_t block_bytes) {
    std::mt19937_64 random(11);
    std::vector<Bytes> blocks(12, Bytes(block_bytes));
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i % 3 == 0) continue;
        for (std::byte& byte : blocks[i])
            byte = static_cast<std::byte>(i % 3 == 1 ? random() % 3 : random());
    }
    return blocks;
}

TEST(BlockPacking, ABloscChunkOfBlocksMadeApartIsReadByBlosc) {
    for (const ZarrCodec codec : {ZarrCodec::lz4, ZarrCodec::zstd})
        for (const std::size_t value_bytes : {1u, 4u, 8u})
            for (const std::size_t block_bytes : {128u, 4'000u, 240'000u}) {
                const BlockPacking packing(codec, value_bytes, block_bytes);
                const auto blocks = mixed_blocks(block_bytes);
                Bytes body, all;
                std::vector<std::size_t> sizes;
                for (const Bytes& block : blocks) {
                    Bytes packed;
                    packing.pack(block, packed);
                    sizes.push_back(packed.size());
                    body.insert(body.end(), packed.begin(), packed.end());
                    all.insert(all.end(), block.begin(), block.end());
                }
                Bytes chunk = packing.head(sizes);
                EXPECT_EQ(chunk.size(), packing.head_bytes(blocks.size()));
                chunk.insert(chunk.end(), body.begin(), body.end());
                std::size_t bytes = 0;
                ASSERT_EQ(blosc_cbuffer_validate(chunk.data(), chunk.size(), &bytes), 0);
                ASSERT_EQ(bytes, all.size());
                Bytes back(bytes);
                ASSERT_EQ(blosc_decompress_ctx(chunk.data(), back.data(), back.size(), 1),
                          static_cast<int>(bytes))
                    << value_bytes << " " << block_bytes;
                EXPECT_EQ(back, all);
            }
}

}  // namespace
}  // namespace stroma::expression
