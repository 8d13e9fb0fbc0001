#include "warehouse/result_file.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "warehouse/query.h"

namespace stroma::warehouse {

Result<SequentialFile> SequentialFile::create(const fs::path& path,
                                              std::function<void(std::uint64_t)> settled) {
    SequentialFile file;
    file.settled_ = std::move(settled);
    file.file_ = TRY(File::create(path));
    return file;
}

Result<void> SequentialFile::write(std::string_view text) {
    buffer_ += text;
    written_ += text.size();
    if (buffer_.size() >= (1u << 20)) return flush();
    return {};
}

Result<void> SequentialFile::flush() {
    TRY(file_.write_at(flushed_, as_bytes(buffer_)));
    flushed_ += buffer_.size();
    buffer_.clear();
    if (settled_) settled_(flushed_);
    return {};
}

Result<void> SequentialFile::finish() {
    TRY(flush());
    return file_.sync();
}

namespace {

std::string shown(const sql::Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::to_string(*integer);
    if (const auto* real = std::get_if<double>(&value)) return fmt::to_string(*real);
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    return "";
}

// A spreadsheet runs what begins with one of these; numbers of ours are never texts.
bool looks_like_formula(std::string_view text) {
    return !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos;
}

std::string csv_field(const sql::Value& value) {
    std::string text = shown(value);
    if (!std::holds_alternative<std::string>(value)) return text;
    if (looks_like_formula(text)) text.insert(0, 1, '\'');
    if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char letter : text) {
        quoted += letter;
        if (letter == '"') quoted += '"';
    }
    return quoted + "\"";
}

std::string json_text(std::string_view text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_decimal(const sql::ColumnInfo& column) {
    return column.engine_type.starts_with("DECIMAL") || column.engine_type == "HUGEINT" ||
           column.engine_type == "UBIGINT";
}

std::string json_value(const sql::Value& value, const sql::ColumnInfo& column) {
    if (std::holds_alternative<std::monostate>(value)) return "null";
    if (const auto* real = std::get_if<double>(&value)) {
        return std::isfinite(*real) ? fmt::to_string(*real) : "null";
    }
    if (!std::holds_alternative<std::string>(value) || is_decimal(column)) return shown(value);
    return json_text(std::get<std::string>(value));
}

}  // namespace

Result<std::uint64_t> write_csv(sql::Rows& rows, const fs::path& path) {
    auto file = TRY(SequentialFile::create(path));
    std::string line;
    for (const auto& column : rows.columns()) {
        line += (line.empty() ? "" : ",") + csv_field(sql::Value(column.name));
    }
    TRY(file.write(line + "\n"));
    std::uint64_t count = 0;
    for (; TRY(rows.next()); ++count) {
        line.clear();
        for (std::size_t column = 0; column < rows.columns().size(); ++column) {
            if (column > 0) line += ',';
            line += csv_field(rows.value(column));
        }
        line += '\n';
        TRY(file.write(line));
    }
    TRY(file.finish());
    return count;
}

Result<std::uint64_t> write_json(sql::Rows& rows, const fs::path& path) {
    auto file = TRY(SequentialFile::create(path));
    std::vector<std::string> names;
    for (const auto& column : rows.columns()) names.push_back(json_text(column.name) + ":");
    TRY(file.write("["));
    std::uint64_t count = 0;
    std::string line;
    for (; TRY(rows.next()); ++count) {
        line = count == 0 ? "\n{" : ",\n{";
        for (std::size_t column = 0; column < names.size(); ++column) {
            if (column > 0) line += ',';
            line += names[column];
            line += json_value(rows.value(column), rows.columns()[column]);
        }
        line += '}';
        TRY(file.write(line));
    }
    TRY(file.write("\n]\n"));
    TRY(file.finish());
    return count;
}

namespace {

/// The rows of one answer as a scan that can be read once.
class AnswerScan final : public sql::TableScan {
public:
    explicit AnswerScan(sql::Rows& rows) : rows_(rows) {
        for (const auto& column : rows.columns()) {
            columns_.push_back({"c" + std::to_string(columns_.size()), type_of(column)});
        }
    }
    const std::vector<sql::ScanColumn>& columns() const override { return columns_; }
    std::unique_ptr<sql::ScanRun> begin() override { return std::make_unique<Run>(*this); }
    /// Why the rows broke off, if they did: the writing engine knows only its message.
    const std::optional<Error>& error() const { return error_; }

private:
    // Integers wider than 64 bits come as text when they don't fit: text takes both.
    static sql::Type type_of(const sql::ColumnInfo& column) {
        if (is_decimal(column) || column.type == sql::Type::null) return sql::Type::text;
        return column.type;
    }
    struct Feed final : sql::RowFeed {
        explicit Feed(AnswerScan& scan) : scan_(scan) {}
        Result<std::size_t> fill(sql::RowSink& sink) override {
            auto filled = fill_rows(sink);
            if (!filled) scan_.error_ = filled.error();
            return filled;
        }
        Result<std::size_t> fill_rows(sql::RowSink& sink);
        AnswerScan& scan_;
    };
    struct Run final : sql::ScanRun {
        explicit Run(AnswerScan& scan) : scan_(scan) {}
        Result<std::unique_ptr<sql::RowFeed>> start(std::span<const std::uint32_t>) override {
            return std::make_unique<Feed>(scan_);
        }
        AnswerScan& scan_;
    };
    sql::Rows& rows_;
    std::vector<sql::ScanColumn> columns_;
    std::optional<Error> error_;
};

Result<std::size_t> AnswerScan::Feed::fill_rows(sql::RowSink& sink) {
    std::size_t row = 0;
    for (; row < sink.row_max() && TRY(scan_.rows_.next()); ++row) {
        for (std::size_t column = 0; column < scan_.columns_.size(); ++column) {
            const sql::Value value = scan_.rows_.value(column);
            if (std::holds_alternative<std::monostate>(value)) {
                sink.set_null(column, row);
                continue;
            }
            switch (scan_.columns_[column].type) {
                case sql::Type::boolean: sink.booleans(column)[row] = std::get<bool>(value); break;
                case sql::Type::integer:
                    sink.integers(column)[row] = std::get<std::int64_t>(value);
                    break;
                case sql::Type::real: sink.reals(column)[row] = std::get<double>(value); break;
                default: sink.set_text(column, row, shown(value));
            }
        }
    }
    return row;
}

}  // namespace

Result<std::uint64_t> write_parquet(sql::EmbeddedDatabase& engine, sql::Rows& rows,
                                    const fs::path& path) {
    std::vector<std::string> types, names;
    for (const auto& column : rows.columns()) {
        names.push_back(column.name);
        types.push_back(column.type == sql::Type::null ? "INTEGER" : column.engine_type);
    }
    const auto scan = std::make_shared<AnswerScan>(rows);
    auto written = engine.write_parquet(scan, names, types, path);
    if (!written && scan->error()) return fail(*scan->error());
    return written;
}

Result<std::uint64_t> Warehouse::query_to_file(std::string_view statement, std::string_view format,
                                               const fs::path& path, const Scope& scope,
                                               const QueryLimits& limits,
                                               const sql::NamedValues& parameters) {
    const bool is_known =
        format == "csv" || format == "json" || format == "parquet" || format == "arrow";
    if (!is_known) {
        return fail(
            ErrorCode::invalid_input,
            fmt::format("'{}' is not a file format of answers: csv, json, parquet, arrow", format));
    }
    std::error_code ignored;
    if (fs::exists(path, ignored)) {
        return fail(ErrorCode::already_exists, path.filename().string() + " is there already");
    }
    const auto rows = TRY(run_fenced(*state_, statement, scope, limits, parameters));
    auto written = format == "csv"     ? write_csv(*rows, path)
                   : format == "json"  ? write_json(*rows, path)
                   : format == "arrow" ? write_arrow(*rows, path)
                                       : write_parquet(state_->engine, *rows, path);
    if (!written) static_cast<void>(remove_file(path));
    return written;
}

}  // namespace stroma::warehouse
