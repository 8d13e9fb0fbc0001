#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "redshift/dialect/call.h"
#include "redshift/dialect/date_format.h"
#include "redshift/rewriter.h"
#include "redshift/types.h"
#include "redshift/value_text.h"

namespace stroma::redshift {
namespace {

struct PartName {
    std::string_view word, engine;
};
constexpr PartName part_names[] = {
    {"millennium", "millennium"},
    {"millennia", "millennium"},
    {"mil", "millennium"},
    {"mils", "millennium"},
    {"century", "century"},
    {"centuries", "century"},
    {"c", "century"},
    {"cent", "century"},
    {"decade", "decade"},
    {"decades", "decade"},
    {"dec", "decade"},
    {"year", "year"},
    {"years", "year"},
    {"y", "year"},
    {"yr", "year"},
    {"yrs", "year"},
    {"yyyy", "year"},
    {"yy", "year"},
    {"quarter", "quarter"},
    {"quarters", "quarter"},
    {"qtr", "quarter"},
    {"qtrs", "quarter"},
    {"q", "quarter"},
    {"month", "month"},
    {"months", "month"},
    {"mon", "month"},
    {"mons", "month"},
    {"mm", "month"},
    {"week", "week"},
    {"weeks", "week"},
    {"w", "week"},
    {"wk", "week"},
    {"ww", "week"},
    {"day", "day"},
    {"days", "day"},
    {"d", "day"},
    {"dd", "day"},
    {"hour", "hour"},
    {"hours", "hour"},
    {"h", "hour"},
    {"hr", "hour"},
    {"hrs", "hour"},
    {"hh", "hour"},
    {"minute", "minute"},
    {"minutes", "minute"},
    {"m", "minute"},
    {"min", "minute"},
    {"mins", "minute"},
    {"mi", "minute"},
    {"n", "minute"},
    {"second", "second"},
    {"seconds", "second"},
    {"s", "second"},
    {"sec", "second"},
    {"secs", "second"},
    {"ss", "second"},
    {"millisecond", "millisecond"},
    {"milliseconds", "millisecond"},
    {"ms", "millisecond"},
    {"msec", "millisecond"},
    {"microsecond", "microsecond"},
    {"microseconds", "microsecond"},
    {"us", "microsecond"},
    {"usec", "microsecond"},
    {"dayofweek", "dow"},
    {"dow", "dow"},
    {"weekday", "dow"},
    {"dw", "dow"},
    {"dayofyear", "doy"},
    {"doy", "doy"},
    {"dy", "doy"},
    {"yearday", "doy"},
    {"epoch", "epoch"},
    {"isodow", "isodow"},
    {"isoyear", "isoyear"},
    {"timezone", "timezone"},
    {"timezone_hour", "timezone_hour"},
    {"timezone_minute", "timezone_minute"},
};

// What reads files, settings, other statements or the engine's insides, or waits.
constexpr std::array<std::string_view, 52> refused = {"query",
                                                      "query_table",
                                                      "getenv",
                                                      "glob",
                                                      "pg_sleep",
                                                      "sleep_ms",
                                                      "sniff_csv",
                                                      "sql_auto_complete",
                                                      "json_execute_serialized_sql",
                                                      "json_serialize_sql",
                                                      "json_deserialize_sql",
                                                      "json_serialize_plan",
                                                      "from_substrait",
                                                      "from_substrait_json",
                                                      "get_substrait",
                                                      "get_substrait_json",
                                                      "which_secret",
                                                      "write_log",
                                                      "parse_duckdb_log_message",
                                                      "current_setting",
                                                      "getvariable",
                                                      "add_parquet_key",
                                                      "force_checkpoint",
                                                      "checkpoint",
                                                      "arrow_scan",
                                                      "arrow_scan_dumb",
                                                      "pandas_scan",
                                                      "python_map_function",
                                                      "seq_scan",
                                                      "index_scan",
                                                      "repeat_row",
                                                      "test_all_types",
                                                      "test_vector_types",
                                                      "storage_info",
                                                      "enable_logging",
                                                      "disable_logging",
                                                      "truncate_duckdb_logs",
                                                      "enable_profiling",
                                                      "disable_profiling",
                                                      "enable_profile",
                                                      "disable_profile",
                                                      "profile_output",
                                                      "in_search_path",
                                                      "nextval",
                                                      "currval",
                                                      "setseed",
                                                      "checkpoint_database",
                                                      "import_database",
                                                      "export_database",
                                                      "show_databases",
                                                      "set_config",
                                                      "iceberg_scan"};
constexpr std::array<std::string_view, 9> refused_starts = {
    "read_", "stroma_", "duckdb_", "pragma_", "parquet_", "json_scan", "csv_", "delta_", "sqlite_"};

Written rewrite_choice(Call& call) {
    if (call.name() == "nvl" || call.name() == "isnull")
        return "coalesce(" + TRY(call.rest(0)) + ")";
    if (call.name() == "nvl2") {
        if (call.count() != 3) return fail(call.misfit());
        return fmt::format("CASE WHEN ({}) IS NOT NULL THEN {} ELSE {} END", TRY(call.argument(0)),
                           TRY(call.argument(1)), TRY(call.argument(2)));
    }
    // decode(value, search, result…, default): null equals null.
    if (call.count() < 3) return std::nullopt;
    const std::string value = TRY(call.argument(0));
    std::string made = "CASE";
    std::size_t at = 1;
    for (; at + 1 < call.count(); at += 2)
        made += fmt::format(" WHEN ({}) IS NOT DISTINCT FROM ({}) THEN {}", value,
                            TRY(call.argument(at)), TRY(call.argument(at + 1)));
    if (at < call.count()) made += " ELSE " + TRY(call.argument(at));
    return made + " END";
}

/// An argument as a moment: a literal in any form, a parameter as a timestamp.
Answer<std::string> moment(Call& call, std::size_t index, std::string_view macro) {
    const Token& first = call.first(index);
    const bool is_one = call.range(index).to == call.range(index).from + 1;
    if (call.is_literal(index) && first.word.find('-') == std::string::npos)
        return fmt::format("{}.{}(CAST({} AS TIMESTAMP)", schema::dialect, macro,
                           quoted_text(usual_moment(first.word, false)));
    const std::string value = TRY(call.argument(index));
    if (is_one && (first.kind == TokenKind::parameter || first.word == "null"))
        return fmt::format("{}.{}(CAST({} AS TIMESTAMP)", schema::dialect, macro, value);
    return fmt::format("{}.{}({}", schema::dialect, macro, value);
}

/// A part of a moment. Milliseconds and microseconds are those of its second's fraction.
std::string part_of(std::string_view part, const std::string& moment) {
    if (part == "epoch")
        return fmt::format("CAST(floor(epoch(CAST({} AS TIMESTAMP))) AS BIGINT)", moment);
    if (part == "millisecond") return fmt::format("(date_part('millisecond', {}) % 1000)", moment);
    if (part == "microsecond")
        return fmt::format("(date_part('microsecond', {}) % 1000000)", moment);
    return fmt::format("date_part('{}', {})", part, moment);
}

Written rewrite_dates(Call& call) {
    const std::string& name = call.name();
    if (name == "dateadd" || name == "date_add") {
        if (call.count() != 3 || call.first(0).kind == TokenKind::sign) return fail(call.misfit());
        std::string part = TRY(call.part(0));
        const std::string count = TRY(call.argument(1));
        // A form for each type can be chosen where the type is known: not of an aggregate.
        const std::string begun =
            TRY(moment(call, 2, call.has_call(2) ? "stroma_later_moment" : "stroma_later"));
        if (part == "dow" || part == "doy") part = "day";
        if (part == "millennium")
            part = "millennia";
        else if (part == "century")
            part = "centuries";
        else
            part += "s";
        return fmt::format("{}, to_{}(CAST({} AS INTEGER)))", begun, part, count);
    }
    if (name == "datediff" || name == "date_diff") {
        if (call.count() != 3) return fail(call.misfit());
        return fmt::format("date_diff('{}', {}), {}))", TRY(call.part(0)),
                           TRY(moment(call, 1, "stroma_moment")),
                           TRY(moment(call, 2, "stroma_moment")));
    }
    if (name == "date_trunc") {
        if (call.count() != 2 || call.first(0).kind != TokenKind::text) return std::nullopt;
        return fmt::format("date_trunc('{}', CAST({} AS TIMESTAMP))", TRY(call.part(0)),
                           TRY(call.argument(1)));
    }
    if (call.count() != 2) return std::nullopt;
    const std::string part = TRY(call.part(0));
    if (call.is_literal(1))
        return part_of(part, "CAST(" + quoted_text(usual_moment(call.first(1).word, false)) +
                                 " AS TIMESTAMP)");
    return part_of(part, TRY(call.argument(1)));
}

Written rewrite_formats(Call& call) {
    const bool is_date = call.name() == "to_date", is_moment = call.name() == "to_timestamp";
    const bool has_flag = call.count() == 3 && (is_date || is_moment);
    if (call.count() != 2 && !has_flag) return fail(call.misfit());
    if (!call.is_literal(1))
        return refuse("0A000", fmt::format("{} needs its format written as a text", call.name()));
    const std::string& flag = has_flag ? call.first(2).word : "";
    if (has_flag && flag != "true" && flag != "false")
        return refuse("0A000",
                      fmt::format("{} needs its last argument as TRUE or FALSE", call.name()));
    const std::string value = TRY(call.argument(0));
    const std::string& format = call.first(1).word;
    if (call.name() == "to_char") return TRY(to_char_expression(value, format));
    if (call.name() == "to_number") return TRY(to_number_expression(value, format));
    if (is_date && flag != "true")
        if (auto lenient = TRY(lenient_date_expression(value, format))) return lenient;
    const std::string pattern = quoted_text(TRY(parsing_pattern(format)));
    if (is_date)
        return fmt::format("CAST(strptime(CAST({} AS VARCHAR), {}) AS DATE)", value, pattern);
    return fmt::format("timezone('UTC', strptime(CAST({} AS VARCHAR), {}))", value, pattern);
}

Written rewrite_json_path(Call& call) {
    if (call.count() < 2) return fail(call.misfit());
    std::size_t last = call.count();
    const std::string& tail = call.first(last - 1).word;
    const bool has_flag =
        call.first(last - 1).kind == TokenKind::word && (tail == "true" || tail == "false");
    if (has_flag) --last;
    std::string path = "'$'";
    for (std::size_t at = 1; at < last; ++at)
        path += fmt::format(" || '.\"' || ({}) || '\"'", TRY(call.argument(at)));
    const std::string json = TRY(call.argument(0));
    const std::string found = fmt::format("json_extract_string({}, {})", json, path);
    if (has_flag && tail == "true")
        return fmt::format("CASE WHEN json_valid({}) THEN {} END", json, found);
    return found;
}

Written rewrite_listagg(Call& call, std::size_t& at) {
    if (call.count() == 0 || call.count() > 2) return fail(call.misfit());
    TokenRange value = call.range(0);
    const bool distinct = call.rewriter().is_word(value.from, "distinct");
    if (distinct) ++value.from;
    const std::string what = TRY(call.rewriter().range(value, true));
    const std::string between = call.count() == 2 ? TRY(call.argument(1)) : "''";
    at = call.close() + 1;
    const std::string order = TRY(within_group(call.rewriter(), at));
    // Values that are told apart, and ordered, are not yet texts: 10 comes after 9.
    if (distinct && !order.empty())
        return fmt::format(
            "array_to_string(CAST(list(DISTINCT {0} {1}) FILTER ({0} IS NOT NULL) AS VARCHAR[]), "
            "{2})",
            what, order, between);
    return fmt::format("string_agg({}CAST({} AS VARCHAR), {} {})", distinct ? "DISTINCT " : "",
                       what, between, order);
}

Written rewrite_ratio(Call& call, std::size_t& at) {
    if (call.count() != 1) return fail(call.misfit());
    const std::string value = TRY(call.argument(0));
    at = call.close() + 1;
    std::string window;
    if (call.rewriter().is_word(at, "over")) {
        const std::size_t close = call.rewriter().closing(at + 1);
        window = TRY(call.rewriter().range({at + 1, close + 1}, true));
        at = close + 1;
    }
    return fmt::format("(CAST({} AS DOUBLE) / sum({}) OVER {})", value, value, window);
}

Written rewrite_cast(Call& call) {
    Rewriter& rewriter = call.rewriter();
    std::size_t as = call.close();
    int depth = 0;
    for (std::size_t at = call.open() + 1; at < call.close(); ++at) {
        if (rewriter.is_sign(at, "(") || rewriter.is_sign(at, "[")) ++depth;
        if (rewriter.is_sign(at, ")") || rewriter.is_sign(at, "]")) --depth;
        if (depth == 0 && rewriter.is_word(at, "as")) as = at;
    }
    if (as == call.close()) return std::nullopt;
    std::string value = TRY(rewriter.range({call.open() + 1, as}, true));
    const std::string& wanted = rewriter.token(as + 1).word;
    const Token& first = rewriter.token(call.open() + 1);
    const bool is_single = as == call.open() + 2;
    if (as + 2 == call.close() && wanted.starts_with("reg") && wanted.size() >= 6 && is_single &&
        first.kind == TokenKind::parameter)
        value = fmt::format("CAST({} AS VARCHAR)", value);
    if (as + 2 == call.close() && wanted.starts_with("reg") && wanted.size() >= 6)
        return fmt::format("to_{}({})", wanted, value);
    std::vector<Token> type_tokens;
    for (std::size_t at = as + 1; at <= call.close(); ++at)
        type_tokens.push_back(rewriter.token(at));
    std::size_t at = 0;
    const auto type = TRY(read_type(type_tokens, at));
    if (at + 1 != type_tokens.size()) return fail(syntax_failure(type_tokens[at]));
    if (is_single && first.kind == TokenKind::text)
        if (const auto text = engine_text(type.oid, first.word)) value = quoted_text(*text);
    if (type.length > 0 && type.length < 65535)
        return fmt::format("left(CAST({} AS VARCHAR), {})", value, type.length);
    const Token& literal = rewriter.token(call.open() + 1);
    if (literal.kind == TokenKind::text && as == call.open() + 2 &&
        (type.engine == "DATE" || type.engine == "TIMESTAMP"))
        value = quoted_text(usual_moment(literal.word, type.engine == "DATE"));
    return fmt::format("{}({} AS {})", call.name(), value, type.engine);
}

/// CONVERT(type, value)
Written rewrite_convert(Call& call) {
    if (call.count() != 2) return std::nullopt;
    std::vector<Token> tokens;
    for (std::size_t at = call.range(0).from; at <= call.range(0).to; ++at)
        tokens.push_back(call.rewriter().token(at));
    std::size_t at = 0;
    const auto type = TRY(read_type(tokens, at));
    if (at + 1 != tokens.size()) return fail(syntax_failure(tokens[at]));
    const std::string value = TRY(call.argument(1));
    if (type.length > 0 && type.length < 65535)
        return fmt::format("left(CAST({} AS VARCHAR), {})", value, type.length);
    return fmt::format("CAST({} AS {})", value, type.engine);
}

/// object('name', value, …) and array(value, …) of SUPER.
Written rewrite_super(Call& call) {
    if (call.name() == "object") return "json_object(" + TRY(call.rest(0)) + ")";
    if (call.count() > 0 && call.first(0).word == "select") return std::nullopt;
    return "json_array(" + TRY(call.rest(0)) + ")";
}

/// substring(s, start, n), also with FROM and FOR: the engine counts from the end where a start
/// is below 1.
Written rewrite_substring(Call& call) {
    const Rewriter& rewriter = call.rewriter();
    if (call.count() > 1)
        return fmt::format("{}.substring({})", schema::dialect, TRY(call.rest(0)));
    std::size_t from = 0, length = 0;
    int depth = 0;
    for (std::size_t at = call.open() + 1; at < call.close(); ++at) {
        if (rewriter.is_sign(at, "(")) ++depth;
        if (rewriter.is_sign(at, ")")) --depth;
        if (depth == 0 && from == 0 && rewriter.is_word(at, "from")) from = at;
        if (depth == 0 && rewriter.is_word(at, "for")) length = at;
    }
    if (from == 0 || (length != 0 && length < from)) return std::nullopt;
    const auto piece = [&](std::size_t begin, std::size_t end) {
        return call.rewriter().range({begin, end}, true);
    };
    std::string made =
        fmt::format("{}.substring({}, {}", schema::dialect, TRY(piece(call.open() + 1, from)),
                    TRY(piece(from + 1, length != 0 ? length : call.close())));
    if (length != 0) made += ", " + TRY(piece(length + 1, call.close()));
    return made + ")";
}

Written rewrite_text(Call& call) {
    const std::string& name = call.name();
    if (name.starts_with("regexp_")) return rewrite_pattern(call);
    if (name == "array" || name == "object") return rewrite_super(call);
    if (name == "convert") return rewrite_convert(call);
    if (name == "substring") return rewrite_substring(call);
    if (name == "json_array_length" && call.count() == 2 && call.first(1).word == "true") {
        const std::string json = TRY(call.argument(0));
        return fmt::format("CASE WHEN json_valid({0}) THEN json_array_length({0}) END", json);
    }
    if (name == "convert_timezone" && call.count() >= 2 && call.is_literal(call.count() - 1)) {
        const std::string moment =
            quoted_text(usual_moment(call.first(call.count() - 1).word, false));
        return fmt::format("convert_timezone({}{}, {})", TRY(call.argument(0)),
                           call.count() == 3 ? ", " + TRY(call.argument(1)) : "", moment);
    }
    if (name == "text_to_numeric_alt" && call.count() >= 3)
        return fmt::format("CAST({} AS DECIMAL({}, {}))", TRY(call.argument(0)),
                           TRY(call.argument(1)), TRY(call.argument(2)));
    return std::nullopt;
}

Written rewrite_extract(Call& call) {
    Rewriter& rewriter = call.rewriter();
    const std::size_t first = call.open() + 1;
    if (!rewriter.is_word(first + 1, "from")) return std::nullopt;
    const auto part = date_part_named(lower_of(rewriter.token(first).word));
    if (part.empty()) return fail(syntax_failure(rewriter.token(first), "a date part is expected"));
    const std::string moment = TRY(rewriter.range({first + 2, call.close()}, true));
    return part_of(part, moment);
}

template <std::size_t N>
bool is_one(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

Written rewrite_known(Call& call, std::size_t& at) {
    constexpr std::array<std::string_view, 4> choices = {"nvl", "nvl2", "decode", "isnull"};
    constexpr std::array<std::string_view, 8> dates = {"dateadd",    "datediff",   "date_add",
                                                       "date_diff",  "date_part",  "datepart",
                                                       "date_trunc", "pgdate_part"};
    constexpr std::array<std::string_view, 4> formats = {"to_char", "to_date", "to_timestamp",
                                                         "to_number"};
    const std::string& name = call.name();
    TRY(demand_known(call));
    if (is_one(choices, name)) return rewrite_choice(call);
    if (is_one(dates, name)) return rewrite_dates(call);
    if (is_one(formats, name) && call.count() >= 2) return rewrite_formats(call);
    if (name == "cast" || name == "try_cast") return rewrite_cast(call);
    if (name == "extract") return rewrite_extract(call);
    if (name == "json_extract_path_text") return rewrite_json_path(call);
    if (name == "listagg") return rewrite_listagg(call, at);
    if (name == "ratio_to_report") return rewrite_ratio(call, at);
    if (auto written = TRY(rewrite_ending(call, at))) return written;
    return rewrite_text(call);
}

}  // namespace

std::string_view date_part_named(std::string_view word) {
    for (const auto& [known, engine] : part_names)
        if (known == word) return engine;
    return {};
}

bool is_function_for_users(std::string_view name) {
    const std::string known = lower_of(name);
    if (is_one(refused, known)) return false;
    return std::none_of(refused_starts.begin(), refused_starts.end(),
                        [&](std::string_view start) { return known.starts_with(start); });
}

Answer<std::optional<std::string>> rewrite_call(Rewriter& rewriter, std::size_t& at,
                                                std::size_t open, std::size_t end) {
    Call call(rewriter, at, open);
    if (call.close() >= end) return std::nullopt;
    if (rewriter.context().session_value && call.count() == 0)
        if (auto value = rewriter.context().session_value(call.name())) {
            at = call.close() + 1;
            return value;
        }
    const std::size_t before = at;
    auto written = TRY(rewrite_known(call, at));
    if (written && at == before) at = call.close() + 1;
    return written;
}

}  // namespace stroma::redshift
