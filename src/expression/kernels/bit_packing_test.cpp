#include "expression/kernels/bit_packing.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "expression/sealed/line_codec.h"

namespace stroma::expression {
namespace {

class EachPath : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        before_ = unpacking_path();
        if (!choose_unpacking_path(GetParam()))
            GTEST_SKIP() << "this processor lacks " << GetParam();
    }
    void TearDown() override { choose_unpacking_path(before_.c_str()); }

private:
    std::string before_;
};

TEST_P(EachPath, UnpackingGivesBackWhatWasPackedAtEveryWidthAndCount) {
    std::mt19937 random(1);
    for (unsigned width = 0; width <= 32; ++width)
        for (std::size_t count = 0; count <= values_per_chunk; ++count) {
            std::vector<std::uint32_t> values(count);
            for (std::uint32_t& value : values)
                value = width == 0 ? 0 : static_cast<std::uint32_t>(random()) >> (32 - width);
            const std::size_t size = packed_size(count, width);
            std::vector<std::byte> packed(size + packed_slack, std::byte{0xEE});
            pack_bits(values.data(), count, width, packed.data());
            EXPECT_EQ(packed[size], std::byte{0xEE});
            std::vector<std::uint32_t> back(count + unpacked_slack);
            unpack_bits(packed.data(), count, width, 5, back.data());
            for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(back[i], values[i] + 5);
            unpack_places(packed.data(), count, width, 100, back.data());
            std::uint32_t place = 100;
            for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(back[i], place += values[i] + 1);
        }
}

INSTANTIATE_TEST_SUITE_P(BitPacking, EachPath, testing::Values("portable", "avx2", "avx512vbmi"));

TEST(LineCodec, ALineOfAnyGapsAndCodesComesBack) {
    std::mt19937_64 random(2);
    for (int round = 0; round < 300; ++round) {
        const std::uint32_t limit = round % 3 == 0 ? 1u << 31 : 1000 + 1000u * round;
        std::vector<std::uint32_t> places, codes;
        const auto gap_bits = static_cast<unsigned>(1 + random() % 30);
        for (std::uint64_t place = random() % 50; place < limit && places.size() < 500;
             place += 1 + random() % (1u << gap_bits)) {
            places.push_back(static_cast<std::uint32_t>(place));
            codes.push_back(static_cast<std::uint32_t>(random()) >> random() % 32);
        }
        Bytes line;
        ASSERT_TRUE(append_line(places, codes, line));
        const std::size_t size = line.size();
        line.resize(size + packed_slack);
        std::vector<std::uint32_t> places_back(places.size() + unpacked_slack);
        std::vector<std::uint32_t> codes_back(places_back.size());
        const auto count = static_cast<std::uint32_t>(places.size());
        ASSERT_TRUE(decode_line(ByteSpan(line).first(size), count, limit, true, places_back.data(),
                                codes_back.data()));
        places_back.resize(count);
        codes_back.resize(count);
        EXPECT_EQ(places_back, places);
        EXPECT_EQ(codes_back, codes);
        EXPECT_FALSE(count > 0 && decode_line(ByteSpan(line).first(size), count, places.back(),
                                              true, places_back.data(), nullptr));
    }
}

TEST(LineCodec, NoBytesMakePlacesThatFallOrPassTheLimit) {
    std::mt19937 random(3);
    std::uint32_t places[LineDecoder::room], codes[LineDecoder::room];
    for (int round = 0; round < 20000; ++round) {
        Bytes line(random() % 300 + packed_slack);
        for (std::byte& byte : line) byte = static_cast<std::byte>(random());
        for (std::size_t i = 0; i < 8; ++i) line[i] = static_cast<std::byte>(random() % 34);
        LineDecoder decoder(ByteSpan(line).first(line.size() - packed_slack),
                            static_cast<std::uint32_t>(1 + random() % 200), 1u << random() % 32,
                            true);
        std::int64_t before = -1;
        while (const std::size_t count = decoder.next(places, codes))
            for (std::size_t i = 0; i < count; ++i) {
                ASSERT_GT(places[i], before);
                before = places[i];
            }
        ASSERT_LT(before, std::int64_t{1} << 31);
    }
}

}  // namespace
}  // namespace stroma::expression
