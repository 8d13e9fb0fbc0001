#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "app/query_limits.h"
#include "app/redshift/supervised_sql.h"
#include "app/session.h"
#include "app/terminal/output_mode.h"
#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"
#include "sql/value_text.h"

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

/// A question as it was typed, ready to be asked.
struct Question {
    std::string statement, format, output;
    sql::NamedValues parameters;
};

/// The administrator's, who may also call the statement off by Ctrl-C.
warehouse::QueryLimits own_limits(const Invocation& invocation) {
    auto limits = query_limits(invocation.settings, catalog::Role::administrator);
    limits.stop = invocation.stop;
    return limits;
}

Result<void> print_table(Site& site, const Question& question, Invocation& invocation) {
    const auto rows = TRY(site.warehouse().query(question.statement, {true, {}},
                                                 own_limits(invocation), question.parameters));
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

Result<void> run_here(Site& site, const Question& question, Invocation& invocation) {
    if (question.format == "table") return print_table(site, question, invocation);
    const fs::path staged = site.staging() / (site.ids().uuid() + "." + question.format);
    const auto rows =
        site.warehouse().query_to_file(question.statement, question.format, staged, {true, {}},
                                       own_limits(invocation), question.parameters);
    std::error_code ignored;
    if (!rows) {
        fs::remove(staged, ignored);
        return fail(rows.error());
    }
    if (question.output.empty()) {
        auto copied = copy_to_output(staged, invocation);
        fs::remove(staged, ignored);
        return copied;
    }
    fs::copy_file(staged, question.output, ignored);
    const bool failed = static_cast<bool>(ignored);
    const std::string why = ignored.message();
    fs::remove(staged, ignored);
    if (failed) return fail(ErrorCode::unavailable, "writing " + question.output + ": " + why);
    TRY(apply_umask(question.output));
    invocation.terminal->say(fmt::format("{}: {} rows", question.output, *rows));
    return {};
}

bool is_number(const Json& column) {
    const std::string type = column.at("type").get<std::string>();
    return type.ends_with("INT") || type == "INTEGER" || type == "DOUBLE" || type == "FLOAT";
}

/// Its values come as texts, as do whole numbers that JSON's can't hold.
bool is_decimal(const Json& column) {
    return column.at("type").get<std::string>().starts_with("DECIMAL");
}

std::string plain(const Json& value) {
    if (value.is_null()) return "";
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// The server's {"columns", "rows"} as the table that a statement gives without a server.
std::string table_of(const Json& answer, const Terminal& terminal) {
    std::vector<TextTable::Heading> headings;
    for (const Json& column : answer.at("columns"))
        headings.push_back({column.at("name").get<std::string>(),
                            is_number(column) ? TextTable::Align::right : TextTable::Align::left});
    TextTable table(headings);
    for (const Json& values : answer.at("rows")) {
        if (table.row_count() == table_rows_max) break;
        std::vector<std::string> row;
        for (const Json& value : values) row.push_back(plain(value));
        table.add(std::move(row));
    }
    return table.text(terminal.output().columns);
}

/// The same as an array of objects.
std::string objects_of(const Json& answer) {
    const Json& columns = answer.at("columns");
    std::string text = "[\n", separator;
    for (const Json& values : answer.at("rows")) {
        text += separator + "{";
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const bool is_wide =
                values[i].is_string() && (is_number(columns[i]) || is_decimal(columns[i]));
            text += (i == 0 ? "" : ",") + columns[i].at("name").dump() + ":" +
                    (is_wide ? plain(values[i]) : values[i].dump());
        }
        text += "}";
        separator = ",\n";
    }
    return text + "\n]\n";
}

Result<void> run_there(Remote& remote, const Question& question, Invocation& invocation) {
    const bool as_table = question.format == "table";
    Json body = {{"statement", question.statement},
                 {"format", as_table ? "json" : question.format},
                 {"parameters", Json::object()}};
    for (const auto& [name, value] : question.parameters)
        body["parameters"][name] = sql::json_of(value);
    if (as_table || question.format == "json") {
        const std::string answered = TRY(remote.post("/v1/sql", body.dump()));
        const Json answer = TRY(parse_json(answered));
        const std::string text =
            as_table ? table_of(answer, *invocation.terminal) : objects_of(answer);
        if (!question.output.empty()) {
            File file = TRY(File::create(question.output));
            TRY(file.write_at(0, as_bytes(text)));
            return apply_umask(question.output);
        }
        invocation.terminal->print(text);
        if (as_table && answer.at("rows").size() > table_rows_max)
            invocation.terminal->say(
                fmt::format("the first {} rows; --format csv gives all", table_rows_max));
        return {};
    }
    if (question.output.empty())
        return remote.stream("POST", "/v1/sql", body.dump(), [&](std::string_view piece) {
            invocation.terminal->print(piece);
            return true;
        });
    File file = TRY(File::create(question.output));
    std::uint64_t at = 0;
    Result<void> written;
    const auto answered =
        remote.stream("POST", "/v1/sql", body.dump(), [&](std::string_view piece) {
            written = file.write_at(at, as_bytes(piece));
            at += piece.size();
            return written.has_value();
        });
    if (answered && written) return apply_umask(question.output);
    TRY(remove_file(question.output));
    return answered ? written : answered;
}

/// "n=5" is a number, "n=CD24" and "n=\"5\"" are texts.
Result<sql::NamedValues> parameters_of(const std::vector<std::string>& typed) {
    sql::NamedValues parameters;
    for (const std::string& one : typed) {
        const std::size_t sign = one.find('=');
        if (sign == one.npos || sign == 0)
            return fail(ErrorCode::invalid_input,
                        "--parameter " + one + ": give NAME=VALUE, or 1=VALUE for the first ?");
        const std::string text = one.substr(sign + 1);
        sql::Value value = text;
        if (const auto json = parse_json(text); json && json->is_primitive()) {
            if (json->is_null()) value = sql::Value();
            if (json->is_boolean()) value = json->get<bool>();
            if (json->is_number_integer()) value = json->get<std::int64_t>();
            if (json->is_number_float()) value = json->get<double>();
            if (json->is_string()) value = json->get<std::string>();
        }
        parameters[one.substr(0, sign)] = std::move(value);
    }
    return parameters;
}

/// As asked; else JSON with --json, as -o ends, or a table.
std::string format_of(const SqlOptions& options, const Invocation& invocation) {
    if (!options.format.empty()) return options.format;
    if (invocation.json) return "json";
    const std::string ending = fs::path(options.output).extension().string();
    return ending.size() > 1 ? ending.substr(1) : "table";
}

/// To the user database, whose statements may take long and change things.
Result<void> run_waiting(const SqlOptions& options, std::string text, Invocation& invocation) {
    if (!options.output.empty() ||
        !(options.format.empty() || options.format == "table" || options.format == "json"))
        return fail(ErrorCode::invalid_input,
                    "--wait prints a table or, with --format json, JSON; UNLOAD writes files");
    return run_supervised(
        {std::move(text), options.database, options.user, options.format, options.parameters},
        invocation);
}

}  // namespace

Result<void> run_sql(const SqlOptions& options, Invocation& invocation) {
    std::string text = options.statement;
    if (text == "-")
        text.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
    if (options.wait) return run_waiting(options, std::move(text), invocation);
    const Question question{std::move(text), format_of(options, invocation), options.output,
                            TRY(parameters_of(options.parameters))};
    if (!options.output.empty() && fs::exists(options.output))
        return fail(ErrorCode::already_exists,
                    options.output + " exists; remove it or choose another -o");
    if (!options.output.empty() && question.format == "table")
        return fail(ErrorCode::invalid_input, "a table goes to the terminal; give --format for -o");
    Session session = TRY(open_session(invocation));
    if (session.remote) {
        session.remote->end_with(invocation.stop);
        return run_there(*session.remote, question, invocation);
    }
    return run_here(*session.site, question, invocation);
}

}  // namespace stroma::app
