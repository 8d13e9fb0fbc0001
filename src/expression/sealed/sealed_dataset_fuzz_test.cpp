#include <gtest/gtest.h>

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
