#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "app/session.h"
#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"

namespace stroma::app {
namespace {

constexpr std::size_t table_rows_max = 1000;  // what a person may read; other formats give all

std::string shown(const sql::Value& value) {
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
    if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    return "";
}

Result<void> print_table(Site& site, const std::string& statement, Invocation& invocation) {
    const auto rows = TRY(site.warehouse().query(statement, {true, {}}, {}));
    std::vector<TextTable::Heading> headings;
    for (const auto& column : rows->columns()) {
        const bool is_number = column.type == sql::Type::integer || column.type == sql::Type::real;
        headings.push_back(
            {column.name, is_number ? TextTable::Align::right : TextTable::Align::left});
    }
    TextTable table(headings);
    bool has_more = TRY(rows->next());
    for (; has_more && table.row_count() < table_rows_max; has_more = TRY(rows->next())) {
        std::vector<std::string> row;
        for (std::size_t i = 0; i < headings.size(); ++i) row.push_back(shown(rows->value(i)));
        table.add(std::move(row));
    }
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    if (has_more)
        invocation.terminal->say(
            fmt::format("the first {} rows; --format csv gives all", table_rows_max));
    return {};
}

Result<void> copy_to_output(const fs::path& file, Invocation& invocation) {
    const File source = TRY(File::open_to_read(file));
    const std::uint64_t size = TRY(source.size());
    std::string piece(1u << 20, '\0');
    for (std::uint64_t at = 0; at < size; at += piece.size()) {
        piece.resize(std::min<std::uint64_t>(piece.size(), size - at));
        TRY(source.read_at(at, std::as_writable_bytes(std::span(piece))));
        invocation.terminal->print(piece);
    }
    return {};
}

Result<void> run_here(Site& site, const std::string& statement, const std::string& format,
                      const std::string& output, Invocation& invocation) {
    if (format == "table") return print_table(site, statement, invocation);
    const fs::path staged = site.staging() / (site.ids().uuid() + "." + format);
    const auto rows = site.warehouse().query_to_file(statement, format, staged, {true, {}}, {});
    std::error_code ignored;
    if (!rows) {
        fs::remove(staged, ignored);
        return fail(rows.error());
    }
    if (output.empty()) {
        auto copied = copy_to_output(staged, invocation);
        fs::remove(staged, ignored);
        return copied;
    }
    fs::copy_file(staged, output, ignored);
    const bool failed = static_cast<bool>(ignored);
    const std::string why = ignored.message();
    fs::remove(staged, ignored);
    if (failed) return fail(ErrorCode::unavailable, "writing " + output + ": " + why);
    invocation.terminal->say(fmt::format("{}: {} rows", output, *rows));
    return {};
}

Result<void> run_there(Remote& remote, const std::string& statement, const std::string& format,
                       const std::string& output, Invocation& invocation) {
    const Json body = {{"statement", statement}, {"format", format == "table" ? "csv" : format}};
    if (output.empty())
        return remote.stream("POST", "/v1/sql", body.dump(), [&](std::string_view piece) {
            invocation.terminal->print(piece);
            return !invocation.stop.stop_requested();
        });
    File file = TRY(File::create(output));
    std::uint64_t at = 0;
    Result<void> written;
    TRY(remote.stream("POST", "/v1/sql", body.dump(), [&](std::string_view piece) {
        written = file.write_at(at, as_bytes(piece));
        at += piece.size();
        return written.has_value() && !invocation.stop.stop_requested();
    }));
    return written;
}

/// As asked; else JSON with --json, as -o ends, or a table.
std::string format_of(const SqlOptions& options, const Invocation& invocation) {
    if (!options.format.empty()) return options.format;
    if (invocation.json) return "json";
    const std::string ending = fs::path(options.output).extension().string();
    return ending.size() > 1 ? ending.substr(1) : "table";
}

}  // namespace

Result<void> run_sql(const SqlOptions& options, Invocation& invocation) {
    std::string statement = options.statement;
    if (statement == "-")
        statement.assign(std::istreambuf_iterator<char>(std::cin),
                         std::istreambuf_iterator<char>());
    const std::string format = format_of(options, invocation);
    if (!options.output.empty() && fs::exists(options.output))
        return fail(ErrorCode::already_exists,
                    options.output + " exists; remove it or choose another -o");
    if (!options.output.empty() && format == "table")
        return fail(ErrorCode::invalid_input, "a table goes to the terminal; give --format for -o");
    Session session = TRY(open_session(invocation));
    if (session.remote)
        return run_there(*session.remote, statement, format, options.output, invocation);
    return run_here(*session.site, statement, format, options.output, invocation);
}

}  // namespace stroma::app
