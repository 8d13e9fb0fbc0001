#include "app/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>

namespace stroma::app {
namespace {

class SettingsFile : public testing::Test {
protected:
    SettingsFile() { fs::create_directories(folder_); }
    ~SettingsFile() override { fs::remove_all(folder_); }
    Result<Settings> read(const std::string& text) {
        std::ofstream(folder_ / "stroma.toml") << text;
        return read_settings({"", folder_.string(), nullptr, {}});
    }
    const fs::path folder_ =
        fs::path(testing::TempDir()) / ("stroma-settings-" + std::to_string(::getpid()));
};

TEST_F(SettingsFile, ALaterSourceWinsOverAnEarlierOne) {
    std::ofstream(folder_ / "stroma.toml")
        << "[query]\ntime = \"10s\"\nrows_max = 7\nmemory = \"2GiB\"\n";
    const auto environment = [](const std::string& name) -> std::optional<std::string> {
        if (name == "STROMA_QUERY_TIME") return "20s";
        if (name == "STROMA_QUERY_ROWS_MAX") return "8";
        return std::nullopt;
    };
    const auto settings = read_settings({"", folder_.string(), environment, {"query.rows_max=9"}});
    ASSERT_TRUE(settings) << settings.error().message;
    EXPECT_EQ(settings->bytes("query.memory"), 2ull << 30);
    EXPECT_EQ(settings->duration("query.time"), Milliseconds{20'000});
    EXPECT_EQ(settings->number("query.rows_max"), 9);
    EXPECT_EQ(settings->origin("query.rows_max"), "--set");
    EXPECT_EQ(settings->origin("query.time"), "STROMA_QUERY_TIME");
    EXPECT_TRUE(settings->origin("query.memory").ends_with("stroma.toml:4"));
    EXPECT_EQ(settings->origin("http.address"), "default");
}

TEST_F(SettingsFile, AnUnknownNameIsRefusedWithItsLineAndTheNearestOne) {
    const auto settings = read("[http]\nadress = \"127.0.0.1:1\"\n");
    ASSERT_FALSE(settings);
    EXPECT_NE(settings.error().message.find("stroma.toml:2"), std::string::npos);
    EXPECT_NE(settings.error().message.find("did you mean 'http.address'?"), std::string::npos)
        << settings.error().message;
}

TEST_F(SettingsFile, BrokenTomlIsRefusedWithItsLine) {
    const auto settings = read("[http]\naddress = \n");
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().code, ErrorCode::invalid_input);
    EXPECT_NE(settings.error().message.find("stroma.toml:2"), std::string::npos);
}

TEST_F(SettingsFile, AValueOutsideASectionOrOfAnotherShapeIsRefused) {
    EXPECT_FALSE(read("address = \"127.0.0.1:1\"\n"));
    EXPECT_FALSE(read("[http]\naddress = [1, 2]\n"));
    EXPECT_FALSE(read("[query]\ntime = 1.5\n"));
}

TEST(Settings, AConfigFileThatIsNamedMustBeThere) {
    const auto settings = read_settings({"no-such-file.toml", "", nullptr, {}});
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().code, ErrorCode::not_found);
}

TEST(Settings, AmountsAreReadWithTheirUnits) {
    Settings settings;
    EXPECT_TRUE(settings.set("query.memory", "64 MiB", "t"));
    EXPECT_EQ(settings.bytes("query.memory"), 64ull << 20);
    EXPECT_TRUE(settings.set("query.memory", "100MB", "t"));
    EXPECT_EQ(settings.bytes("query.memory"), 100'000'000u);
    EXPECT_TRUE(settings.set("query.time", "2min", "t"));
    EXPECT_EQ(settings.duration("query.time"), Milliseconds{120'000});
    for (const auto* wrong :
         {"", "s", "5", "-5s", "5 weeks", "1e3s", "99999999999999999999s", "9223372036854775807d"})
        EXPECT_FALSE(settings.set("query.time", wrong, "t")) << wrong;
}

TEST(Settings, ValuesAtTheLimitAreTakenAndJustOutsideRefused) {
    Settings settings;
    EXPECT_TRUE(settings.set("http.handler_threads", "1", "t"));
    EXPECT_TRUE(settings.set("http.handler_threads", "1024", "t"));
    EXPECT_FALSE(settings.set("http.handler_threads", "0", "t"));
    EXPECT_FALSE(settings.set("http.handler_threads", "1025", "t"));
    EXPECT_FALSE(settings.set("log.level", "loud", "t"));
    EXPECT_FALSE(settings.set("http.address", "8080", "t"));
    EXPECT_FALSE(settings.set("http.address", "127.0.0.1:65536", "t"));
    EXPECT_TRUE(settings.set("http.address", "[::1]:0", "t"));
}

TEST(Settings, EachNameStandsOnceAndItsSectionTogether) {
    std::set<std::string_view> names, sections;
    std::string_view section;
    for (const auto& setting : setting_table()) {
        EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
        const auto its_section = setting.name.substr(0, setting.name.find('.'));
        if (its_section != section) {
            EXPECT_TRUE(sections.insert(its_section).second) << its_section;
        }
        section = its_section;
    }
}

TEST(Settings, ThePageNamesEverySettingWithItsDefaultAndItsVariable) {
    const std::string page = explain_settings();
    for (const auto& setting : setting_table()) {
        EXPECT_NE(page.find("`" + std::string(setting.name) + "`"), std::string::npos);
        EXPECT_NE(page.find(environment_name(setting.name)), std::string::npos);
    }
}

}  // namespace
}  // namespace stroma::app
