#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

TEST(RequestFuzz, EveryKnownInputIsParsedTheSameHoweverItIsCut) {
    int inputs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(STROMA_CORPUS)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                         bytes.size()),
                  0);
        ++inputs;
    }
    EXPECT_GT(inputs, 10);
}

}  // namespace
