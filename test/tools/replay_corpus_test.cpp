#include <gtest/gtest.h>

#include <random>

#include "base/file.h"

// What a fuzz target was given before, given again by every make test: each file of its corpus,
// cut at some places, and damaged. stroma_fuzz (cmake/StromaTargets.cmake) says which corpus.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace stroma {
namespace {

constexpr std::size_t cuts = 13;

void replay(const std::string& input) {
    EXPECT_EQ(
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()),
        0);
}

void replay_cut(const std::string& seed) {
    for (std::size_t size = 0; size < seed.size(); size += seed.size() / cuts + 1)
        replay(seed.substr(0, size));
}

void replay_damaged(const std::string& seed, std::mt19937& random) {
    for (int copy = 0; copy < STROMA_DAMAGED_COPIES && !seed.empty(); ++copy) {
        std::string damaged = seed;
        for (auto flips = 1 + random() % 3; flips > 0; --flips)
            damaged[random() % damaged.size()] = static_cast<char>(random());
        if (copy % 4 == 0) damaged.resize(random() % damaged.size());
        replay(damaged);
    }
}

TEST(Replay, TheCorpusAndItsCutAndDamagedCopiesAreReadOrRefused) {
    std::mt19937 random(7);
    int seeds = 0;
    for (const auto& entry : fs::directory_iterator(STROMA_CORPUS)) {
        SCOPED_TRACE(entry.path().filename().string());
        const std::string seed = read_file(entry.path()).value();
        replay(seed);
        replay_cut(seed);
        replay_damaged(seed, random);
        ++seeds;
    }
    EXPECT_GT(seeds, 0);
}

}  // namespace
}  // namespace stroma
