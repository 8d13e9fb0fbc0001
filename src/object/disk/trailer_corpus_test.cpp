#include <gtest/gtest.h>

#include <random>

#include "base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace stroma::object {
namespace {

TEST(TrailerFuzz, TheCorpusAndItsDamagedCopiesAreDecodedOrRefused) {
    std::mt19937 random(1);
    int files = 0;
    for (const auto& entry : fs::directory_iterator(STROMA_CORPUS "/object_trailer")) {
        const std::string whole = read_file(entry.path()).value();
        for (int round = 0; round < 500; ++round) {
            std::string bytes = whole;
            for (int change = 0; change < round % 5 && !bytes.empty(); ++change)
                bytes[random() % bytes.size()] = static_cast<char>(random());
            if (round % 7 == 6) bytes.resize(random() % (bytes.size() + 1));
            EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                             bytes.size()),
                      0);
        }
        ++files;
    }
    EXPECT_GE(files, 3);
}

}  // namespace
}  // namespace stroma::object
