#include "image/tile_codec.h"

#include <gtest/gtest.h>

#include <random>

namespace stroma::image {
namespace {

/// Values as pictures have them: noise in the low bits, runs of labels, nothing at all.
Bytes made_values(std::size_t count, PixelType type, int kind) {
    Bytes bytes(count * size_of(type));
    std::mt19937 random(static_cast<unsigned>(count) + static_cast<unsigned>(kind));
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t value = 0;
        if (kind == 0) value = static_cast<std::uint32_t>(random());
        if (kind == 1) value = 500 + static_cast<std::uint32_t>(random()) % 400;
        if (kind == 2) value = static_cast<std::uint32_t>(i / 23 % 7 * 70'001);
        for (std::size_t byte = 0; byte < size_of(type); ++byte)
            bytes[i * size_of(type) + byte] = static_cast<std::byte>(value >> (8 * byte));
    }
    return bytes;
}

TEST(TileCodec, UnpacksWhatBloscPackedWhateverSizeTypeAndContent) {
    for (const PixelType type : {PixelType::uint8, PixelType::uint16, PixelType::int32})
        for (const std::size_t count :
             {1, 7, 64, 100, 640, 4096, 65'536 + 64, 300 * 512 - 8, 512 * 512})
            for (const int kind : {0, 1, 2, 3})
                for (const bool are_labels : {false, true}) {
                    const Bytes values = made_values(count, type, kind);
                    const Bytes packed = packed_tile(values, type, are_labels).value();
                    Bytes out(values.size());
                    ASSERT_TRUE(unpack_tile(packed, out));
                    ASSERT_EQ(out, values) << name_of(type) << ' ' << count << ' ' << kind;
                }
}

TEST(TileCodec, DamagedBytesAreRefusedOrGiveOtherPixels) {
    std::mt19937 random(5);
    for (const bool are_labels : {false, true}) {
        const Bytes values = made_values(512 * 64, PixelType::uint16, 2);
        const Bytes packed = packed_tile(values, PixelType::uint16, are_labels).value();
        Bytes out(values.size());
        EXPECT_FALSE(unpack_tile(packed, std::span(out).first(out.size() - 128)));
        EXPECT_FALSE(unpack_tile(ByteSpan(packed).first(packed.size() / 2), out));
        EXPECT_FALSE(unpack_tile({}, out));
        for (int round = 0; round < 20'000; ++round) {
            Bytes damaged = packed;
            for (int i = 0; i < 3; ++i)
                damaged[random() % (round % 2 == 0 ? 40 : damaged.size())] =
                    static_cast<std::byte>(random());
            static_cast<void>(unpack_tile(damaged, out));
        }
    }
}

}  // namespace
}  // namespace stroma::image
