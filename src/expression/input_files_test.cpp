#include "expression/input_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

namespace stroma::expression {
namespace {

class InputFilesTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "input_files_XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        fs::create_directories(folder_ / "in/a/b");
        write("secret", "42");
        write("in/z", "1");
        write("in/a/b/c", "22");
        write("in/a.txt", "333");
    }
    void TearDown() override { fs::remove_all(folder_); }
    void write(const std::string& name, std::string_view text) {
        std::ofstream(folder_ / name) << text;
    }
    ErrorCode error_of(InputFiles& files, std::string_view name) {
        const auto file = files.open(name);
        EXPECT_FALSE(file) << name;
        return file ? ErrorCode::corrupt : file.error().code;
    }

    fs::path folder_;
};

TEST_F(InputFilesTest, AFileHasOneName) {
    const auto files = open_input(folder_ / "in/a.txt");
    ASSERT_TRUE(files);
    EXPECT_FALSE((*files)->is_folder());
    EXPECT_EQ((*files)->name(), "a.txt");
    EXPECT_EQ((*files)->list().value(), std::vector<std::string>{"a.txt"});
    EXPECT_EQ((*files)->open("a.txt")->size().value(), 3u);
    EXPECT_EQ(error_of(**files, "z"), ErrorCode::not_found);
    EXPECT_EQ(error_of(**files, "../secret"), ErrorCode::not_found);
}

TEST_F(InputFilesTest, AFolderListsItsFilesInByteOrder) {
    const auto files = open_input(folder_ / "in");
    ASSERT_TRUE(files);
    EXPECT_TRUE((*files)->is_folder());
    EXPECT_EQ((*files)->name(), "in");
    EXPECT_EQ((*files)->list().value(), (std::vector<std::string>{"a.txt", "a/b/c", "z"}));
    EXPECT_EQ((*files)->open("a/b/c")->size().value(), 2u);
    EXPECT_EQ(open_input(folder_ / "in/").value()->name(), "in");
}

TEST_F(InputFilesTest, NoNameLeavesTheFolder) {
    const auto files = open_input(folder_ / "in");
    ASSERT_TRUE(files);
    const std::string absolute = (folder_ / "secret").string(), long_name(1025, 'x');
    for (const std::string_view name :
         {std::string_view("../secret"), std::string_view("a/../../secret"), std::string_view(""),
          std::string_view(absolute), std::string_view("z\0y", 3), std::string_view(long_name),
          std::string_view("..")})
        EXPECT_EQ(error_of(**files, name), ErrorCode::invalid_input) << name;
    EXPECT_EQ(error_of(**files, "none"), ErrorCode::not_found);
    EXPECT_EQ(error_of(**files, "z/none"), ErrorCode::not_found);
    EXPECT_EQ(error_of(**files, "a"), ErrorCode::invalid_input) << "a folder isn't a file";
}

TEST_F(InputFilesTest, LinksAreFollowedInsideTheFolderOnly) {
    fs::create_symlink("z", folder_ / "in/inside");
    fs::create_symlink("../secret", folder_ / "in/outside");
    fs::create_symlink(folder_ / "secret", folder_ / "in/absolute");
    fs::create_symlink("..", folder_ / "in/up");
    fs::create_symlink("circle", folder_ / "in/circle");
    const auto files = open_input(folder_ / "in");
    ASSERT_TRUE(files);
    EXPECT_EQ((*files)->open("inside")->size().value(), 1u);
    for (const char* name : {"outside", "absolute", "up/secret", "circle"})
        EXPECT_EQ(error_of(**files, name), ErrorCode::invalid_input) << name;
    EXPECT_EQ((*files)->list().value(),
              (std::vector<std::string>{"a.txt", "a/b/c", "inside", "z"}));
}

TEST_F(InputFilesTest, AFolderReplacedByALinkAfterOpeningChangesNothing) {
    const auto files = open_input(folder_ / "in");
    ASSERT_TRUE(files);
    fs::rename(folder_ / "in", folder_ / "moved");
    fs::create_symlink(folder_, folder_ / "in");
    EXPECT_EQ((*files)->open("z")->size().value(), 1u);
    EXPECT_EQ(error_of(**files, "secret"), ErrorCode::not_found);
}

TEST_F(InputFilesTest, PipesAndDevicesAreRefusedWithoutWaiting) {
    ASSERT_EQ(::mkfifo((folder_ / "in/pipe").c_str(), 0600), 0);
    const auto files = open_input(folder_ / "in");
    ASSERT_TRUE(files);
    EXPECT_EQ(error_of(**files, "pipe"), ErrorCode::invalid_input);
    const auto device = open_input("/dev/null");
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().code, ErrorCode::invalid_input);
    EXPECT_EQ(open_input(folder_ / "in/pipe").error().code, ErrorCode::invalid_input);
    EXPECT_EQ(open_input(folder_ / "none").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace stroma::expression
