#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "base/json.h"
#include "dashboard/answer_cache.h"
#include "dashboard/dashboards.h"
#include "dashboard/parameters.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::dashboard {
namespace {

constexpr std::string_view quotes = R"({"title":"Quotes","refresh_seconds":2,
  "parameters":[{"name":"symbol","kind":"choice","choices":["AAPL","SPY"],"default":"SPY"},
                {"name":"since","kind":"date"},{"name":"least","kind":"number","default":"1.5"}],
  "panels":[{"id":"bids","kind":"line","source":"tables","y":["bid"],"unit":"$",
             "statement":"SELECT at, bid FROM quotes WHERE symbol = :symbol",
             "place":{"x":0,"y":0,"width":12,"height":5}},
            {"id":"words","kind":"text","text":"Made up."}]})";

std::string refusal_of(std::string_view json) {
    const auto read = read_definition(json);
    return read ? "" : read.error().message;
}

TEST(Definition, SaysWhatIsAsked) {
    const auto definition = read_definition(quotes).value();
    EXPECT_EQ(definition.title, "Quotes");
    const Panel* bids = definition.panel("bids");
    ASSERT_NE(bids, nullptr);
    EXPECT_EQ(bids->question.source, Source::tables);
    EXPECT_EQ(bids->refresh_seconds, 2) << "the dashboard's, where it says nothing";
    EXPECT_FALSE(definition.panel("words")->has_question);
    EXPECT_EQ(definition.parameter("least")->usual, sql::Value(1.5));
    EXPECT_EQ(read_definition(definition.json).value().json, definition.json);
}

TEST(Definition, RefusalsNameThePlace) {
    EXPECT_EQ(refusal_of(R"({"panels":[]})"), "at /title: a dashboard needs a title");
    EXPECT_EQ(refusal_of(R"({"title":"a","panel":[]})"), "at /panel: there is no 'panel' here");
    EXPECT_EQ(refusal_of(R"({"title":"a","panels":[{"id":"p","kind":"line"}]})"),
              "at /panels/0/statement: the panel needs a SELECT statement");
    EXPECT_EQ(refusal_of(R"({"title":"a","panels":[{"id":"p","kind":"pie"}]})"),
              "at /panels/0/kind: 'kind' must be one of: line, area, bar, scatter, table, number, "
              "text");
    EXPECT_EQ(refusal_of(R"({"title":"a","panels":[{"id":"p","kind":"text",
                            "place":{"x":8,"width":6}}]})"),
              "at /panels/0/place: it reaches beyond the grid's 12 columns");
    EXPECT_EQ(refusal_of(R"({"title":"a","panels":[{"id":"p","kind":"text"},
                            {"id":"p","kind":"text"}]})"),
              "at /panels: 'p' is there twice");
    EXPECT_EQ(refusal_of(R"({"title":"a","parameters":[{"name":"Drop table"}]})"),
              "at /parameters/0/name: a parameter's name has a to z, 0 to 9 and _, and begins with "
              "a letter");
    EXPECT_EQ(refusal_of(R"({"title":"a","parameters":[{"name":"d","kind":"date",
                            "default":"2026-02-30"}]})"),
              "at /parameters/0/default: a date is written 2026-11-22, or 2026-11-22 08:50:55");
    EXPECT_EQ(read_definition(std::string(definition_bytes_max + 1, ' ')).error().code,
              ErrorCode::exhausted);
}

TEST(Parameters, AreValuesOfTheirKind) {
    const auto definition = read_definition(quotes).value();
    const auto values = values_of(definition, Json{{"since", "2026-11-22"}, {"least", 3}}).value();
    const ParameterValues wanted = {{"symbol", std::string("SPY")},
                                    {"since", std::string("2026-11-22")},
                                    {"least", std::int64_t{3}}};
    EXPECT_EQ(values, wanted);
    const auto refused = [&](const Json& given) {
        return values_of(definition, given).error().message;
    };
    EXPECT_EQ(refused({{"least", "1; DROP"}}), "at /parameters/least: '1; DROP' is no number");
    EXPECT_EQ(refused({{"symbol", "IBM"}}), "at /parameters/symbol: 'IBM' isn't among its choices");
    EXPECT_EQ(refused({{"other", 1}}), "at /parameters: the dashboard has no parameter 'other'");
}

class DashboardsTest : public ::testing::Test {
protected:
    DashboardsTest()
        : database_(sql::SqliteDatabase::open_in_memory().value()),
          dashboards_(Dashboards::open(*database_, clock_, ids_).value()) {}

    static Definition named(std::string_view title) {
        return read_definition(Json{{"title", title}}.dump()).value();
    }

    ManualClock clock_;
    IdSource ids_{7};
    std::unique_ptr<sql::SqliteDatabase> database_;
    std::unique_ptr<Dashboards> dashboards_;
    const Author ada_{"ada-id", "ada"}, ben_{"ben-id", "ben"};
};

TEST_F(DashboardsTest, KeepEveryVersionUnderTheLatest) {
    const auto made = dashboards_->create(ada_, named("One")).value();
    EXPECT_EQ(made.visibility, Visibility::private_);
    clock_.advance(Milliseconds{1000});
    const auto saved = dashboards_->save(made.id, 1, ben_, named("Two")).value();
    EXPECT_EQ(saved.version, 2);
    EXPECT_EQ(saved.owner, ada_.id) << "whoever saves it";
    EXPECT_EQ(dashboards_->find(made.id).value()->title, "Two");
    const auto versions = dashboards_->versions(made.id).value();
    ASSERT_EQ(versions.size(), 2u);
    EXPECT_EQ(versions[0].author.name, "ben");
    EXPECT_EQ(dashboards_->version(made.id, 1).value().definition, R"({"title":"One"})");
    const auto late = dashboards_->save(made.id, 1, ada_, named("Three"));
    EXPECT_EQ(late.error().code, ErrorCode::conflict);
    EXPECT_EQ(dashboards_->find(made.id).value()->version, 2);
}

TEST_F(DashboardsTest, OldVersionsGoAndAllGoWithTheDashboard) {
    const auto made = dashboards_->create(ada_, named("One")).value();
    for (int n = 0; n < 100; ++n)
        ASSERT_TRUE(dashboards_->save(made.id, 0, ada_, named("One")).has_value());
    EXPECT_EQ(dashboards_->versions(made.id).value().size(), 100u);
    EXPECT_EQ(dashboards_->version(made.id, 1).error().code, ErrorCode::not_found);
    ASSERT_TRUE(dashboards_->show_to(made.id, Visibility::public_).has_value());
    EXPECT_EQ(dashboards_->all().value().at(0).visibility, Visibility::public_);
    ASSERT_TRUE(dashboards_->remove(made.id).has_value());
    EXPECT_TRUE(dashboards_->all().value().empty());
    EXPECT_TRUE(dashboards_->versions(made.id).value().empty());
    EXPECT_EQ(dashboards_->save(made.id, 0, ada_, named("One")).error().code, ErrorCode::not_found);
}

TEST(AnswerCache, ManyAskersCostOneAnswer) {
    ManualClock clock;
    AnswerCache cache(1 << 20, clock);
    std::atomic<int> made{0};
    std::latch all_ask(8);
    {
        std::vector<std::jthread> askers;
        for (int n = 0; n < 8; ++n)
            askers.emplace_back([&] {
                all_ask.arrive_and_wait();
                const auto kept =
                    cache.get("q", Milliseconds{1000}, {}, [&]() -> Result<std::string> {
                        ++made;
                        return std::string("rows");
                    });
                EXPECT_EQ(*kept.value().text, "rows");
            });
    }
    EXPECT_EQ(made, 1);
    const auto ask = [&](const char* text) {
        return *cache.get("q", Milliseconds{1000}, {}, [&] { return Result<std::string>(text); })
                    .value()
                    .text;
    };
    clock.advance(Milliseconds{999});
    EXPECT_EQ(ask("later"), "rows");
    clock.advance(Milliseconds{1});
    EXPECT_EQ(ask("later"), "later");
}

TEST(AnswerCache, KeepsRefusalsButNotWhatPasses) {
    ManualClock clock;
    AnswerCache cache(1 << 20, clock);
    int made = 0;
    const auto ask = [&](ErrorCode code) {
        return cache
            .get("q", Milliseconds{1000}, {},
                 [&]() -> Result<std::string> {
                     ++made;
                     return fail(code, "no");
                 })
            .error()
            .code;
    };
    EXPECT_EQ(ask(ErrorCode::exhausted), ErrorCode::exhausted);
    EXPECT_EQ(ask(ErrorCode::invalid_input), ErrorCode::invalid_input);
    EXPECT_EQ(ask(ErrorCode::exhausted), ErrorCode::invalid_input);
    EXPECT_EQ(made, 2);
}

TEST(AnswerCache, TheLongestUnusedGoesFirst) {
    ManualClock clock;
    AnswerCache cache(3000, clock);
    int made = 0;
    const auto ask = [&](const std::string& key) {
        ASSERT_TRUE(cache
                        .get(key, Milliseconds{1000}, {},
                             [&]() -> Result<std::string> {
                                 ++made;
                                 return std::string(1000, 'x');
                             })
                        .has_value());
    };
    ask("a");
    ask("b");
    ask("a");
    ask("c");  // "b" goes
    EXPECT_EQ(made, 3);
    ask("a");
    EXPECT_EQ(made, 3);
    ask("b");
    EXPECT_EQ(made, 4);
}

}  // namespace
}  // namespace stroma::dashboard
