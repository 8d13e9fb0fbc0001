#include "delivery/table_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/ascii.h"
#include "base/json.h"
#include "base/utf8.h"
#include "delivery/prefix.h"

namespace stroma::delivery {
namespace {

struct TypeName {
    std::string_view hive, engine;
};
constexpr TypeName type_names[] = {
    {"string", "VARCHAR"},    {"varchar", "VARCHAR"},    {"char", "VARCHAR"},
    {"int", "INTEGER"},       {"integer", "INTEGER"},    {"bigint", "BIGINT"},
    {"smallint", "SMALLINT"}, {"tinyint", "TINYINT"},    {"double", "DOUBLE"},
    {"real", "FLOAT"},        {"float", "FLOAT"},        {"boolean", "BOOLEAN"},
    {"date", "DATE"},         {"timestamp", "TIMESTAMP"}};

std::string lower(std::string_view text) {
    std::string low = ascii_lower(text);
    std::ranges::replace(low, '.', '_');
    return low;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t from = text.find_first_not_of(" \t\r\n");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

/// At commas that stand outside of brackets.
std::vector<std::string_view> split_columns(std::string_view text) {
    std::vector<std::string_view> parts;
    std::size_t from = 0;
    int depth = 0;
    for (std::size_t at = 0; at <= text.size(); ++at) {
        const char c = at < text.size() ? text[at] : ',';
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (c != ',' || (depth > 0 && at < text.size())) continue;
        parts.push_back(trimmed(text.substr(from, at - from)));
        from = at + 1;
    }
    return parts;
}

/// How many digits a DECIMAL has before and behind its point.
struct DecimalDigits {
    std::size_t whole = 15, fraction = 3;
};

/// "(10,2)", "(10)", or "" for what the engine has without.
std::optional<DecimalDigits> decimal_digits(std::string_view text) {
    constexpr std::size_t digits_max = 38;
    if (text.empty()) return DecimalDigits{};
    if (text.size() < 3 || text.front() != '(' || text.back() != ')') return std::nullopt;
    std::size_t all = 0, behind = 0;
    const std::string_view inner = text.substr(1, text.size() - 2);
    const std::size_t comma = std::min(inner.find(','), inner.size());
    const auto read = [](std::string_view number, std::size_t& into) {
        number = trimmed(number);
        const auto done = std::from_chars(number.data(), number.data() + number.size(), into);
        return done.ec == std::errc() && done.ptr == number.data() + number.size();
    };
    if (!read(inner.substr(0, comma), all)) return std::nullopt;
    if (comma < inner.size() && !read(inner.substr(comma + 1), behind)) return std::nullopt;
    if (all < 1 || all > digits_max || behind > all) return std::nullopt;
    return DecimalDigits{all - behind, behind};
}

Result<std::string> engine_type(std::string_view hive) {
    const std::string low = lower(hive);
    const std::string_view base = std::string_view(low).substr(0, low.find('('));
    if (base == "decimal" || base == "numeric")
        if (const auto digits = decimal_digits(std::string_view(low).substr(base.size())))
            return fmt::format("DECIMAL({},{})", digits->whole + digits->fraction,
                               digits->fraction);
    for (const TypeName& type : type_names)
        if (type.hive == base) return std::string(type.engine);
    return fail(ErrorCode::invalid_input, fmt::format("'{}' is not a type of columns", hive));
}

Error misfit(std::string_view text, const TableColumn& column) {
    return {ErrorCode::invalid_input, fmt::format("'{}' is not of the type {} of the column '{}'",
                                                  text.substr(0, 64), column.type, column.name)};
}

Result<std::string> whole_number(std::string_view text, const TableColumn& column) {
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size())
        return fail(misfit(text, column));
    const std::int64_t most = column.type == "TINYINT"    ? 127
                              : column.type == "SMALLINT" ? 32'767
                              : column.type == "INTEGER"  ? 2'147'483'647
                                                          : INT64_MAX;
    if (value > most || value < -most - 1) return fail(misfit(text, column));
    return std::string(text);
}

/// A number as a plain one: seconds with a fraction, or milliseconds where they are many.
Result<std::string> time_text(std::string_view text, const TableColumn& column) {
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size()) {
        constexpr double year_1_ms = -62'135'596'800'000, year_10000_ms = 253'402'300'800'000;
        const double ms = std::abs(value) >= 1e11 ? value : value * 1000;
        if (!(ms >= year_1_ms && ms < year_10000_ms)) return fail(misfit(text, column));
        return format_time(column.type == "DATE" ? "yyyy-MM-dd" : "yyyy-MM-dd HH:mm:ss.SSS", "",
                           static_cast<std::int64_t>(std::floor(ms)));
    }
    // 2026-11-22, a T or a blank, 08:50:55[.123][Z]
    const auto digits = [&](std::size_t from, std::size_t count) {
        return text.size() >= from + count &&
               std::ranges::all_of(text.substr(from, count),
                                   [](char c) { return c >= '0' && c <= '9'; });
    };
    const bool date =
        digits(0, 4) && digits(5, 2) && digits(8, 2) && text[4] == '-' && text[7] == '-';
    const int month = date ? std::stoi(std::string(text.substr(5, 2))) : 0;
    const int day = date ? std::stoi(std::string(text.substr(8, 2))) : 0;
    constexpr int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!date || month < 1 || month > 12 || day < 1 || day > lengths[month - 1])
        return fail(misfit(text, column));
    if (month == 2 && day == 29) {
        const int year = std::stoi(std::string(text.substr(0, 4)));
        if (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0))
            return fail(misfit(text, column));
    }
    if (text.size() == 10) return std::string(text);
    if (column.type == "DATE" || !digits(11, 2) || !digits(14, 2) || !digits(17, 2) ||
        (text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':')
        return fail(misfit(text, column));
    std::string_view rest = text.substr(19);
    if (rest.ends_with('Z')) rest.remove_suffix(1);
    const bool fraction = rest.empty() || (rest[0] == '.' && rest.size() > 1 && rest.size() < 11 &&
                                           digits(20, rest.size() - 1));
    if (!fraction || text.substr(11, 2) > "23" || text.substr(14, 2) > "59" ||
        text.substr(17, 2) > "59")
        return fail(misfit(text, column));
    return fmt::format("{} {}{}", text.substr(0, 10), text.substr(11, 8), rest);
}

/// A plain number, as it was read, that the engine can round into the column's digits.
Result<std::string> decimal_text(std::string_view text, double value, const TableColumn& column) {
    const DecimalDigits digits =
        *decimal_digits(std::string_view(column.type).substr(std::string_view("DECIMAL").size()));
    std::string plain(text);
    if (text.find_first_of("eE") != std::string_view::npos)
        plain = fmt::format("{:.{}f}", value, digits.fraction + 2);
    std::string_view whole = plain;
    if (whole.starts_with('-')) whole.remove_prefix(1);
    const std::size_t point = std::min(whole.find('.'), whole.size());
    const std::string_view fraction = whole.substr(std::min(point + 1, whole.size()));
    whole = whole.substr(0, point);
    whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
    const auto nines = [](std::string_view part) {
        return part.find_first_not_of('9') == std::string_view::npos;
    };
    const bool grows = whole.size() == digits.whole && fraction.size() > digits.fraction &&
                       fraction[digits.fraction] >= '5' && nines(whole) &&
                       nines(fraction.substr(0, digits.fraction));
    if (whole.size() > digits.whole || grows) return fail(misfit(text, column));
    return plain;
}

Result<std::string> fitting(std::string_view text, const TableColumn& column) {
    const std::string& type = column.type;
    if (type == "VARCHAR") {
        // What isn't text would be refused by the file's writer, together with all other rows.
        if (!is_utf8(text)) return fail(misfit("bytes that aren't UTF-8", column));
        return std::string(text);
    }
    if (type == "BOOLEAN") {
        const std::string low = lower(text);
        if (low == "true" || low == "false") return low;
        return fail(misfit(text, column));
    }
    if (type == "TIMESTAMP" || type == "DATE") return time_text(text, column);
    if (type.ends_with("INT") || type == "INTEGER") return whole_number(text, column);
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(value))
        return fail(misfit(text, column));
    if (type.starts_with("DECIMAL")) return decimal_text(text, value, column);
    if (type == "FLOAT" && std::abs(value) > double{std::numeric_limits<float>::max()})
        return fail(misfit(text, column));
    return std::string(text);
}

Result<TextRow> json_row(std::string_view record, const TableShape& shape) {
    const Json value = TRY(parse_json(record));
    if (!value.is_object()) return fail(ErrorCode::invalid_input, "the record isn't a JSON object");
    TextRow row(shape.columns.size());
    for (const auto& [key, member] : value.items()) {
        const std::string name = lower(key);
        const auto column = std::ranges::find(shape.columns, name,
                                              [](const TableColumn& c) { return lower(c.name); });
        if (column == shape.columns.end() || member.is_null()) continue;
        const std::string text = member.is_string() ? member.get<std::string>() : member.dump();
        row[static_cast<std::size_t>(column - shape.columns.begin())] = TRY(fitting(text, *column));
    }
    return row;
}

Result<TextRow> csv_row(std::string_view record, const TableShape& shape) {
    TextRow row;
    std::string field;
    bool quoted = false, was_quoted = false;
    record = trimmed(record);
    for (std::size_t at = 0; at <= record.size(); ++at) {
        const char c = at < record.size() ? record[at] : ',';
        if (quoted && at == record.size())
            return fail(ErrorCode::invalid_input, "a quote doesn't end");
        if (quoted && c == '"' && at + 1 < record.size() && record[at + 1] == '"') {
            field += '"';
            ++at;
        } else if (c == '"' && (quoted || field.empty())) {
            quoted = !quoted;
            was_quoted = true;
        } else if (c != ',' || quoted) {
            field += c;
        } else {
            if (row.size() == shape.columns.size())
                return fail(ErrorCode::invalid_input, "the line has more fields than columns");
            const TableColumn& column = shape.columns[row.size()];
            if (field.empty() && !(was_quoted && column.type == "VARCHAR"))
                row.emplace_back();
            else
                row.emplace_back(TRY(fitting(field, column)));
            field.clear();
            was_quoted = false;
        }
    }
    if (row.size() < shape.columns.size())
        return fail(ErrorCode::invalid_input, "the line has fewer fields than columns");
    return row;
}

/// The rows, read by the engine in their order.
class RowScan final : public sql::TableScan {
public:
    RowScan(const TableShape& shape, std::vector<TextRow> rows) : rows_(std::move(rows)) {
        for (const TableColumn& column : shape.columns)
            columns_.push_back({column.name, sql::Type::text});
    }
    const std::vector<sql::ScanColumn>& columns() const override { return columns_; }
    std::unique_ptr<sql::ScanRun> begin() override { return std::make_unique<Run>(rows_); }

private:
    class Feed final : public sql::RowFeed {
    public:
        Feed(const std::vector<TextRow>& rows, std::span<const std::uint32_t> wanted)
            : rows_(rows), wanted_(wanted.begin(), wanted.end()) {}
        Result<std::size_t> fill(sql::RowSink& sink) override {
            std::size_t filled = 0;
            for (; filled < sink.row_max() && at_ < rows_.size(); ++filled, ++at_)
                for (const std::uint32_t column : wanted_) {
                    const auto& value = rows_[at_][column];
                    if (value)
                        sink.set_text(column, filled, *value);
                    else
                        sink.set_null(column, filled);
                }
            return filled;
        }

    private:
        const std::vector<TextRow>& rows_;
        std::vector<std::uint32_t> wanted_;
        std::size_t at_ = 0;
    };
    struct Run final : sql::ScanRun {
        explicit Run(const std::vector<TextRow>& of) : rows(of) {}
        Result<std::unique_ptr<sql::RowFeed>> start(
            std::span<const std::uint32_t> wanted) override {
            return std::make_unique<Feed>(rows, wanted);
        }
        const std::vector<TextRow>& rows;
    };
    std::vector<sql::ScanColumn> columns_;
    const std::vector<TextRow> rows_;
};

}  // namespace

Result<std::vector<TableColumn>> parse_columns(std::string_view text) {
    std::vector<TableColumn> columns;
    for (const std::string_view part : split_columns(text)) {
        const std::size_t blank = part.find_first_of(" \t");
        if (part.empty() || blank == std::string_view::npos)
            return fail(ErrorCode::invalid_input,
                        "a table is declared by its columns, like 'symbol string, day date'");
        const std::string_view called = part.substr(0, blank);
        if (!is_utf8(called) ||
            std::ranges::any_of(called, [](char c) { return c >= 0 && c < ' '; }))
            return fail(ErrorCode::invalid_input,
                        "a column's name is letters, without control characters");
        auto type = TRY(engine_type(trimmed(part.substr(blank))));
        TableColumn column{std::string(called), std::move(type)};
        const std::string name = lower(column.name);
        if (std::ranges::any_of(columns,
                                [&](const TableColumn& c) { return lower(c.name) == name; }))
            return fail(ErrorCode::invalid_input,
                        fmt::format("the column '{}' is there twice", column.name));
        columns.push_back(std::move(column));
    }
    return columns;
}

Result<TextRow> row_of(std::string_view record, const TableShape& shape) {
    return shape.from_csv ? csv_row(record, shape) : json_row(record, shape);
}

Result<std::string> parquet_of(sql::EmbeddedDatabase& engine, const TableShape& shape,
                               std::vector<TextRow> rows, const fs::path& scratch) {
    std::vector<std::string> names, types;
    for (const TableColumn& column : shape.columns) {
        names.push_back(column.name);
        types.push_back(column.type);
    }
    const fs::path path = scratch / "rows.parquet";
    TRY(remove_file(path));
    TRY(engine.write_parquet(std::make_shared<RowScan>(shape, std::move(rows)), names, types,
                             path));
    std::string bytes = TRY(read_file(path, std::uint64_t{1} << 30));
    TRY(remove_file(path));
    return bytes;
}

}  // namespace stroma::delivery
