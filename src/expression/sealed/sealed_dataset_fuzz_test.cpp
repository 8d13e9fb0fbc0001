#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "expression/sealed_samples.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace stroma::expression {
namespace {

void run(const Bytes& input) {
    EXPECT_EQ(
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()),
        0);
}

/// test/corpus/sealed_dataset, found upwards from here.
fs::path corpus() {
    for (fs::path folder = fs::current_path(); folder != folder.parent_path();
         folder = folder.parent_path())
        if (fs::exists(folder / "test/corpus/sealed_dataset"))
            return folder / "test/corpus/sealed_dataset";
    return {};
}

TEST(SealedDatasetFuzz, TheCorpusIsReadSafely) {
    const fs::path folder = corpus();
    ASSERT_FALSE(folder.empty()) << "run this inside the project's folder";
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        run(to_bytes(*read_file(entry.path())));
        ++files;
    }
    EXPECT_GT(files, 0u);
}

TEST(SealedDatasetFuzz, DamageBehindTheChecksumsIsReadSafely) {
    for (const samples::Values values :
         {samples::Values::counts, samples::Values::log_normalised, samples::Values::scaled}) {
        AnnotatedData data = samples::dataset_of(
            samples::random_matrix({12, 9, 0.6, ValueType::float32, values}, 1));
        Bytes file = samples::seal(data);
        file.insert(file.begin(), std::byte{0});
        std::mt19937 random(9);
        for (int i = 0; i < 1500; ++i) {
            Bytes damaged = file;
            damaged[0] = static_cast<std::byte>(random() % 2);
            for (auto flips = 1 + random() % 3; flips > 0; --flips)
                damaged[1 + random() % (file.size() - 1)] = static_cast<std::byte>(random());
            run(damaged);
        }
    }
}

}  // namespace
}  // namespace stroma::expression
