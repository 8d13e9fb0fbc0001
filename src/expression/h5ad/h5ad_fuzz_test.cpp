#include <gtest/gtest.h>

#include <random>

#include "base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace stroma {
namespace {

TEST(H5adFuzz, EveryKnownInputIsReadOrRefused) {
    int inputs = 0;
    for (const auto& entry : fs::directory_iterator(STROMA_CORPUS)) {
        std::string bytes = read_file(entry.path()).value();
        const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
        EXPECT_EQ(LLVMFuzzerTestOneInput(data, bytes.size()), 0) << entry.path();
        for (std::size_t size = 0; size < bytes.size(); size += bytes.size() / 13 + 1)
            EXPECT_EQ(LLVMFuzzerTestOneInput(data, size), 0) << entry.path() << " cut to " << size;
        ++inputs;
    }
    EXPECT_GE(inputs, 5);
}

}  // namespace
}  // namespace stroma
