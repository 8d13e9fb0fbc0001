#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "delivery/table_rows.h"
#include "sql/duckdb/duckdb_database.h"

// "json" or "csv", the columns, then a record in each line. A record is a row or a reason; what is
// a row can be written as Parquet: one that couldn't would hold up its delivery for ever.

namespace {

using namespace stroma;

struct Desk {
    Desk() {
        std::string pattern = (fs::temp_directory_path() / "stroma-rows-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
    }
    ~Desk() { fs::remove_all(folder); }
    Desk(const Desk&) = delete;
    Desk& operator=(const Desk&) = delete;
    fs::path folder;
    /// Never closed: at the process's end what the library keeps for itself goes first.
    sql::EmbeddedDatabase& engine =
        **new std::shared_ptr<sql::EmbeddedDatabase>(sql::open_duckdb({.threads = 1}).value());
};

std::string_view next_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Desk desk;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    delivery::TableShape shape;
    shape.from_csv = next_line(text) == "csv";
    auto columns = delivery::parse_columns(next_line(text));
    if (!columns) return 0;
    shape.columns = *std::move(columns);
    std::vector<delivery::TextRow> rows;
    while (!text.empty()) {
        auto row = delivery::row_of(next_line(text), shape);
        if (!row) continue;
        if (row->size() != shape.columns.size()) std::abort();
        rows.push_back(*std::move(row));
    }
    if (rows.empty()) return 0;
    if (!delivery::parquet_of(desk.engine, shape, std::move(rows), desk.folder)) std::abort();
    return 0;
}
