#include <fmt/format.h>

#include <set>

#include "redshift/table_statements.h"
#include "redshift/token_reader.h"

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

}  // namespace

Answer<std::string> length_check(EngineSession& session, const Statement& statement,
                                 const std::vector<Token>& tokens, const TableName& table) {
    const auto attributes = attributes_of(session, table);
    // What isn't there, or is a view, the engine says itself.
    if (!attributes) return std::string();
    const bool is_update = statement.kind == StatementKind::update;
    const auto assigned = is_update ? TRY(assigned_by(tokens)) : std::set<std::string>();
    std::string cases;
    for (const auto& [name, column] : attributes->columns) {
        if (is_update && !assigned.contains(lower_of(name))) continue;
        if (!column.type.starts_with("character")) continue;
        const auto type = TRY(type_named(column.type));
        if (type.length == 0) continue;
        const std::string value = fmt::format("CAST({} AS VARCHAR)", quoted_name(name));
        cases += fmt::format(
            " WHEN strlen({0}) > {1} AND strlen(rtrim({0}, ' ')) > {1} THEN error({2})", value,
            type.length, quoted_text("value too long for type " + type.declared));
    }
    return cases.empty() ? cases : "\nRETURNING CASE" + cases + " END";
}

}  // namespace stroma::redshift
