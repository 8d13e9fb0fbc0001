#include "redshift/understanding/show_things.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/token_reader.h"

namespace stroma::redshift {
namespace {

/// A name as people write it: in quotes only where it must be.
std::string written_name(const std::string& name) {
    constexpr std::array<std::string_view, 26> reserved = {
        "all",   "analyze",  "and",    "as",    "asc",   "between", "case", "column", "default",
        "desc",  "distinct", "end",    "from",  "group", "in",      "is",   "limit",  "not",
        "order", "primary",  "select", "table", "tag",   "to",      "user", "where"};
    const bool is_plain = !name.empty() && (name[0] < '0' || name[0] > '9') &&
                          std::all_of(name.begin(), name.end(),
                                      [](char letter) {
                                          return (letter >= 'a' && letter <= 'z') ||
                                                 letter == '_' || (letter >= '0' && letter <= '9');
                                      }) &&
                          std::find(reserved.begin(), reserved.end(), name) == reserved.end();
    return is_plain ? name : quoted_name(name);
}

class ShowStatement {
public:
    ShowStatement(EngineSession& session, const std::vector<Token>& tokens)
        : session_(session), tokens_(tokens), in_(tokens, 1) {}
    Answer<std::string> query();

private:
    Answer<std::string> list(std::string select, std::string_view column, std::string order);
    Answer<std::string> schema_name();
    Answer<TableName> relation();
    Answer<void> demand_database(const std::string& name) const;
    Answer<std::string> table_definition();
    Answer<std::string> view_definition();
    Answer<std::string> grants();

    EngineSession& session_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
};

Answer<void> ShowStatement::demand_database(const std::string& name) const {
    if (name == session_.options().database || name == "dev") return {};
    return refuse("3D000", fmt::format("database \"{}\" does not exist", name));
}

// … [LIKE 'pattern'] [LIMIT n]
Answer<std::string> ShowStatement::list(std::string select, std::string_view column,
                                        std::string order) {
    if (in_.take("like")) {
        const bool has_where = select.find(" WHERE ") != std::string::npos;
        select += fmt::format(" {} {} LIKE {}", has_where ? "AND" : "WHERE", column,
                              quoted_text(TRY(in_.text())));
    }
    select += " ORDER BY " + order;
    if (in_.take("limit")) select += fmt::format(" LIMIT {}", TRY(in_.integer()));
    if (!in_.at_end()) return in_.wrong("LIKE or LIMIT");
    return select;
}

// [database.]schema
Answer<std::string> ShowStatement::schema_name() {
    std::string name = TRY(in_.name());
    if (in_.take_sign(".")) {
        TRY(demand_database(name));
        name = TRY(in_.name());
    }
    const auto found = TRY(session_.text_of(
        "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal AND database_name = "
        "current_database() AND schema_name NOT LIKE 'stroma%' AND lower(schema_name) = lower(?)",
        {name}));
    if (!found) return refuse("3F000", fmt::format("schema \"{}\" does not exist", name));
    return *found;
}

// [[database.]schema.]relation, which its user may read or owns.
Answer<TableName> ShowStatement::relation() {
    std::size_t at = in_.at();
    const TableName found = TRY(session_.read_table(tokens_, at));
    in_.move_to(at);
    if (!TRY(is_relation_there(session_, found)))
        return refuse("42P01", fmt::format("relation \"{}\" does not exist", found.name));
    if (found.is_temporary) return found;
    const Thing thing = relation_thing(found);
    const bool is_open =
        TRY(may(session_, schema_thing(found.schema), "USAGE")) &&
        (TRY(may(session_, thing, "SELECT")) || TRY(may(session_, thing, "OWNER")));
    if (!is_open || found.schema.starts_with("stroma_"))
        return refuse("42501", fmt::format("permission denied for relation {}", found.name));
    return found;
}

std::string written_names(const std::vector<std::string>& names) {
    std::string made;
    for (const std::string& name : names) made += (made.empty() ? "" : ", ") + written_name(name);
    return made;
}

std::string written_key(const TableName& table, const TableKey& key) {
    std::string made;
    if (!key.name.empty() && key.name != usual_name(table.name, key))
        made = "CONSTRAINT " + written_name(key.name) + " ";
    made += key.kind == TableKey::Kind::foreign   ? "FOREIGN KEY ("
            : key.kind == TableKey::Kind::primary ? "PRIMARY KEY ("
                                                  : "UNIQUE (";
    made += written_names(key.columns) + ")";
    if (key.kind == TableKey::Kind::foreign)
        made += fmt::format(" REFERENCES {}.{} ({})", written_name(key.schema),
                            written_name(key.table), written_names(key.referred));
    return made;
}

// A statement that makes the table again, as Redshift writes it.
Answer<std::string> ShowStatement::table_definition() {
    const TableName table = TRY(relation());
    const TableAttributes attributes = TRY(attributes_of(session_, table));
    std::string lines;
    for (const TableColumn& column : TRY(columns_of_known(session_, table))) {
        const auto kept = attributes.columns.find(column.name);
        const bool is_kept = kept != attributes.columns.end();
        const std::string type = is_kept && !kept->second.type.empty()
                                     ? kept->second.type
                                     : lower_of(column.engine_type);
        lines +=
            fmt::format("{}    {} {}", lines.empty() ? "" : ",\n", written_name(column.name), type);
        if (!column.is_nullable) lines += " NOT NULL";
        const bool is_identity = is_kept && !kept->second.identity.empty();
        if (is_identity)
            lines += (kept->second.identity_always ? " identity("
                                                   : " generated by default as identity(") +
                     kept->second.identity + ")";
        if (!is_identity && !column.default_value.empty())
            lines += " DEFAULT " + column.default_value;
        if (is_kept && !kept->second.encode.empty()) lines += " ENCODE " + kept->second.encode;
    }
    for (const TableKey& key : attributes.keys) lines += ",\n    " + written_key(table, key);
    std::string behind;
    if (!attributes.distkey.empty())
        behind += "\nDISTSTYLE KEY\nDISTKEY (" + written_name(attributes.distkey) + ")";
    else
        behind += "\nDISTSTYLE " + (attributes.dist.empty() || attributes.dist.starts_with("AUTO")
                                        ? std::string("AUTO")
                                        : attributes.dist);
    if (!attributes.sort.empty())
        behind +=
            fmt::format("\n{} SORTKEY ({})", attributes.is_interleaved ? "INTERLEAVED" : "COMPOUND",
                        written_names(attributes.sort));
    return fmt::format("SELECT {} AS \"Show Table DDL statement\"",
                       quoted_text(fmt::format(
                           "CREATE {}TABLE {}{} (\n{}\n){};", table.is_temporary ? "TEMP " : "",
                           table.is_temporary ? "" : written_name(table.schema) + ".",
                           written_name(table.name), lines, behind)));
}

Answer<std::string> ShowStatement::view_definition() {
    const TableName view = TRY(relation());
    const auto made = TRY(
        session_.text_of("SELECT body FROM stroma_catalog.stroma_relation WHERE kind = 'v' AND "
                         "lower(name) = lower(?) AND lower(schema) = lower(?) AND (schema, name) "
                         "NOT IN (SELECT schemaname, tablename FROM stroma_system.external_tables)",
                         {view.name, view.schema}));
    if (!made) return refuse("42809", fmt::format("\"{}\" is not a view", view.name));
    return fmt::format("SELECT {} AS \"Show View DDL statement\"", quoted_text(*made));
}

// ON {DATABASE d | SCHEMA s | [TABLE] t} [FOR …], or FOR {user | ROLE r | GROUP g}
Answer<std::string> ShowStatement::grants() {
    std::string kind, where;
    if (in_.take("on")) {
        kind = in_.is("database") || in_.is("schema") ? in_.token().word : "table";
        if (in_.is("database") || in_.is("schema") || in_.is("table")) in_.next();
        if (kind == "database") {
            const std::string name = TRY(in_.name());
            TRY(demand_database(name));
        } else if (kind == "schema") {
            where = "lower(schema_name) = " + quoted_text(lower_of(TRY(schema_name())));
        } else {
            const TableName table = TRY(relation());
            where =
                fmt::format("lower(schema_name) = {} AND lower(object_name) = {}",
                            quoted_text(lower_of(table.schema)), quoted_text(lower_of(table.name)));
        }
    }
    if (in_.take("for")) {
        const bool is_role = in_.take("role"), is_group = !is_role && in_.take("group");
        const std::string name = TRY(in_.name());
        where += fmt::format("{}identity_type = '{}' AND identity_name = {}",
                             where.empty() ? "" : " AND ",
                             is_role                      ? "role"
                             : is_group                   ? "group"
                             : lower_of(name) == "public" ? "public"
                                                          : "user",
                             quoted_text(name));
    } else if (kind.empty()) {
        return in_.wrong("ON or FOR");
    }
    constexpr std::array<std::array<std::string_view, 4>, 3> places = {
        {{"table", "namespace_name", "relation_name", "svv_relation_privileges"},
         {"schema", "namespace_name", "CAST(NULL AS VARCHAR)", "svv_schema_privileges"},
         {"database", "CAST(NULL AS VARCHAR)", "CAST(NULL AS VARCHAR)",
          "svv_database_privileges"}}};
    std::string all;
    for (const auto& [type, schema, object, relation] : places)
        if (kind.empty() || kind == type)
            all += fmt::format(
                "{}SELECT current_database() AS database_name, {} AS schema_name, {} AS "
                "object_name, '{}' AS object_type, privilege_type, identity_id, identity_name, "
                "identity_type, admin_option, '{}' AS privilege_scope FROM {}",
                all.empty() ? "" : " UNION ALL ", schema, object, type, type, relation);
    return list(
        fmt::format("SELECT * FROM ({}) AS g{}", all, where.empty() ? "" : " WHERE " + where),
        "privilege_type",
        "object_type, schema_name, object_name, identity_name, "
        "privilege_type");
}

Answer<std::string> ShowStatement::query() {
    constexpr std::array<std::string_view, 10> absent = {
        "model",    "datashares", "external",   "templates", "constraints",
        "function", "template",   "parameters", "policies",  "functions"};
    const std::string word = in_.token().word;
    if (in_.token().kind != TokenKind::word) return std::string();
    const bool is_whole = word == "datashares" || word == "policies";
    if (std::find(absent.begin(), absent.end(), word) != absent.end() &&
        (is_whole || !in_.token(1).word.empty()))
        return refuse("0A000", fmt::format("SHOW {} is not there", word));
    if (in_.take("databases"))
        return list(
            "SELECT database_name, database_owner, database_type, database_acl, database_options "
            "AS parameters, database_isolation_level FROM svv_redshift_databases",
            "database_name", "database_name");
    if (in_.take("schemas")) {
        TRY(in_.expect("from"));
        TRY(in_.expect("database"));
        const std::string name = TRY(in_.name());
        TRY(demand_database(name));
        return list("SELECT * FROM svv_all_schemas", "schema_name", "schema_name");
    }
    if (in_.take("tables")) {
        TRY(in_.expect("from"));
        TRY(in_.expect("schema"));
        return list(
            "SELECT * FROM svv_all_tables WHERE schema_name = " + quoted_text(TRY(schema_name())),
            "table_name", "table_name");
    }
    if (in_.take("columns")) {
        TRY(in_.expect("from"));
        TRY(in_.expect("table"));
        const TableName table = TRY(relation());
        return list(
            fmt::format("SELECT * FROM svv_all_columns WHERE lower(schema_name) = {} AND "
                        "lower(table_name) = {}",
                        quoted_text(lower_of(table.schema)), quoted_text(lower_of(table.name))),
            "column_name", "ordinal_position");
    }
    if (in_.take("grants")) return grants();
    std::string made;
    if (in_.take("procedure")) {
        std::size_t at = in_.at();
        made = fmt::format("SELECT {} AS \"Stored Procedure Definition\"",
                           quoted_text(TRY(procedure_definition(session_, tokens_, at))));
        in_.move_to(at);
    } else if (in_.take("table"))
        made = TRY(table_definition());
    else if (in_.take("view"))
        made = TRY(view_definition());
    if (!made.empty() && !in_.at_end()) return in_.wrong("nothing more");
    return made;
}

}  // namespace

Answer<std::string> shown_things(EngineSession& session, const std::vector<Token>& tokens) {
    return ShowStatement(session, tokens).query();
}

}  // namespace stroma::redshift
