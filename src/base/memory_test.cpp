#include "base/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace stroma {
namespace {

class ControlGroups : public testing::Test {
protected:
    ControlGroups()
        : mounted_(fs::path(testing::TempDir()) / ("groups" + std::to_string(::getpid()))) {}
    ~ControlGroups() override { fs::remove_all(mounted_); }

    void say(const std::string& file, std::string_view text) {
        const fs::path path = mounted_ / file;
        fs::create_directories(path.parent_path());
        auto out = File::create(path).value();
        ASSERT_TRUE(out.write_at(0, std::as_bytes(std::span(text))));
    }
    std::uint64_t limit(std::string_view groups) {
        return control_group_memory(groups, mounted_, 1000);
    }

    fs::path mounted_;
};

TEST_F(ControlGroups, TheLeastLimitOfAGroupAndOfThoseAboveItHolds) {
    say("memory.max", "900\n");
    say("a/memory.max", "300\n");
    say("a/b/memory.max", "max\n");
    EXPECT_EQ(limit("0::/a/b\n"), 300u);
    EXPECT_EQ(limit("0::/\n"), 900u);
    EXPECT_EQ(limit("0::/elsewhere/of/the/host\n"), 900u);
}

TEST_F(ControlGroups, VersionOneHasAFolderForMemory) {
    say("memory/memory.limit_in_bytes", "9223372036854771712\n");
    say("memory/c/memory.limit_in_bytes", "500\n");
    EXPECT_EQ(limit("5:cpu,cpuacct:/c\n4:blkio,memory:/c\n0::/\n"), 500u);
    EXPECT_EQ(limit("5:cpu,cpuacct:/c\n0::/\n"), 1000u) << "no group limits memory";
}

TEST_F(ControlGroups, WhatCannotBeReadLimitsNothing) {
    say("memory.max", "much\n");
    EXPECT_EQ(limit("0::/\n"), 1000u);
    EXPECT_EQ(limit("no groups at all"), 1000u);
    EXPECT_EQ(limit("0::/../../x\n"), 1000u);
    EXPECT_EQ(limit(""), 1000u);
}

TEST(UsableMemory, IsNoMoreThanTheMachines) {
    EXPECT_GT(usable_memory(), std::uint64_t{16} << 20);
    EXPECT_LE(usable_memory(), static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                   static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

}  // namespace
}  // namespace stroma
