#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/token_reader.h"

// GRANT, REVOKE and ALTER DEFAULT PRIVILEGES.

namespace stroma::redshift {
namespace {

using Values = std::vector<sql::Value>;

constexpr std::array<std::string_view, 8> relation_rights = {
    "SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES", "TRUNCATE", "ALTER", "DROP"};
constexpr std::array<std::string_view, 4> schema_rights = {"USAGE", "CREATE", "ALTER", "DROP"};
constexpr std::array<std::string_view, 3> database_rights = {"CREATE", "TEMP", "USAGE"};

template <std::size_t N>
bool is_among(const std::array<std::string_view, N>& all, std::string_view one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

std::string upper_of(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char letter) { return std::toupper(letter); });
    return text;
}

struct Grantee {
    std::string code;  ///< "user ID", "group NAME", "role NAME", "public"
    bool with_option = false;
};

class GrantStatement {
public:
    GrantStatement(EngineSession& session, const Prepared& prepared)
        : session_(session), tokens_(prepared.plan->tokens), in_(tokens_) {}
    Answer<std::unique_ptr<Cursor>> run();
    Answer<std::unique_ptr<Cursor>> run_defaults();

private:
    Answer<void> read_beginning();
    Answer<void> read_rights();
    Answer<void> read_things();
    Answer<void> read_all_in_schema();
    Answer<void> read_relations();
    Answer<void> read_functions();
    Answer<void> read_grantees();
    Answer<void> settle_rights(std::string_view kind);
    Answer<void> check_columns(const Thing& thing);
    Answer<void> change_columns(const Thing& thing);
    Answer<std::string> known_identity(std::string_view kind, const std::string& name);
    Answer<void> check_giver(const Thing& thing, const std::string& right);
    Answer<void> give(const Thing& thing);
    Answer<void> take(const Thing& thing);
    Answer<void> take_dependent(const Thing& thing, const std::string& right,
                                const std::string& from, std::size_t depth);
    Answer<std::unique_ptr<Cursor>> run_roles();
    Answer<std::int64_t> change_defaults(const std::vector<std::string>& owners,
                                         const std::vector<std::string>& schemas);
    const std::string& me() const { return session_.user_id(); }

    EngineSession& session_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
    bool revokes_ = false, only_option_ = false, cascades_ = false, all_ = false;
    std::vector<std::string> rights_;
    struct OfColumns {
        std::string right;
        std::vector<std::string> columns;
    };
    std::vector<OfColumns> of_columns_;
    std::vector<Thing> things_;
    std::string functions_;  ///< names of those that EXECUTE is given on
    std::vector<Grantee> grantees_;
};

Answer<void> GrantStatement::read_beginning() {
    revokes_ = in_.is("revoke");
    in_.next();
    if (revokes_ && (in_.is("grant") || in_.is("admin")) && in_.is("option", 1)) {
        in_.next();
        in_.next();
        TRY(in_.expect("for"));
        only_option_ = true;
    }
    return {};
}

Answer<void> GrantStatement::read_rights() {
    if (in_.take("all")) {
        in_.take("privileges");
        all_ = !in_.is_sign("(");
        if (all_) return {};
        const auto columns = TRY(in_.names());
        for (const char* right : {"SELECT", "UPDATE"}) of_columns_.push_back({right, columns});
        return {};
    }
    do {
        std::string right = upper_of(TRY(in_.name()));
        if (right == "TEMPORARY") right = "TEMP";
        if (!in_.is_sign("(")) {
            rights_.push_back(std::move(right));
            continue;
        }
        if (right != "SELECT" && right != "UPDATE")
            return refuse("0LP01", fmt::format("invalid privilege type {} for column: columns have "
                                               "SELECT and UPDATE",
                                               right));
        of_columns_.push_back({std::move(right), TRY(in_.names())});
    } while (in_.take_sign(","));
    return {};
}

Answer<void> GrantStatement::settle_rights(std::string_view kind) {
    const auto settle = [&](const auto& known) -> Answer<void> {
        if (all_) rights_.assign(known.begin(), known.end());
        for (const std::string& right : rights_)
            if (!is_among(known, right))
                return refuse("0LP01",
                              fmt::format("invalid privilege type {} for {}", right, kind));
        return {};
    };
    if (kind != "relation" && !of_columns_.empty())
        return refuse("0LP01", "column privileges are only valid for relations");
    if (kind == "schema") return settle(schema_rights);
    if (kind == "database") return settle(database_rights);
    return settle(relation_rights);
}

Answer<void> GrantStatement::read_all_in_schema() {
    TRY(in_.expect("in"));
    TRY(in_.expect("schema"));
    do {
        const std::string schema = TRY(in_.name());
        const auto rows = TRY(session_.query(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE lower(schema_name) = "
            "lower(?) AND database_name = current_database() UNION ALL SELECT schema_name, "
            "view_name FROM duckdb_views() WHERE lower(schema_name) = lower(?) AND database_name = "
            "current_database() AND NOT internal",
            Values{schema, schema}));
        while (TRY(rows->next()))
            things_.push_back(relation_thing({rows->text(0), rows->text(1), false}));
    } while (in_.take_sign(","));
    return {};
}

Answer<void> GrantStatement::read_relations() {
    do {
        std::size_t at = in_.at();
        const TableName table = TRY(session_.read_table(tokens_, at));
        in_.move_to(at);
        if (table.is_temporary || !TRY(is_relation_there(session_, table)))
            return refuse("42P01", fmt::format("relation \"{}\" does not exist", table.name));
        if (table.schema.starts_with("stroma_"))
            return refuse("42501", fmt::format("permission denied for relation {}", table.name));
        things_.push_back(relation_thing(table));
    } while (in_.take_sign(","));
    return {};
}

// EXECUTE ON FUNCTION name(types), …: a function is an expression of its arguments and reads
// nothing, so everybody calls it; what is given is there already, and can't be taken.
Answer<void> GrantStatement::read_functions() {
    for (const std::string& right : rights_)
        if (right != "EXECUTE")
            return refuse("0LP01", fmt::format("invalid privilege type {} for function", right));
    if (revokes_)
        return refuse("0A000",
                      "functions are everybody's to call, as they read nothing: EXECUTE can't be "
                      "taken, DROP FUNCTION ends it");
    rights_.clear();
    all_ = false;
    do {
        std::size_t at = in_.at();
        const Thing function = TRY(function_thing(session_, tokens_, at));
        in_.move_to(at);
        TRY(demand(session_, function, "OWNER"));
        functions_ += (functions_.empty() ? "" : ", ") +
                      function.name.substr(0, function.name.size() - std::strlen("()"));
    } while (in_.take_sign(","));
    return {};
}

Answer<void> GrantStatement::read_things() {
    TRY(in_.expect("on"));
    if (in_.take("schema")) {
        TRY(settle_rights("schema"));
        do {
            const std::string name = TRY(in_.name());
            const auto there = TRY(session_.text_of(
                "SELECT 'yes' FROM duckdb_schemas() WHERE database_name = current_database() AND "
                "lower(schema_name) = lower(?)",
                {name}));
            if (!there || name.starts_with("stroma_"))
                return refuse("3F000", fmt::format("schema \"{}\" does not exist", name));
            things_.push_back(schema_thing(name));
        } while (in_.take_sign(","));
        return {};
    }
    if (in_.take("database")) {
        TRY(settle_rights("database"));
        const std::string name = TRY(in_.name());
        if (lower_of(name) != session_.options().database)
            return refuse("3D000", fmt::format("database \"{}\" does not exist", name));
        things_.push_back(database_thing());
        return {};
    }
    if (in_.take("function")) return read_functions();
    if (in_.take("procedure")) {
        if (all_) rights_ = {"EXECUTE"};
        if (rights_ != std::vector<std::string>{"EXECUTE"} || !of_columns_.empty())
            return refuse("0LP01", "the one right on a procedure is EXECUTE");
        do {
            std::size_t at = in_.at();
            things_.push_back(TRY(procedure_thing(session_, tokens_, at)));
            in_.move_to(at);
        } while (in_.take_sign(","));
        return {};
    }
    for (const char* other : {"language", "model", "datashare", "library"})
        if (in_.is(other))
            return refuse("0A000", fmt::format("there are no rights on a {}", other));
    TRY(settle_rights("relation"));
    if (in_.is("all") && (in_.is("functions", 1) || in_.is("procedures", 1)))
        return refuse("0A000", "functions are everybody's to call; there are no rights on them");
    if (in_.is("all") && in_.is("tables", 1) && !of_columns_.empty())
        return refuse("0LP01", "column privileges are only valid for relations by name");
    if (in_.take("all", "tables")) return read_all_in_schema();
    in_.take("table");
    return read_relations();
}

Answer<std::string> GrantStatement::known_identity(std::string_view kind, const std::string& name) {
    const auto there = TRY(session_.text_of(
        "SELECT kind || ' ' || \"name\" FROM stroma_system.roles WHERE kind = ? AND "
        "lower(\"name\") = lower(?)",
        {std::string(kind), name}));
    if (!there) return refuse("42704", fmt::format("{} \"{}\" does not exist", kind, name));
    return *there;
}

Answer<void> GrantStatement::read_grantees() {
    TRY(in_.expect(revokes_ ? "from" : "to"));
    do {
        Grantee grantee;
        if (in_.take("public")) {
            grantee.code = "public";
        } else if (in_.is("group") || in_.is("role")) {
            const std::string kind = in_.token().word;
            in_.next();
            const std::string name = TRY(in_.name());
            grantee.code = TRY(known_identity(kind, name));
        } else {
            in_.take("user");
            const std::string name = TRY(in_.name());
            grantee.code = TRY(user_grantee(session_, name));
        }
        if (!revokes_ && in_.take("with")) {
            if (!in_.take("grant") && !in_.take("admin")) return in_.wrong("GRANT OPTION");
            TRY(in_.expect("option"));
            if (!grantee.code.starts_with("user ") && !grantee.code.starts_with("role "))
                return refuse("0LP01", "grant options can be given to users and roles only");
            grantee.with_option = true;
        }
        grantees_.push_back(std::move(grantee));
    } while (in_.take_sign(","));
    cascades_ = in_.take("cascade");
    in_.take("restrict");
    if (!in_.at_end()) return in_.wrong("the statement's end");
    return {};
}

// Owners give everything, others what they were given to give on.
Answer<void> GrantStatement::check_giver(const Thing& thing, const std::string& right) {
    if (TRY(may(session_, thing, "OWNER")) || TRY(may(session_, thing, right + "*"))) return {};
    return demand(session_, thing, "OWNER").map_error([&](Failure failure) {
        failure.message =
            "permission denied for " + (thing.kind == "relation" ? "relation " + thing.name
                                        : thing.kind == "schema" ? "schema " + thing.schema
                                                                 : std::string("database dev"));
        return failure;
    });
}

// They can't be given on: who gives them owns the relation.
Answer<void> GrantStatement::check_columns(const Thing& thing) {
    if (of_columns_.empty()) return {};
    TRY(check_giver(thing, "OWNER"));
    for (const Grantee& grantee : grantees_)
        if (grantee.with_option || only_option_)
            return refuse("0LP01", "grant options are those of relations, not of columns");
    for (const OfColumns& each : of_columns_)
        for (const std::string& column : each.columns)
            if (!TRY(session_.text_of(
                    "SELECT 'yes' FROM duckdb_columns() WHERE lower(schema_name) = ? AND "
                    "lower(table_name) = ? AND lower(column_name) = lower(?) LIMIT 1",
                    {thing.schema, thing.name, column})))
                return refuse("42703",
                              fmt::format("column \"{}\" of relation \"{}\" does not exist", column,
                                          thing.name));
    return {};
}

Answer<void> GrantStatement::change_columns(const Thing& thing) {
    for (const OfColumns& each : of_columns_)
        for (const std::string& column : each.columns)
            for (const Grantee& grantee : grantees_) {
                const Values key{thing.schema, thing.name, lower_of(column), grantee.code,
                                 each.right};
                TRY(session_.change(
                    "DELETE FROM stroma_system.column_rights WHERE \"schema\" = ? AND \"name\" = ? "
                    "AND \"column\" = ? AND grantee = ? AND allows = ?",
                    key));
                if (revokes_) continue;
                Values row = key;
                row.emplace_back(me());
                TRY(session_.change(
                    "INSERT INTO stroma_system.column_rights VALUES (?, ?, ?, ?, ?, ?)", row));
            }
    // Whoever loses a right on all of a relation keeps none on its columns.
    if (!revokes_ || only_option_ || thing.kind != "relation") return {};
    for (const std::string& right : rights_)
        for (const Grantee& grantee : grantees_)
            TRY(
                session_.change("DELETE FROM stroma_system.column_rights WHERE \"schema\" = ? AND "
                                "\"name\" = ? AND grantee = ? AND allows = ?",
                                Values{thing.schema, thing.name, grantee.code, right}));
    return {};
}

Answer<void> GrantStatement::give(const Thing& thing) {
    for (const std::string& right : rights_)
        for (const Grantee& grantee : grantees_) {
            const Values key{thing.kind, thing.schema, thing.name, grantee.code, right, me()};
            const auto had = TRY(session_.text_of(
                "SELECT bool_or(is_grantable) FROM stroma_system.rights WHERE kind = ? AND "
                "\"schema\" = ? AND \"name\" = ? AND grantee = ? AND allows = ? AND grantor = ?",
                {key[0], key[1], key[2], key[3], key[4], key[5]}));
            TRY(session_.change(
                "DELETE FROM stroma_system.rights WHERE kind = ? AND \"schema\" = ? AND \"name\" = "
                "? AND grantee = ? AND allows = ? AND grantor = ?",
                key));
            TRY(session_.change("INSERT INTO stroma_system.rights VALUES (?, ?, ?, ?, ?, ?, ?)",
                                Values{thing.kind, thing.schema, thing.name, grantee.code, right,
                                       grantee.with_option || had == "true", me()}));
        }
    return {};
}

// What was given on with an option that is no more.
Answer<void> GrantStatement::take_dependent(const Thing& thing, const std::string& right,
                                            const std::string& from, std::size_t depth) {
    if (!from.starts_with("user ") || depth > 100) return {};
    const std::string giver = from.substr(5);
    const Values key{thing.kind, thing.schema, thing.name, right, giver};
    const auto rows = TRY(session_.query(
        "SELECT DISTINCT grantee FROM stroma_system.rights WHERE kind = ? AND \"schema\" = ? AND "
        "\"name\" = ? AND allows = ? AND grantor = ? AND NOT EXISTS (SELECT 1 FROM "
        "stroma_system.stroma_effective e WHERE e.id = rights.grantor AND e.kind = rights.kind AND "
        "e.\"schema\" = rights.\"schema\" AND e.\"name\" = rights.\"name\" AND e.allows IN "
        "(rights.allows || '*', 'OWNER'))",
        key));
    std::vector<std::string> dependent;
    while (TRY(rows->next())) dependent.push_back(rows->text(0));
    if (dependent.empty()) return {};
    if (!cascades_) return refuse("2BP01", "dependent privileges exist");
    TRY(
        session_.change("DELETE FROM stroma_system.rights WHERE kind = ? AND \"schema\" = ? AND "
                        "\"name\" = ? AND allows = ? AND grantor = ?",
                        key));
    for (const std::string& next : dependent) TRY(take_dependent(thing, right, next, depth + 1));
    return {};
}

Answer<void> GrantStatement::take(const Thing& thing) {
    // An owner takes what anybody gave, others what they gave.
    const bool owns = TRY(may(session_, thing, "OWNER"));
    for (const std::string& right : rights_)
        for (const Grantee& grantee : grantees_) {
            TRY(session_.change(
                fmt::format("{} WHERE kind = ? AND \"schema\" = ? AND \"name\" = ? AND grantee = ? "
                            "AND allows = ? AND (? OR grantor = ?)",
                            only_option_ ? "UPDATE stroma_system.rights SET is_grantable = false"
                                         : "DELETE FROM stroma_system.rights"),
                Values{thing.kind, thing.schema, thing.name, grantee.code, right, owns, me()}));
            TRY(take_dependent(thing, right, grantee.code, 0));
        }
    return {};
}

Answer<std::unique_ptr<Cursor>> GrantStatement::run_roles() {
    std::vector<std::string> roles;
    in_.next();
    do {
        const std::string name = TRY(in_.name());
        roles.push_back(TRY(known_identity("role", name)));
    } while (in_.take_sign(","));
    TRY(read_grantees());
    const auto work = [&]() -> Answer<std::int64_t> {
        for (const std::string& role : roles)
            for (const Grantee& grantee : grantees_) {
                if (grantee.code == "public" || grantee.code.starts_with("group "))
                    return refuse("0LP01", "roles are given to users and to roles");
                // A role that is given to itself by a detour would never end.
                const auto turns = TRY(session_.text_of(
                    "WITH RECURSIVE up(code) AS (SELECT CAST(? AS VARCHAR) UNION SELECT m.\"role\" "
                    "FROM up JOIN stroma_system.role_members m ON m.\"member\" = up.code) SELECT "
                    "'yes' FROM up WHERE code = ? LIMIT 1",
                    {role, grantee.code}));
                if (turns && !revokes_)
                    return refuse("0LP01", fmt::format("{} is a member of {}", role, grantee.code));
                if (only_option_) {
                    TRY(
                        session_.change("UPDATE stroma_system.role_members SET is_admin = false "
                                        "WHERE \"role\" = ? AND \"member\" = ?",
                                        Values{role, grantee.code}));
                    continue;
                }
                TRY(session_.change(
                    "DELETE FROM stroma_system.role_members WHERE \"role\" = ? AND \"member\" = ?",
                    Values{role, grantee.code}));
                if (!revokes_)
                    TRY(session_.change(
                        "INSERT INTO stroma_system.role_members VALUES (?, ?, ?, ?)",
                        Values{role, grantee.code, grantee.with_option, me()}));
            }
        return 0;
    };
    // Who made the role, or was given it with ADMIN OPTION, gives it on.
    for (const std::string& role : roles) {
        const auto admin = TRY(session_.text_of(
            "SELECT 'yes' FROM stroma_system.role_members m JOIN stroma_system.stroma_memberships "
            "s ON s.grantee = m.\"member\" WHERE m.\"role\" = ? AND m.is_admin AND s.id = ? UNION "
            "ALL SELECT 'yes' FROM stroma_system.roles WHERE 'role ' || \"name\" = ? AND \"owner\" "
            "= ? LIMIT 1",
            {role, me(), role, me()}));
        if (!admin && !session_.is_superuser())
            return refuse("42501", fmt::format("permission denied for {}", role));
    }
    session_.allow_changes();
    TRY(session_.write({"stroma_system.rights"}, true, work));
    return done(StatementKind::grant, 0, revokes_ ? "REVOKE ROLE" : "GRANT ROLE");
}

Answer<std::unique_ptr<Cursor>> GrantStatement::run() {
    TRY(read_beginning());
    if (in_.is("role")) return run_roles();
    TRY(read_rights());
    TRY(read_things());
    TRY(read_grantees());
    if (!functions_.empty()) {
        session_.tell({"INFO", "00000", functions_ + ": functions are everybody's to call"});
        return done(StatementKind::grant, 0, "GRANT");
    }
    for (const Thing& thing : things_) {
        for (const std::string& right : rights_) TRY(check_giver(thing, right));
        TRY(check_columns(thing));
    }
    session_.allow_changes();
    const auto work = [&]() -> Answer<std::int64_t> {
        for (const Thing& thing : things_) {
            TRY(change_columns(thing));
            if (revokes_) {
                TRY(take(thing));
            } else {
                TRY(give(thing));
            }
        }
        return 0;
    };
    TRY(session_.write({"stroma_system.rights"}, true, work));
    return done(StatementKind::grant, 0, revokes_ ? "REVOKE" : "GRANT");
}

Answer<std::int64_t> GrantStatement::change_defaults(const std::vector<std::string>& owners,
                                                     const std::vector<std::string>& schemas) {
    for (const std::string& owner : owners)
        for (const std::string& schema : schemas)
            for (const std::string& right : rights_)
                for (const Grantee& grantee : grantees_) {
                    const Values key{owner, schema, grantee.code, right};
                    if (only_option_) {
                        TRY(session_.change(
                            "UPDATE stroma_system.default_rights SET is_grantable = false WHERE "
                            "\"owner\" = ? AND \"schema\" = ? AND grantee = ? AND allows = ?",
                            key));
                        continue;
                    }
                    TRY(session_.change(
                        "DELETE FROM stroma_system.default_rights WHERE \"owner\" = ? AND "
                        "\"schema\" = ? AND grantee = ? AND allows = ?",
                        key));
                    if (!revokes_)
                        TRY(session_.change(
                            "INSERT INTO stroma_system.default_rights VALUES (?, ?, ?, ?, ?)",
                            Values{owner, schema, grantee.code, right, grantee.with_option}));
                }
    return 0;
}

// ALTER DEFAULT PRIVILEGES [FOR USER u, …] [IN SCHEMA s, …] GRANT … ON TABLES TO …
Answer<std::unique_ptr<Cursor>> GrantStatement::run_defaults() {
    in_.move_to(3);
    std::vector<std::string> owners, schemas;
    if (in_.take("for")) {
        if (!in_.take("user")) TRY(in_.expect("role"));
        do {
            const std::string name = TRY(in_.name());
            const std::string grantee = TRY(user_grantee(session_, name));
            owners.push_back(grantee.substr(5));
        } while (in_.take_sign(","));
    }
    if (owners.empty()) owners.push_back(me());
    if (in_.take("in", "schema")) do {
            schemas.push_back(lower_of(TRY(in_.name())));
        } while (in_.take_sign(","));
    if (schemas.empty()) schemas.emplace_back();
    if (!in_.is("grant") && !in_.is("revoke")) return in_.wrong("GRANT or REVOKE");
    TRY(read_beginning());
    TRY(read_rights());
    if (!of_columns_.empty())
        return refuse("0LP01", "default privileges cannot be set for columns");
    TRY(in_.expect("on"));
    if (!in_.take("tables"))
        return refuse("0A000", "default privileges are those of TABLES; functions are everybody's");
    TRY(settle_rights("relation"));
    TRY(read_grantees());
    for (const std::string& owner : owners)
        if (owner != me() && !session_.is_superuser())
            return refuse("42501", "must be superuser to alter default privileges of others");
    session_.allow_changes();
    TRY(session_.write({"stroma_system.rights"}, true,
                       [&] { return change_defaults(owners, schemas); }));
    return done(StatementKind::alter, 0, "ALTER DEFAULT PRIVILEGES");
}

/// CREATE, ALTER, DROP of GROUP, ROLE, USER.
class IdentityStatement {
public:
    IdentityStatement(EngineSession& session, const Prepared& prepared)
        : session_(session), tokens_(prepared.plan->tokens), in_(tokens_) {}
    Answer<std::unique_ptr<Cursor>> run();

private:
    Answer<std::int64_t> create(const std::string& name, const std::vector<std::string>& members);
    Answer<std::int64_t> alter(const std::string& name);
    Answer<std::int64_t> remove(const std::string& name);
    Answer<bool> is_there(const std::string& name) {
        return TRY(session_.text_of("SELECT 'yes' FROM stroma_system.roles WHERE kind = ? AND "
                                    "lower(\"name\") = lower(?)",
                                    {kind_, name}))
            .has_value();
    }
    Answer<std::vector<std::string>> users() {
        std::vector<std::string> found;
        do {
            const std::string name = TRY(in_.name());
            found.push_back(TRY(user_grantee(session_, name)));
        } while (in_.take_sign(","));
        return found;
    }

    EngineSession& session_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
    std::string kind_;
    bool forces_ = false;
};

Answer<std::int64_t> IdentityStatement::create(const std::string& name,
                                               const std::vector<std::string>& members) {
    if (TRY(is_there(name)))
        return refuse("42710", fmt::format("{} \"{}\" already exists", kind_, name));
    TRY(session_.change(
        "INSERT INTO stroma_system.roles SELECT 1 + greatest((SELECT coalesce(max(\"number\"), "
        "1000) FROM stroma_system.roles), 1000000), ?, ?, ?",
        Values{lower_of(name), kind_, session_.user_id()}));
    for (const std::string& member : members)
        TRY(session_.change("INSERT INTO stroma_system.role_members VALUES (?, ?, false, ?)",
                            Values{kind_ + " " + lower_of(name), member, session_.user_id()}));
    return 0;
}

Answer<std::int64_t> IdentityStatement::alter(const std::string& name) {
    if (!TRY(is_there(name)))
        return refuse("42704", fmt::format("{} \"{}\" does not exist", kind_, name));
    const std::string code = kind_ + " " + lower_of(name);
    const bool adds = in_.is("add");
    if (kind_ != "group" || (!adds && !in_.is("drop")))
        return refuse("0A000",
                      "a group can have users added and dropped; roles are given by GRANT");
    in_.next();
    TRY(in_.expect("user"));
    for (const std::string& member : TRY(users())) {
        TRY(session_.change(
            "DELETE FROM stroma_system.role_members WHERE \"role\" = ? AND \"member\" = ?",
            Values{code, member}));
        if (adds)
            TRY(session_.change("INSERT INTO stroma_system.role_members VALUES (?, ?, false, ?)",
                                Values{code, member, session_.user_id()}));
    }
    return 0;
}

// As in Redshift, what still has rights stays, unless a role goes by FORCE.
Answer<std::int64_t> IdentityStatement::remove(const std::string& name) {
    if (!TRY(is_there(name)))
        return refuse("42704", fmt::format("{} \"{}\" does not exist", kind_, name));
    const std::string code = kind_ + " " + lower_of(name);
    const auto used = TRY(session_.text_of(
        "SELECT 'yes' FROM stroma_system.rights WHERE grantee = ? UNION ALL SELECT 'yes' FROM "
        "stroma_system.default_rights WHERE grantee = ? UNION ALL SELECT 'yes' FROM "
        "stroma_system.column_rights WHERE grantee = ? UNION ALL SELECT 'yes' FROM "
        "stroma_system.role_members WHERE \"role\" = ? AND ? = 'role' LIMIT 1",
        {code, code, code, code, kind_}));
    if (used && !forces_)
        return refuse("2BP01",
                      fmt::format("{} \"{}\" cannot be dropped because some objects depend "
                                  "on it",
                                  kind_, name));
    for (const char* table : {"rights", "default_rights", "column_rights"})
        TRY(session_.change(fmt::format("DELETE FROM stroma_system.{} WHERE grantee = ?", table),
                            Values{code}));
    TRY(session_.change(
        "DELETE FROM stroma_system.role_members WHERE \"role\" = ? OR \"member\" = ?",
        Values{code, code}));
    TRY(session_.change(
        "DELETE FROM stroma_system.roles WHERE kind = ? AND lower(\"name\") = lower(?)",
        Values{kind_, name}));
    return 0;
}

Answer<std::unique_ptr<Cursor>> IdentityStatement::run() {
    const std::string verb = TRY(in_.name());
    kind_ = TRY(in_.name());
    if (kind_ == "user") {
        Failure failure("0A000", fmt::format("{} USER is not there: users are the site's accounts",
                                             upper_of(verb)));
        failure.hint = "stroma user add NAME, stroma key create NAME; then GRANT here";
        return fail(std::move(failure));
    }
    if (!session_.is_superuser())
        return refuse("42501", fmt::format("must be superuser to {} a {}", verb, kind_));
    const std::string tag = upper_of(verb) + " " + upper_of(kind_);
    std::vector<std::string> names = {TRY(in_.name())};
    while (verb == "drop" && in_.take_sign(",")) names.push_back(TRY(in_.name()));
    std::vector<std::string> members;
    if (verb == "create" && kind_ == "group") {
        in_.take("with");
        if (in_.take("user")) members = TRY(users());
    }
    if (verb == "drop") {
        forces_ = in_.take("force");
        in_.take("restrict");
    }
    const auto work = [&]() -> Answer<std::int64_t> {
        for (const std::string& name : names) {
            if (verb == "create") TRY(create(name, members));
            if (verb == "alter") TRY(alter(name));
            if (verb == "drop") TRY(remove(name));
        }
        if (!in_.at_end()) return in_.wrong("the statement's end");
        return 0;
    };
    TRY(session_.write({"stroma_system.rights"}, true, work));
    return done(StatementKind::create_other, 0, tag);
}

}  // namespace

Answer<std::unique_ptr<Cursor>> run_grant(EngineSession& session, const Prepared& prepared) {
    return GrantStatement(session, prepared).run();
}

Answer<std::unique_ptr<Cursor>> run_default_privileges(EngineSession& session,
                                                       const Prepared& prepared) {
    return GrantStatement(session, prepared).run_defaults();
}

Answer<std::unique_ptr<Cursor>> run_identity(EngineSession& session, const Prepared& prepared) {
    return IdentityStatement(session, prepared).run();
}

bool is_identity_statement(const std::vector<Token>& tokens) {
    if (tokens.size() < 3 || tokens[1].kind != TokenKind::word) return false;
    const std::string& verb = tokens[0].word;
    const std::string& kind = tokens[1].word;
    return (verb == "create" || verb == "alter" || verb == "drop") &&
           (kind == "user" || kind == "group" || kind == "role");
}

}  // namespace stroma::redshift
