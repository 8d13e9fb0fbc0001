#include <gtest/gtest.h>

#include <random>

#include "base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace stroma::expression {
namespace {

/// test/corpus/csv, found upwards from here.
fs::path corpus() {
    for (fs::path folder = fs::current_path(); folder != folder.parent_path();
         folder = folder.parent_path())
        if (fs::exists(folder / "test/corpus/csv")) return folder / "test/corpus/csv";
    return {};
}

int run(const std::string& input) {
    return LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()),
                                  input.size());
}

TEST(CsvFuzz, TheCorpusAndDamagedCopiesOfItAreReadSafely) {
    const fs::path folder = corpus();
    ASSERT_FALSE(folder.empty()) << "run this inside the project's folder";
    std::mt19937 random(7);
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string seed = *read_file(entry.path());
        EXPECT_EQ(run(seed), 0);
        ++files;
        for (int i = 0; i < 200 && !seed.empty(); ++i) {
            std::string damaged = seed;
            for (auto flips = 1 + random() % 3; flips > 0; --flips)
                damaged[random() % damaged.size()] = static_cast<char>(random());
            if (i % 4 == 0) damaged.resize(random() % damaged.size());
            EXPECT_EQ(run(damaged), 0);
        }
    }
    EXPECT_GT(files, 0u);
}

}  // namespace
}  // namespace stroma::expression
