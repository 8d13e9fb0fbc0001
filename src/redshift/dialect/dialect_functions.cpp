#include <fmt/format.h>

#include <algorithm>
#include <array>

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

/// One call: its name, and its arguments rewritten when asked for.
class Call {
public:
    Call(Rewriter& rewriter, std::size_t at, std::size_t open)
        : rewriter_(rewriter),
          name_(rewriter.token(at).word),
          open_(open),
          close_(rewriter.closing(open)),
          arguments_(rewriter.arguments(open, close_)) {}

    const std::string& name() const { return name_; }
    std::size_t count() const { return arguments_.size(); }
    std::size_t close() const { return close_; }
    const TokenRange& range(std::size_t index) const { return arguments_[index]; }
    const Token& first(std::size_t index) const { return rewriter_.token(arguments_[index].from); }
    bool is_literal(std::size_t index) const {
        return arguments_[index].to == arguments_[index].from + 1 &&
               first(index).kind == TokenKind::text;
    }
    Answer<std::string> argument(std::size_t index) {
        return rewriter_.range(arguments_[index], true);
    }
    /// All from that one, with commas.
    Answer<std::string> rest(std::size_t index) {
        std::string made;
        for (; index < count(); ++index) made += (made.empty() ? "" : ",") + TRY(argument(index));
        return made;
    }
    Answer<std::string> part(std::size_t index) const {
        const auto named = date_part_named(lower_of(first(index).word));
        if (named.empty() || arguments_[index].to != arguments_[index].from + 1)
            return fail(syntax_failure(first(index), "a date part is expected"));
        return std::string(named);
    }
    Failure misfit() const {
        Failure failure(
            "42883", fmt::format("function {} with {} arguments does not exist", name_, count()));
        failure.position = rewriter_.token(open_).offset + 1;
        return failure;
    }
    Rewriter& rewriter() { return rewriter_; }
    std::size_t open() const { return open_; }

private:
    Rewriter& rewriter_;
    std::string name_;
    std::size_t open_, close_;
    std::vector<TokenRange> arguments_;
};

using Written = Answer<std::optional<std::string>>;

Written rewrite_choice(Call& call) {
    if (call.name() == "nvl") return "coalesce(" + TRY(call.rest(0)) + ")";
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

Written rewrite_dates(Call& call) {
    const std::string& name = call.name();
    if (name == "dateadd" || name == "date_add") {
        if (call.count() != 3 || call.first(0).kind == TokenKind::sign) return fail(call.misfit());
        std::string part = TRY(call.part(0));
        const std::string count = TRY(call.argument(1)), moment = TRY(call.argument(2));
        if (part == "dow" || part == "doy") part = "day";
        if (part == "millennium")
            part = "millennia";
        else if (part == "century")
            part = "centuries";
        else
            part += "s";
        return fmt::format("(CAST({} AS TIMESTAMP) + to_{}(CAST({} AS INTEGER)))", moment, part,
                           count);
    }
    if (name == "datediff" || name == "date_diff") {
        if (call.count() != 3) return fail(call.misfit());
        return fmt::format("date_diff('{}', CAST({} AS TIMESTAMP), CAST({} AS TIMESTAMP))",
                           TRY(call.part(0)), TRY(call.argument(1)), TRY(call.argument(2)));
    }
    if (name == "date_trunc") {
        if (call.count() != 2 || call.first(0).kind != TokenKind::text) return std::nullopt;
        return fmt::format("date_trunc('{}', CAST({} AS TIMESTAMP))", TRY(call.part(0)),
                           TRY(call.argument(1)));
    }
    if (call.count() != 2) return std::nullopt;
    const std::string part = TRY(call.part(0));
    if (part == "epoch")
        return fmt::format("CAST(floor(epoch(CAST({} AS TIMESTAMP))) AS BIGINT)",
                           TRY(call.argument(1)));
    return fmt::format("date_part('{}', {})", part, TRY(call.argument(1)));
}

Written rewrite_formats(Call& call) {
    if (call.count() != 2) return fail(call.misfit());
    if (!call.is_literal(1))
        return refuse("0A000", fmt::format("{} needs its format written as a text", call.name()));
    const std::string value = TRY(call.argument(0));
    const std::string& format = call.first(1).word;
    if (call.name() == "to_char") return TRY(to_char_expression(value, format));
    if (call.name() == "to_number")
        return fmt::format("CAST(replace(replace(trim({}), ',', ''), '$', '') AS DECIMAL(38,10))",
                           value);
    const std::string pattern = quoted_text(TRY(parsing_pattern(format)));
    if (call.name() == "to_date")
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
    const std::string found = fmt::format("coalesce(json_extract_string({}, {}), '')", json, path);
    if (has_flag && tail == "true")
        return fmt::format("CASE WHEN json_valid({}) THEN {} END", json, found);
    return fmt::format("CASE WHEN ({}) IS NOT NULL THEN {} END", json, found);
}

/// After a call's ')': WITHIN GROUP (ORDER BY …). Moves `at` behind and gives what the
/// parentheses hold.
Answer<std::string> within_group(Rewriter& rewriter, std::size_t& at) {
    if (!rewriter.is_word(at, "within") || !rewriter.is_word(at + 1, "group") ||
        !rewriter.is_sign(at + 2, "("))
        return std::string();
    const std::size_t close = rewriter.closing(at + 2);
    const std::string order = TRY(rewriter.range({at + 3, close}, true));
    at = close + 1;
    return order;
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
    return fmt::format("{}({} AS {})", call.name(), value, type.engine);
}

Written rewrite_text(Call& call) {
    const std::string& name = call.name();
    if (name == "regexp_replace") {
        if (call.count() < 2 || call.count() > 3) return std::nullopt;
        return fmt::format("regexp_replace({}, {}, {}, 'g')", TRY(call.argument(0)),
                           TRY(call.argument(1)), call.count() == 3 ? TRY(call.argument(2)) : "''");
    }
    if (name == "sha2") {
        if (call.count() != 2) return fail(call.misfit());
        const std::string& bits = call.first(1).word;
        if (bits != "256" && bits != "0")
            return refuse("0A000", "sha2 is there with 256 bits alone");
        return "sha256(" + TRY(call.argument(0)) + ")";
    }
    if (name == "array") {
        if (call.count() > 0 && call.first(0).word == "select") return std::nullopt;
        return "json_array(" + TRY(call.rest(0)) + ")";
    }
    if (name == "position" || name == "extract") return std::nullopt;
    // chr, left… have the engine's own functions.
    return std::nullopt;
}

Written rewrite_extract(Call& call) {
    Rewriter& rewriter = call.rewriter();
    const std::size_t first = call.open() + 1;
    if (!rewriter.is_word(first + 1, "from")) return std::nullopt;
    const auto part = date_part_named(lower_of(rewriter.token(first).word));
    if (part.empty()) return fail(syntax_failure(rewriter.token(first), "a date part is expected"));
    const std::string moment = TRY(rewriter.range({first + 2, call.close()}, true));
    if (part == "epoch")
        return fmt::format("CAST(floor(epoch(CAST({} AS TIMESTAMP))) AS BIGINT)", moment);
    return fmt::format("date_part('{}', {})", part, moment);
}

template <std::size_t N>
bool is_one(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

Written rewrite_known(Call& call, std::size_t& at) {
    constexpr std::array<std::string_view, 3> choices = {"nvl", "nvl2", "decode"};
    constexpr std::array<std::string_view, 8> dates = {"dateadd",    "datediff",   "date_add",
                                                       "date_diff",  "date_part",  "datepart",
                                                       "date_trunc", "pgdate_part"};
    constexpr std::array<std::string_view, 4> formats = {"to_char", "to_date", "to_timestamp",
                                                         "to_number"};
    const std::string& name = call.name();
    if (is_one(choices, name)) return rewrite_choice(call);
    if (is_one(dates, name)) return rewrite_dates(call);
    if (is_one(formats, name) && call.count() == 2) return rewrite_formats(call);
    if (name == "cast" || name == "try_cast") return rewrite_cast(call);
    if (name == "extract") return rewrite_extract(call);
    if (name == "json_extract_path_text") return rewrite_json_path(call);
    if (name == "listagg") return rewrite_listagg(call, at);
    if (name == "ratio_to_report") return rewrite_ratio(call, at);
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
