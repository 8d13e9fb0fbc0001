#include "redshift/rights.h"

#include <fmt/format.h>

#include <array>

namespace stroma::redshift {
namespace {

std::string shown(const Thing& thing) {
    if (thing.kind == "database") return "database dev";
    if (thing.kind == "schema") return "schema " + thing.schema;
    return "relation " + thing.name;
}

Failure denied(const Thing& thing, std::string_view right) {
    return Failure("42501", (right == "OWNER" ? "must be owner of " : "permission denied for ") +
                                shown(thing));
}

/// A session's temporary table, which is nobody else's to see.
bool is_own(const TableName& table) { return table.is_temporary || table.schema == "temp"; }

using Values = std::vector<sql::Value>;

}  // namespace

Thing database_thing() { return {"database", "", ""}; }
Thing schema_thing(std::string_view schema) { return {"schema", lower_of(schema), ""}; }
Thing relation_thing(const TableName& table) {
    return {"relation", lower_of(table.schema), lower_of(table.name)};
}

Answer<bool> may(EngineSession& session, const Thing& thing, std::string_view right) {
    if (session.is_superuser()) return true;
    const auto answer = TRY(session.text_of(
        "SELECT stroma_system.stroma_may(?, ?, ?, ?, ?)",
        {session.user_id(), thing.kind, thing.schema, thing.name, std::string(right)}));
    return answer == "true";
}

Answer<std::vector<std::string>> columns_of_right(EngineSession& session, std::string_view who,
                                                  const Thing& thing, std::string_view right) {
    const auto rows = TRY(session.query(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() AND "
        "lower(schema_name) = ? AND lower(table_name) = ? AND stroma_system.stroma_may_column(?, "
        "?, ?, lower(column_name), ?) "
        "ORDER BY column_index",
        Values{thing.schema, thing.name, std::string(who), thing.schema, thing.name,
               std::string(right)}));
    std::vector<std::string> columns;
    while (TRY(rows->next())) columns.push_back(rows->text(0));
    return columns;
}

Answer<void> demand(EngineSession& session, const Thing& thing, std::string_view right) {
    if (!TRY(may(session, thing, right))) return fail(denied(thing, right));
    if (right != "SELECT" && right != "USAGE") session.allow_changes();
    return {};
}

Answer<void> demand_on(EngineSession& session, const TableName& table,
                       std::initializer_list<std::string_view> rights) {
    if (is_own(table)) {
        session.allow_changes();
        return {};
    }
    TRY(demand(session, schema_thing(table.schema), "USAGE"));
    for (const std::string_view right : rights) TRY(demand(session, relation_thing(table), right));
    return {};
}

Answer<void> demand_one_on(EngineSession& session, const TableName& table,
                           std::initializer_list<std::string_view> rights) {
    if (is_own(table)) return demand_on(session, table, {});
    TRY(demand(session, schema_thing(table.schema), "USAGE"));
    for (const std::string_view right : rights)
        if (TRY(may(session, relation_thing(table), right))) {
            session.allow_changes();
            return {};
        }
    return fail(denied(relation_thing(table), *rights.begin()));
}

Answer<void> demand_new(EngineSession& session, const TableName& table) {
    if (is_own(table)) return demand(session, database_thing(), "TEMP");
    TRY(demand(session, schema_thing(table.schema), "USAGE"));
    return demand(session, schema_thing(table.schema), "CREATE");
}

Answer<void> note_made(EngineSession& session, const Thing& thing) {
    const std::string& me = session.user_id();
    // Whatever had that name before.
    TRY(note_gone(session, thing));
    TRY(session.change("INSERT INTO stroma_system.owners VALUES (?, ?, ?, ?)",
                       Values{thing.kind, thing.schema, thing.name, me}));
    if (thing.kind == "relation")
        TRY(session.change(
            "INSERT INTO stroma_system.rights SELECT DISTINCT 'relation', ?, ?, grantee, allows, "
            "is_grantable, \"owner\" FROM stroma_system.default_rights WHERE \"owner\" = ? AND "
            "\"schema\" IN ('', ?)",
            Values{thing.schema, thing.name, me, thing.schema}));
    return {};
}

Answer<void> note_gone(EngineSession& session, const Thing& thing) {
    if (thing.kind != "database")
        TRY(session.change(
            "DELETE FROM stroma_system.column_rights WHERE \"schema\" = ? AND (? OR \"name\" = ?)",
            Values{thing.schema, thing.kind == "schema", thing.name}));
    for (const char* table : {"owners", "rights"}) {
        if (thing.kind == "schema") {
            TRY(session.change(
                fmt::format("DELETE FROM stroma_system.{} WHERE \"schema\" = ?", table),
                Values{thing.schema}));
        } else {
            TRY(session.change(fmt::format("DELETE FROM stroma_system.{} WHERE kind = ? AND "
                                           "\"schema\" = ? AND \"name\" = ?",
                                           table),
                               Values{thing.kind, thing.schema, thing.name}));
        }
    }
    return {};
}

Answer<void> note_renamed(EngineSession& session, const TableName& from, std::string_view to) {
    const Thing thing = relation_thing(from);
    TRY(session.change(
        "UPDATE stroma_system.column_rights SET \"name\" = ? WHERE \"schema\" = ? AND "
        "\"name\" = ?",
        Values{lower_of(to), thing.schema, thing.name}));
    for (const char* table : {"owners", "rights"})
        TRY(session.change(
            fmt::format("UPDATE stroma_system.{} SET \"name\" = ? WHERE kind = 'relation' AND "
                        "\"schema\" = ? AND \"name\" = ?",
                        table),
            Values{lower_of(to), thing.schema, thing.name}));
    return {};
}

Answer<void> note_column(EngineSession& session, const TableName& table, std::string_view from,
                         std::string_view to) {
    if (table.is_temporary) return {};
    const Thing thing = relation_thing(table);
    Values key{thing.schema, thing.name, lower_of(from)};
    if (!to.empty()) key.insert(key.begin(), lower_of(to));
    TRY(session.change(
        fmt::format("{} WHERE \"schema\" = ? AND \"name\" = ? AND \"column\" = ?",
                    to.empty() ? "DELETE FROM stroma_system.column_rights"
                               : "UPDATE stroma_system.column_rights SET \"column\" = ?"),
        key));
    return {};
}

Answer<void> change_owner(EngineSession& session, const Thing& thing, std::string_view user) {
    const std::string grantee = TRY(user_grantee(session, user));
    const std::string id = grantee.substr(grantee.find(' ') + 1);
    // Else a view could be made to read with somebody else's rights.
    if (!session.is_superuser() && id != session.user_id())
        return refuse("42501", fmt::format("must be superuser to give {} to user \"{}\"",
                                           shown(thing), user));
    TRY(
        session.change("DELETE FROM stroma_system.owners WHERE kind = ? AND \"schema\" = ? AND "
                       "\"name\" = ?",
                       Values{thing.kind, thing.schema, thing.name}));
    TRY(session.change("INSERT INTO stroma_system.owners VALUES (?, ?, ?, ?)",
                       Values{thing.kind, thing.schema, thing.name, id}));
    return {};
}

Answer<std::string> user_grantee(EngineSession& session, std::string_view name) {
    auto& engine = session.engine();
    const auto& find = engine.options.find_user;
    if (find) {
        const auto known = TRY(find(name));
        if (known) {
            TRY(engine.know_user(*known));
            return "user " + known->id;
        }
    }
    const auto id =
        TRY(session.text_of("SELECT id FROM stroma_system.users WHERE lower(\"name\") = lower(?)",
                            {std::string(name)}));
    if (!id || (find && lower_of(name) != "admin"))
        return refuse("42704", fmt::format("user \"{}\" does not exist", name));
    return "user " + *id;
}

}  // namespace stroma::redshift
