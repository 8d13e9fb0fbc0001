#include "warehouse/result_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "base/json.h"
#include "sql/duckdb/duckdb_database.h"
#include "warehouse/demo_warehouse.h"
#include "warehouse/formats/matrix_parquet.h"

namespace stroma::warehouse {
namespace {

using testing::DemoWarehouse;

class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "stroma_result_XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { fs::remove_all(path_); }
    fs::path operator/(const char* name) const { return path_ / name; }

private:
    fs::path path_;
};

constexpr const char* every_type =
    "SELECT 1 AS i, 2.5::DOUBLE AS d, 'a \"b\", c' AS t, true AS b, 1.50::DECIMAL(9,2) AS n, "
    "DATE '2020-02-29' AS day, [1, 2] AS l, NULL AS nothing, sum(x) AS s FROM range(3) r(x) "
    "UNION ALL SELECT NULL, NULL, '=cmd', NULL, NULL, NULL, NULL, NULL, NULL ORDER BY i";

std::string written(DemoWarehouse& demo, const char* format, const fs::path& path) {
    const auto rows = demo.warehouse->query_to_file(every_type, format, path, demo.everything, {});
    EXPECT_TRUE(rows.has_value()) << (rows ? "" : rows.error().message);
    EXPECT_EQ(rows.value_or(0), 2u);
    return *read_file(path);
}

TEST(ResultFile, CsvQuotesWhatNeedsItAndFormulas) {
    DemoWarehouse demo;
    const Folder folder;
    EXPECT_EQ(written(demo, "csv", folder / "a.csv"),
              "i,d,t,b,n,day,l,nothing,s\n"
              "1,2.5,\"a \"\"b\"\", c\",true,1.50,2020-02-29,\"[1, 2]\",,3\n"
              ",,\"=cmd\",,,,,,\n");
}

TEST(ResultFile, JsonIsAnArrayOfObjects) {
    DemoWarehouse demo;
    const Folder folder;
    const auto json = parse_json(written(demo, "json", folder / "a.json"));
    ASSERT_TRUE(json.has_value()) << json.error().message;
    EXPECT_EQ(json->size(), 2u);
    EXPECT_EQ((*json)[0].dump(),
              R"({"i":1,"d":2.5,"t":"a \"b\", c","b":true,"n":1.5,"day":"2020-02-29",)"
              R"("l":"[1, 2]","nothing":null,"s":3})");
}

TEST(ResultFile, ParquetKeepsTheTypes) {
    DemoWarehouse demo;
    const Folder folder;
    written(demo, "parquet", folder / "a.parquet");
    sql::DuckDbOptions options;
    options.fenced = false;
    const auto engine = *sql::open_duckdb(options);
    const auto connection = *engine->connect();
    const auto rows = connection->execute("SELECT i, d, t, b, n, day, l, s FROM read_parquet('" +
                                          (folder / "a.parquet").string() + "')");
    ASSERT_TRUE(rows.has_value()) << rows.error().message;
    std::string types;
    for (const auto& column : (*rows)->columns()) types += column.engine_type + " ";
    EXPECT_EQ(types, "INTEGER DOUBLE VARCHAR BOOLEAN DECIMAL(9,2) DATE INTEGER[] DOUBLE ");
    ASSERT_TRUE(*(*rows)->next());
    EXPECT_EQ((*rows)->text(6), "[1, 2]");
}

TEST(ResultFile, ALimitPassedWhileWritingLeavesNoFile) {
    DemoWarehouse demo;
    const Folder folder;
    QueryLimits limits;
    limits.rows_max = 10;
    for (const char* format : {"csv", "json", "parquet", "arrow"}) {
        const auto done = demo.warehouse->query_to_file("SELECT * FROM range(100)", format,
                                                        folder / "a", demo.everything, limits);
        ASSERT_FALSE(done.has_value()) << format;
        EXPECT_EQ(done.error().code, ErrorCode::exhausted) << done.error().message;
        EXPECT_FALSE(fs::exists(folder / "a")) << format;
    }
}

/// The file as Arrow's own JavaScript reader sees it: test/clients/read_arrow.mjs.
Json read_by_arrow(const fs::path& file) {
    const std::string command =
        "node " STROMA_CLIENT_TESTS "/read_arrow.mjs " STROMA_CLIENT_MODULES " " + file.string();
    std::FILE* pipe = ::popen(command.c_str(), "r");
    std::string answer(4096, '\0');
    answer.resize(std::fread(answer.data(), 1, answer.size(), pipe));
    EXPECT_EQ(::pclose(pipe), 0) << answer;
    const auto json = parse_json(answer);
    EXPECT_TRUE(json.has_value()) << answer;
    return json.value_or(Json());
}

TEST(ResultFile, ArrowIsReadByArrowsOwnReader) {
    DemoWarehouse demo;
    const Folder folder;
    written(demo, "arrow", folder / "a.arrow");
    Json read = read_by_arrow(folder / "a.arrow");
    EXPECT_EQ(read["rows"], 2);
    EXPECT_EQ(read["first"].dump(),
              R"([1,2.5,"a \"b\", c",true,"1.50","2020-02-29","[1, 2]",null,3])");
    EXPECT_EQ(read["second"][2], "=cmd");
    EXPECT_EQ(read["second"][0], nullptr);
}

TEST(ResultFile, ArrowBatchesHoldEveryRow) {
    DemoWarehouse demo;
    const Folder folder;
    const auto rows =
        demo.warehouse->query_to_file("SELECT range AS n, 'text ' || range AS t FROM range(150000)",
                                      "arrow", folder / "a.arrow", demo.everything, {});
    ASSERT_TRUE(rows.has_value()) << rows.error().message;
    Json read = read_by_arrow(folder / "a.arrow");
    EXPECT_EQ(read["rows"], 150000);
    EXPECT_EQ(read["last"].dump(), R"([149999,"text 149999"])");
}

/// Three cells and two genes in two blocks of lines.
class SmallSource final : public expression::MatrixSource {
public:
    std::uint64_t cell_count() const override { return 3; }
    std::uint64_t gene_count() const override { return 2; }
    expression::ValueType value_type() const override { return expression::ValueType::float32; }
    expression::Order order() const override { return expression::Order::by_cell; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return 2; }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count,
                            expression::LineBlock& out) override {
        out = {};
        out.first_line = first;
        out.starts = {0};
        std::vector<float> values;
        for (std::uint64_t line = first; line < first + count; ++line) {
            if (line != 1) {  // the second cell is empty
                out.places.push_back(line == 0 ? 1 : 0);
                values.push_back(static_cast<float>(line) + 0.5f);
            }
            out.starts.push_back(out.places.size());
        }
        const auto bytes = std::as_bytes(std::span(values));
        out.values.assign(bytes.begin(), bytes.end());
        return {};
    }
};

TEST(ResultFile, AMatrixIsParquetInLongForm) {
    const Folder folder;
    expression::AnnotatedData data;
    data.obs.index = {"a", "b", "c"};
    data.var.index = {"g1", "g2"};
    data.matrices.push_back({"X", expression::Unit::normalised, std::make_unique<SmallSource>()});
    sql::DuckDbOptions options;
    options.fenced = false;
    const auto engine = *sql::open_duckdb(options);
    const auto path = folder / "x.parquet";
    const auto rows = write_matrix_parquet(*engine, data, path, {});
    ASSERT_TRUE(rows.has_value()) << rows.error().message;
    EXPECT_EQ(*rows, 2u);
    const auto connection = *engine->connect();
    const auto read = *connection->execute(
        "SELECT string_agg(cell_id || ' ' || gene_id || ' ' || value, ', ') FROM read_parquet('" +
        path.string() + "')");
    ASSERT_TRUE(*read->next());
    EXPECT_EQ(read->text(0), "a g2 0.5, c g1 2.5");
}

}  // namespace
}  // namespace stroma::warehouse
