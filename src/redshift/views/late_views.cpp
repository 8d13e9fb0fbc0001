#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "redshift/table_statements.h"
#include "sql/duckdb/duckdb_database.h"

namespace stroma::redshift {
namespace {

constexpr std::string_view making = "stroma_makes_view";

/// As the engine writes what create_unbound_view() gave it.
constexpr std::string_view unbound_start = "select * from query(";

/// Columns that stand for those that nobody knows.
std::string stand_in(std::size_t count) {
    std::string sql = "SELECT NULL AS \"1\"";
    for (std::size_t at = 2; at <= count; ++at) sql += fmt::format(", NULL AS \"{}\"", at);
    return sql;
}

/// Whether a statement names what tells of late views' columns.
bool asks_columns(std::span<const Token> tokens) {
    constexpr std::array<std::string_view, 4> telling = {
        "pg_get_late_binding_view_cols", "svv_columns", "svv_all_columns", "svv_redshift_columns"};
    return std::any_of(tokens.begin(), tokens.end(), [&](const Token& token) {
        return token.kind == TokenKind::word &&
               std::find(telling.begin(), telling.end(), token.word) != telling.end();
    });
}

}  // namespace

Answer<void> create_unbound_view(EngineSession& session, const TableName& view, bool replaces,
                                 const std::string& names, std::size_t count,
                                 const std::string& query) {
    const auto tokens = TRY(tokens_of(query));
    std::size_t first = 0;
    while (tokens[first].kind == TokenKind::sign && tokens[first].word == "(") ++first;
    if (tokens[first].word != "select" && tokens[first].word != "with")
        return fail(syntax_failure(tokens[first], "a view is a query"));
    TRY(session.change(fmt::format("SET VARIABLE {} = true", making)));
    const auto made = session.change(fmt::format(
        "CREATE {}VIEW {}{} AS SELECT * FROM query(CASE WHEN getvariable('{}') IS NOT NULL THEN {} "
        "ELSE {} END)",
        replaces ? "OR REPLACE " : "", view.sql(), names.empty() ? "" : " (" + names + ")", making,
        quoted_text(stand_in(count)), quoted_text(query)));
    TRY(session.change(fmt::format("RESET VARIABLE {}", making)));
    if (!made) return fail(made.error());
    return {};
}

Answer<std::optional<std::string>> unbound_query(std::string_view body) {
    if (!lower_of(body.substr(0, unbound_start.size())).starts_with(unbound_start))
        return std::nullopt;
    const auto tokens = TRY(tokens_of(body));
    const auto last = std::find_if(tokens.rbegin(), tokens.rend(), [](const Token& token) {
        return token.kind == TokenKind::text;
    });
    if (last == tokens.rend()) return fail(syntax_failure(tokens.back(), "the view's query"));
    return last->word;
}

Answer<bool> bind_late_views(EngineSession& session, std::span<const Token> tokens) {
    if (!asks_columns(tokens)) return false;
    std::vector<TableName> views;
    {
        const auto rows = TRY(
            session.query("SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal "
                          "AND stroma_catalog.stroma_is_late(comment)"));
        while (TRY(rows->next())) views.push_back({rows->text(0), rows->text(1), false});
    }
    std::string unbound;
    for (const TableName& view : views) {
        if (sql::describe_duckdb(session.connection(), "SELECT * FROM " + view.sql())) continue;
        unbound += (unbound.empty() ? "" : ", ") + quoted_text(view.key());
    }
    TRY(session.change(
        fmt::format("SET VARIABLE stroma_unbound = CAST([{}] AS VARCHAR[])", unbound)));
    return true;
}

}  // namespace stroma::redshift
