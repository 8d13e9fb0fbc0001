#include "delivery/jq_query.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "delivery/jq_child.h"

namespace stroma::delivery {
namespace {

/// The keys as text, or "!" and the words.
std::string keys(const std::string& program, std::string_view record) {
    const auto answers = JqQuery{.program = program}.keys_of({record});
    if (answers.size() != 1) return "no answer";
    if (!answers[0]) return "!" + answers[0].error().message;
    std::string text;
    for (const auto& [name, value] : *answers[0]) text += name + "=" + value + ";";
    return text;
}

TEST(JqQuery, GivesScalarMembersAsText) {
    EXPECT_EQ(keys("{c: .customer, n: .n, b: .b}", R"({"customer":"x y","n":1.5,"b":false})"),
              "b=false;c=x y;n=1.5;");
    EXPECT_EQ(keys(R"({y: (.t | strftime("%Y-%m"))})", R"({"t":1700000000})"), "y=2023-11;");
    EXPECT_EQ(keys(R"({c: (.name | sub("[^a-z]"; "_"))})", R"({"name":"aB"})"), "c=a_;");
}

TEST(JqQuery, SaysWhyARecordHasNone) {
    EXPECT_TRUE(keys("{c: .c}", "{").starts_with("!Non JSON record provided"));
    EXPECT_EQ(keys("{c: .c}", "{}"), "!partition keys are null or empty: c");
    EXPECT_EQ(keys("{c: .c}", R"({"c":[1]})"), "!partition keys are null or empty: c");
    EXPECT_EQ(keys(".c", R"({"c":1})"), "!the query doesn't give an object");
    EXPECT_EQ(keys("empty", "{}"), "!the query failed: it gives nothing");
    EXPECT_EQ(keys(R"(error("no"))", "{}"), "!the query failed: no");
}

TEST(JqQuery, EachRecordHasItsOwnAnswer) {
    std::vector<std::string> records;
    for (int i = 0; i < 5000; ++i)
        records.push_back(i % 7 == 0 ? "broken" : R"({"c":)" + std::to_string(i) + "}");
    const std::vector<std::string_view> views(records.begin(), records.end());
    const auto answers = JqQuery{.program = "{c: .c}"}.keys_of(views);
    ASSERT_EQ(answers.size(), records.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
        ASSERT_EQ(answers[i].has_value(), i % 7 != 0) << i;
        if (answers[i]) {
            ASSERT_EQ(answers[i]->at("c"), std::to_string(i));
        }
    }
    EXPECT_TRUE(JqQuery{.program = "{c: .c}"}.keys_of({}).empty());
}

TEST(JqQuery, IsCheckedBeforeItIsUsed) {
    EXPECT_TRUE(JqQuery{.program = "{c: .c}"}.check());
    const auto checked = JqQuery{.program = "{c: "}.check();
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_input);
    EXPECT_TRUE(checked.error().message.starts_with("the query isn't jq: "));
}

TEST(JqQuery, SeesNeitherFilesNorTheEnvironment) {
    ASSERT_EQ(::setenv("STROMA_TEST_SECRET", "hunter2", 1), 0);
    EXPECT_EQ(keys("{c: env.STROMA_TEST_SECRET}", "{}"), "!partition keys are null or empty: c");
    EXPECT_EQ(keys("{c: $ENV.STROMA_TEST_SECRET}", "{}"), "!partition keys are null or empty: c");
    const auto checked =
        JqQuery{.program = R"(import "passwd" as $p {search: "/etc"}; {c: $p})"}.check();
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_input);
}

TEST(JqQuery, ThatTakesAllMemoryIsStopped) {
    const std::string words = keys("{c: ([range(1e9)] | length)}", "{}");
    EXPECT_TRUE(words.starts_with("!the query was stopped: ")) << words;
}

TEST(JqQuery, ThatRunsForEverIsStopped) {
    const JqQuery endless{.program = "{c: last(range(1e15))}", .time = Milliseconds(300)};
    const auto answers = endless.keys_of({"{}", "{}"});
    ASSERT_EQ(answers.size(), 2u);
    for (const auto& answer : answers) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().message, "the query was stopped: it took more than 150 ms");
    }
}

TEST(JqQuery, ARecordThatStopsItTakesNoOtherWithIt) {
    const JqQuery query{.program = "{c: (if .c == 3 then ([range(1e9)] | length) else .c end)}",
                        .time = Milliseconds(120'000)};
    std::vector<std::string> records;
    for (int i = 0; i < 5; ++i) records.push_back(R"({"c":)" + std::to_string(i) + "}");
    const auto answers = query.keys_of({records.begin(), records.end()});
    ASSERT_EQ(answers.size(), records.size());
    for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].has_value(), i != 3);
    EXPECT_EQ(answers[3].error().code, ErrorCode::exhausted);
}

}  // namespace
}  // namespace stroma::delivery

int main(int count, char** arguments) {
    if (stroma::delivery::is_jq_child(count, arguments)) stroma::delivery::run_jq_child();
    testing::InitGoogleTest(&count, arguments);
    return RUN_ALL_TESTS();
}
