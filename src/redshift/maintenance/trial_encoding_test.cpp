#include "redshift/maintenance/trial_encoding.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace stroma::redshift {
namespace {

std::map<std::string, std::uint64_t> bytes_of(EncodingTrial& trial) {
    std::map<std::string, std::uint64_t> found;
    for (const auto& size : trial.sizes()) found[size.encoding] = size.bytes;
    return found;
}

// Counted by hand after the guide's descriptions.
TEST(EncodingTrial, SizesOfAFewNumbersAreThoseOfTheGuide) {
    EncodingTrial trial(EncodedKind::whole, 4);
    for (const std::int64_t value : {5, 5, 5, 300, 301, 100'000}) trial.add(value);
    auto bytes = bytes_of(trial);
    EXPECT_EQ(bytes["raw"], 6u * 4);
    EXPECT_EQ(bytes["runlength"], 4u * 5);            // four runs
    EXPECT_EQ(bytes["bytedict"], 6u + 4 * 4);         // a code each, four values
    EXPECT_EQ(bytes["mostly8"], 1u + 3 * 1 + 3 * 4);  // 300 and above don't fit a byte
    EXPECT_EQ(bytes["mostly16"], 1u + 5 * 2 + 4);
    EXPECT_EQ(bytes["delta"], 4u + 1 + 1 + 5 + 1 + 5);  // 295 and 99,699 don't fit
    EXPECT_EQ(bytes["delta32k"], 4u + 2 + 2 + 2 + 2 + 6);
    EXPECT_EQ(bytes["az64"], 4u + 1 + (6 * 17 + 7) / 8);  // 99,995 needs 17 bits
    EXPECT_FALSE(bytes.contains("mostly32"));
}

TEST(EncodingTrial, SizesOfAFewTextsAreThoseOfTheGuide) {
    EncodingTrial trial(EncodedKind::text, 0);
    for (const char* value : {"red car", "red car", "blue car"}) trial.add(std::string_view(value));
    auto bytes = bytes_of(trial);
    EXPECT_EQ(bytes["raw"], 3u * 4 + 22);
    EXPECT_EQ(bytes["bytedict"], 3u + (4 + 7) + (4 + 8));
    EXPECT_EQ(bytes["runlength"], (4u + 7 + 1) + (4 + 8 + 1));
    EXPECT_EQ(bytes["text255"], 3u * 4 + 6 + (3 + 1) + (3 + 1) + (4 + 1));
}

TEST(EncodingTrial, TheBestFollowsFromTheValues) {
    std::mt19937_64 random(7);
    const auto best = [](EncodedKind kind, std::size_t width, const auto& make) {
        EncodingTrial trial(kind, width);
        for (int at = 0; at < 5000; ++at) trial.add(make(at));
        return trial.best().encoding;
    };
    const auto any = [&] { return static_cast<std::int64_t>(random()); };
    EXPECT_EQ(best(EncodedKind::whole, 8, [&](int) { return any(); }), "raw");
    EXPECT_EQ(best(EncodedKind::whole, 8, [](int at) { return std::int64_t{at / 1000}; }),
              "zstd");  // which holds five runs in less than their lengths
    EXPECT_EQ(best(EncodedKind::whole, 4, [&](int) { return any() % 900; }), "az64");
    EXPECT_EQ(best(EncodedKind::whole, 8, [&](int) { return (any() % 90) << 40; }), "bytedict");
    EXPECT_EQ(best(EncodedKind::real, 8, [&](int) { return static_cast<double>(any()) / 7; }),
              "raw");
    EXPECT_EQ(
        best(EncodedKind::text, 0, [&](int at) { return "sample number " + std::to_string(at); }),
        "zstd");
    EXPECT_EQ(best(EncodedKind::flag, 1, [&](int) { return any() & 1; }), "zstd");
}

// Each block has a dictionary of its own.
TEST(EncodingTrial, BlocksAreEncodedByThemselves) {
    EncodingTrial trial(EncodedKind::whole, 8);
    constexpr std::uint64_t a_block = (1u << 20) / 8;
    for (std::uint64_t at = 0; at < 2 * a_block; ++at)
        trial.add(static_cast<std::int64_t>(at % 200));
    EXPECT_EQ(bytes_of(trial)["bytedict"], 2 * (a_block + 200 * 8));
}

TEST(EncodingTrial, OfNoValuesNothingIsKnown) {
    EncodingTrial trial(EncodedKind::text, 0);
    EXPECT_EQ(trial.best().encoding, "raw");
    EXPECT_EQ(trial.best().bytes, 0u);
}

}  // namespace
}  // namespace stroma::redshift
