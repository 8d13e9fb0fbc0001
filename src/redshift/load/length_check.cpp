#include <fmt/format.h>

#include <functional>
#include <optional>
#include <set>

#include "redshift/table_statements.h"
#include "redshift/token_reader.h"
#include "sql/duckdb/duckdb_database.h"

namespace stroma::redshift {
namespace {

/// The columns that SET names, in lower case.
Answer<std::set<std::string>> assigned_by(const std::vector<Token>& tokens) {
    std::set<std::string> names;
    TokenReader in(tokens);
    while (!in.at_end() && !in.take("set")) {
        if (in.is_sign("(")) {
            TRY(in.skip_brackets());
        } else {
            in.next();
        }
    }
    std::string last;
    while (!in.at_end() && !in.is("where") && !in.is("from")) {
        if (in.is_sign("(") || in.is_sign("[")) {
            TRY(in.skip_brackets());
            continue;
        }
        if (in.is_sign("=")) names.insert(lower_of(last));
        last = in.token().word;
        in.next();
    }
    return names;
}

/// CASE's branches that end a statement at a text that is longer than its column.
Answer<std::string> too_long(const TableAttributes& attributes,
                             const std::function<bool(const std::string& name)>& is_set) {
    std::string cases;
    for (const auto& [name, column] : attributes.columns) {
        if (!is_set(lower_of(name)) || !column.type.starts_with("character")) continue;
        const auto type = TRY(type_named(column.type));
        if (type.length == 0) continue;
        const std::string value = fmt::format("CAST({} AS VARCHAR)", quoted_name(name));
        cases += fmt::format(
            " WHEN strlen({0}) > {1} AND strlen(rtrim({0}, ' ')) > {1} THEN error({2})", value,
            type.length, quoted_text("value too long for type " + type.declared));
    }
    return cases;
}

/// INSERT INTO table [(columns)] query: where the query begins, and the columns that are listed.
struct InsertedQuery {
    std::size_t from = 0;
    std::vector<std::string> columns;
};

std::optional<InsertedQuery> inserted_query(const std::vector<Token>& tokens) {
    TokenReader in(tokens);
    if (!in.take("insert") || !in.take("into")) return std::nullopt;
    InsertedQuery found;
    const auto begins = [&](std::size_t ahead) {
        return in.is("select", ahead) || in.is("with", ahead);
    };
    while (!in.at_end() && !begins(0) && !in.is_sign("(")) {
        if (in.is("values") || in.is("default") || in.is("overriding")) return std::nullopt;
        in.next();
    }
    if (in.is_sign("(") && !begins(1) && !in.is_sign("(", 1)) {
        auto names = in.names();
        if (!names) return std::nullopt;
        found.columns = std::move(*names);
    }
    if (!begins(0)) return std::nullopt;
    found.from = in.at();
    // Parameters take their types from the columns; an order, and what comes back, stay as asked.
    int depth = 0;
    for (; !in.at_end(); in.next()) {
        if (in.is_sign("(")) ++depth;
        if (in.is_sign(")")) --depth;
        if (in.token().kind == TokenKind::parameter) return std::nullopt;
        if (depth == 0 && (in.is("order") || in.is("returning") || in.is("top")))
            return std::nullopt;
    }
    return found;
}

}  // namespace

Answer<std::string> checked_select(EngineSession& session, const Prepared& prepared,
                                   const Prepared::Plan& plan) {
    auto inserted = inserted_query(plan.tokens);
    if (!inserted) return std::string();
    const auto attributes = attributes_of(session, plan.table);
    if (!attributes) return std::string();
    if (inserted->columns.empty())
        for (const TableColumn& column : TRY(columns_of_known(session, plan.table)))
            inserted->columns.push_back(column.name);
    const std::size_t end = plan.tokens.size() - 1;
    const auto written = [&](std::size_t from, std::size_t to) {
        return rewrite(prepared.statement.text, plan.tokens, from, to, session.rewrite_context());
    };
    const std::string query = TRY(written(inserted->from, end));
    const auto shape = sql::describe_duckdb(session.connection(), query);
    if (!shape || shape->columns.size() != inserted->columns.size()) return std::string();
    std::set<std::string> names;
    std::string called;
    for (const std::string& name : inserted->columns) {
        names.insert(lower_of(name));
        called += (called.empty() ? "" : ", ") + quoted_name(name);
    }
    const std::string cases =
        TRY(too_long(*attributes, [&](const std::string& name) { return names.contains(name); }));
    if (cases.empty()) return std::string();
    return fmt::format("{} SELECT * FROM ({}\n) AS inserted({}) WHERE CASE{} ELSE true END",
                       TRY(written(0, inserted->from)), query, called, cases);
}

Answer<std::string> length_check(EngineSession& session, const Statement& statement,
                                 const std::vector<Token>& tokens, const TableName& table) {
    const auto attributes = attributes_of(session, table);
    // What isn't there, or is a view, the engine says itself.
    if (!attributes) return std::string();
    const bool is_update = statement.kind == StatementKind::update;
    const auto assigned = is_update ? TRY(assigned_by(tokens)) : std::set<std::string>();
    TRY(check_identities(session, *attributes, tokens, table, assigned));
    const std::string cases = TRY(too_long(*attributes, [&](const std::string& name) {
        return !is_update || assigned.contains(name);
    }));
    return cases.empty() ? cases : "\nRETURNING CASE" + cases + " END";
}

}  // namespace stroma::redshift
