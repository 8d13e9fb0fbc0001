#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "redshift/catalog/pg_catalog.h"
#include "redshift/engine.h"
#include "redshift/folder_lake.h"
#include "redshift/load/row_text.h"

// Runs test/redshift/*.slt: blocks with a blank line between them.
//   ok | tag WORDS | error SQLSTATE     and the statement behind it
//   rows                                the statement, ----, and what it gives, values with |
//   between object s3://bucket/key              lines up to `end`

namespace stroma::redshift {
namespace {

struct Scenario {
    fs::path path;
    friend void PrintTo(const Scenario& scenario, std::ostream* out) {
        *out << scenario.path.stem().string();
    }
};

std::vector<Scenario> all_scenarios() {
    std::vector<Scenario> found;
    for (const auto& entry : fs::directory_iterator(STROMA_SCENARIOS))
        if (entry.path().extension() == ".slt") found.push_back({entry.path()});
    std::sort(found.begin(), found.end(),
              [](const Scenario& a, const Scenario& b) { return a.path < b.path; });
    return found;
}

class RedshiftScenario : public testing::TestWithParam<Scenario> {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "redshift_XXXXXX";
        folder = ::mkdtemp(name.data());
        lake = std::make_shared<FolderLake>(folder / "lake");
        EngineOptions options;
        options.folder = folder / "data";
        options.lake = lake;
        options.catalog = pg_catalog();
        engine = Engine::open(options).value();
        session = engine->connect({catalog::local_administrator()}).value();
    }
    void TearDown() override {
        session.reset();
        engine.reset();
        fs::remove_all(folder);
    }
    Answer<std::string> rows_of(const std::string& sql) {
        const auto statements = TRY(split(sql));
        std::string shown;
        for (const Statement& statement : statements) {
            const auto cursor = TRY(session->run(statement));
            shown.clear();
            while (TRY(cursor->next())) {
                for (std::size_t at = 0; at < cursor->columns().size(); ++at) {
                    const sql::Value value = cursor->value(at);
                    shown += at > 0 ? "|" : "";
                    shown +=
                        std::holds_alternative<std::monostate>(value) ? "NULL" : text_of(value);
                }
                shown += "\n";
            }
            tag = cursor->tag();
        }
        return shown;
    }
    void run_block(const std::string& head, const std::vector<std::string>& lines,
                   std::size_t number) {
        std::string sql, expected;
        bool is_behind = false;
        for (const std::string& line : lines) {
            if (line == "----") {
                is_behind = true;
            } else {
                (is_behind ? expected : sql) += line + "\n";
            }
        }
        SCOPED_TRACE("line " + std::to_string(number) + ": " + sql);
        const auto shown = rows_of(sql);
        if (head.starts_with("error ")) {
            ASSERT_FALSE(shown) << "it should fail";
            EXPECT_EQ(shown.error().sqlstate, head.substr(6)) << shown.error().message;
            if (is_behind) {
                EXPECT_EQ(shown.error().message + "\n", expected);
            }
            return;
        }
        ASSERT_TRUE(shown) << shown.error().sqlstate << " " << shown.error().message;
        if (head == "rows") {
            EXPECT_EQ(*shown, expected);
        }
        if (head.starts_with("tag ")) {
            EXPECT_EQ(tag, head.substr(4));
        }
    }

    fs::path folder;
    std::shared_ptr<Lake> lake;
    std::unique_ptr<Engine> engine;
    std::unique_ptr<Session> session;
    std::string tag;
};

TEST_P(RedshiftScenario, GivesWhatItSays) {
    std::ifstream in(GetParam().path);
    std::string line;
    std::size_t number = 0;
    while (std::getline(in, line)) {
        ++number;
        if (line.empty() || line.starts_with('#')) continue;
        const std::string head = line;
        const std::size_t begun = number;
        const bool is_object = head.starts_with("object ");
        std::vector<std::string> lines;
        while (std::getline(in, line)) {
            ++number;
            if (is_object ? line == "end" : line.empty()) break;
            lines.push_back(line);
        }
        if (!is_object) {
            run_block(head, lines, begun);
            continue;
        }
        std::string text;
        for (const std::string& each : lines) text += each + "\n";
        const auto address = parse_address(head.substr(7)).value();
        const auto writer = lake->create(catalog::local_administrator(), address).value();
        ASSERT_TRUE(writer->write(as_bytes(text)));
        ASSERT_TRUE(writer->commit());
    }
}

std::string name_of(const testing::TestParamInfo<Scenario>& scenario) {
    return scenario.param.path.stem().string();
}
INSTANTIATE_TEST_SUITE_P(Files, RedshiftScenario, testing::ValuesIn(all_scenarios()), name_of);

}  // namespace
}  // namespace stroma::redshift
