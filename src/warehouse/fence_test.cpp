#include "warehouse/fence.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <thread>

#include "sql/duckdb/duckdb_database.h"
#include "warehouse/demo_warehouse.h"

namespace stroma::warehouse {
namespace {

using testing::DemoWarehouse;

struct Attempt {
    std::string kind, expected, statement;
};

// What a short mark in a file of statements stands for: @big(n,text) is the text n times.
std::string expanded(std::string text) {
    std::size_t at = 0;
    while ((at = text.find("@big(")) != std::string::npos) {
        const std::size_t comma = text.find(',', at), end = text.find(")@", comma);
        const int count = std::stoi(text.substr(at + 5, comma - at - 5));
        const std::string piece = text.substr(comma + 1, end - comma - 1);
        std::string all;
        for (int turn = 0; turn < count; ++turn) all += piece;
        text = text.substr(0, at) + all + text.substr(end + 2);
    }
    while ((at = text.find("\\n")) != std::string::npos) text.replace(at, 2, "\n");
    return text;
}

// Lines of "class<tab>expected<tab>statement"; '#' begins a comment.
std::vector<Attempt> read_attempts(const char* name) {
    std::ifstream file(std::string(STROMA_SQL_TESTS "/") + name);
    std::vector<Attempt> attempts;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        const auto first = line.find('\t'), second = line.find('\t', first + 1);
        EXPECT_NE(second, std::string::npos) << line;
        attempts.push_back({line.substr(0, first), line.substr(first + 1, second - first - 1),
                            expanded(line.substr(second + 1))});
    }
    return attempts;
}

std::map<std::string, int> counts_of(const std::vector<Attempt>& attempts) {
    std::map<std::string, int> counts;
    for (const auto& attempt : attempts) ++counts[attempt.kind];
    return counts;
}

TEST(Fence, EveryEscapeIsRefusedBeforeItRunsOrStoppedByALimit) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    demo.load("ds2", "r2", 1);
    Scope only;
    only.datasets = {"ds1"};
    QueryLimits limits;
    limits.time = Milliseconds(300);
    limits.rows_max = 100'000;
    limits.memory_bytes = 64u << 20;
    const auto attempts = read_attempts("escapes.tsv");
    EXPECT_GE(attempts.size(), 200u);
    for (const auto& attempt : attempts) {
        const auto connection = *demo.database->connect();
        const auto checked = check_statement(*connection, attempt.statement);
        if (attempt.expected != "limited") {
            EXPECT_FALSE(checked.has_value()) << attempt.kind << ": " << attempt.statement;
            continue;
        }
        Error error{ErrorCode::corrupt, "no error"};
        auto rows = demo.warehouse->query(attempt.statement, only, limits);
        if (!rows) {
            error = rows.error();
        } else {
            for (auto more = (*rows)->next();; more = (*rows)->next()) {
                if (!more) error = more.error();
                if (!more || !*more) break;
            }
        }
        EXPECT_NE(error.message, "no error") << attempt.kind << ": " << attempt.statement;
    }
    EXPECT_EQ(demo.text("SELECT count(*) FROM dataset"), "2");
}

TEST(Fence, EveryClassOfEscapeIsTried) {
    const auto counts = counts_of(read_attempts("escapes.tsv"));
    const std::map<std::string, int> wanted = {{"read", 30},   {"write", 20},      {"network", 15},
                                               {"code", 15},   {"settings", 20},   {"catalog", 25},
                                               {"change", 20}, {"exhaustion", 40}, {"side", 15}};
    for (const auto& [kind, least] : wanted) EXPECT_GE(counts.at(kind), least) << kind;
}

// The second wall: what the engine itself refuses, should the first have a hole.
TEST(Fence, WithoutTheFenceTheEnginesSettingsStillStopFilesNetworkAndSettings) {
    DemoWarehouse demo;
    for (const auto& attempt : read_attempts("escapes.tsv")) {
        const bool is_engines = attempt.kind == "read" || attempt.kind == "write" ||
                                attempt.kind == "network" || attempt.kind == "settings";
        if (!is_engines || attempt.expected != "refused") continue;
        const auto connection = *demo.database->connect();
        const auto done = connection->run_script(attempt.statement);
        EXPECT_FALSE(done.has_value()) << attempt.kind << ": " << attempt.statement;
    }
}

TEST(Fence, OrdinaryStatementsAreAllowed) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    demo.load_bundle("b1", "rb1");
    const auto attempts = read_attempts("allowed.tsv");
    EXPECT_GE(attempts.size(), 60u);
    for (const auto& attempt : attempts) {
        const std::string answer = demo.text(attempt.statement);
        EXPECT_FALSE(answer.starts_with("error")) << attempt.statement << "\n" << answer;
        if (attempt.expected == "-") continue;
        EXPECT_EQ(answer, expanded(attempt.expected)) << attempt.statement;
    }
}

TEST(Fence, TheTenQueriesOfTheSqlPageRun) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    demo.load_bundle("b1", "rb1");
    std::ifstream page(STROMA_SQL_TESTS "/../../docs/sql.md");
    int queries = 0;
    bool inside = false;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("```")) {
            inside = line == "```sql";
        } else if (inside) {
            ++queries;
            const std::string answer = demo.text(line);
            EXPECT_FALSE(answer.starts_with("error") || answer.empty()) << line << "\n" << answer;
        }
    }
    EXPECT_EQ(queries, 10);
}

TEST(Fence, ARefusalNamesWhatIsNotAllowed) {
    DemoWarehouse demo;
    EXPECT_NE(demo.error_of("SELECT * FROM read_csv('x')").message.find("read_csv"),
              std::string::npos);
    EXPECT_NE(demo.error_of("SELECT * FROM store.dataset").message.find("store.dataset"),
              std::string::npos);
    EXPECT_EQ(demo.error_of("DROP TABLE x").code, ErrorCode::denied);
    const auto syntax = demo.error_of("SELECT 1,\n FROM FROM cell");
    EXPECT_EQ(syntax.code, ErrorCode::invalid_input);
    EXPECT_NE(syntax.message.find("line 2"), std::string::npos) << syntax.message;
}

}  // namespace
}  // namespace stroma::warehouse
