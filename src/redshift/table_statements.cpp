#include "redshift/table_statements.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "redshift/rights.h"
#include "redshift/token_reader.h"
#include "sql/duckdb/duckdb_database.h"

namespace stroma::redshift {
namespace {

class TableStatement {
public:
    TableStatement(EngineSession& session, const Prepared& prepared)
        : session_(session), prepared_(prepared), tokens_(prepared.plan->tokens), in_(tokens_) {}

    Answer<std::unique_ptr<Cursor>> run();

private:
    Answer<std::unique_ptr<Cursor>> create_table();
    Answer<std::string> column_sql(const ColumnDefinition& column, bool is_temporary,
                                   std::vector<std::string>& sequences);
    Answer<std::string> like_sql(const TableDefinition& definition, TableAttributes& attributes,
                                 std::string& columns);
    Answer<std::unique_ptr<Cursor>> create_as();
    Answer<std::unique_ptr<Cursor>> select_into();
    Answer<std::unique_ptr<Cursor>> create_from_query(TableName table, TableDefinition definition,
                                                      const std::string& query,
                                                      const ColumnNames& names);
    Answer<std::unique_ptr<Cursor>> create_view();
    Answer<std::unique_ptr<Cursor>> create_schema();
    Answer<std::unique_ptr<Cursor>> drop();
    Answer<std::unique_ptr<Cursor>> drop_table(const TableName& table, bool if_exists,
                                               std::span<const TableName> dropped, bool cascade);
    Answer<std::unique_ptr<Cursor>> alter();
    Answer<std::unique_ptr<Cursor>> new_owner(const Thing& thing);
    Answer<void> add(const std::string& start, const TableName& table, TableAttributes& attributes);
    Answer<std::int64_t> alter_table(const TableName& table);
    Answer<void> alter_attribute(const std::string& start, TableAttributes& attributes);
    Answer<std::unique_ptr<Cursor>> truncate();
    /// A name for something that is to be made.
    Answer<TableName> new_name(bool is_temporary);
    Answer<TableName> new_name_at(std::size_t at, bool is_temporary);
    Answer<std::string> rest_rewritten(std::size_t from) {
        return session_.rewritten(prepared_, from, tokens_.size() - 1);
    }

    EngineSession& session_;
    const Prepared& prepared_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
};

Answer<TableName> TableStatement::new_name_at(std::size_t at, bool is_temporary) {
    in_.move_to(at);
    return new_name(is_temporary);
}

Answer<TableName> TableStatement::new_name(bool is_temporary) {
    std::vector<std::string> parts = {TRY(in_.name())};
    while (in_.take_sign(".")) parts.push_back(TRY(in_.name()));
    if (parts.size() == 3 && parts[0] != session_.options().database)
        return refuse("0A000", "there is no other database");
    TableName table;
    table.name = parts.back();
    table.is_temporary = is_temporary;
    if (is_temporary) {
        table.schema = "temp";
        return table;
    }
    table.schema = parts.size() > 1
                       ? parts[parts.size() - 2]
                       : TRY(session_.text_of("SELECT current_schema()")).value_or("public");
    TRY(check_ours(session_, table));
    return table;
}

Answer<std::string> TableStatement::column_sql(const ColumnDefinition& column, bool is_temporary,
                                               std::vector<std::string>& sequences) {
    std::string sql = quoted_name(column.name) + " " + column.type.engine;
    if (column.is_not_null) sql += " NOT NULL";
    if (column.default_to > column.default_from)
        sql += " DEFAULT " +
               TRY(session_.rewritten(prepared_, column.default_from, column.default_to));
    if (column.identity) {
        const std::string sequence =
            fmt::format("{}.identity_{}_{}", is_temporary ? "temp" : "stroma_system",
                        session_.engine().now_us(), session_.engine().next_transaction++);
        const auto [seed, step] = *column.identity;
        sequences.push_back(
            fmt::format("CREATE {}SEQUENCE {} START {} INCREMENT BY {} MINVALUE {} MAXVALUE {}",
                        is_temporary ? "TEMP " : "", sequence, seed, step,
                        step < 0 ? std::numeric_limits<std::int64_t>::min() + 1
                                 : std::min<std::int64_t>(seed, 1),
                        step < 0 ? std::max<std::int64_t>(seed, -1)
                                 : std::numeric_limits<std::int64_t>::max()));
        sql += fmt::format(" DEFAULT nextval('{}')", sequence);
    }
    return sql;
}

Answer<std::string> TableStatement::like_sql(const TableDefinition& definition,
                                             TableAttributes& attributes, std::string& columns) {
    std::size_t at = definition.like->name_at;
    const auto parent = TRY(session_.find_table(tokens_, at));
    TRY(demand_on(session_, parent, {"SELECT"}));
    auto kept = TRY(attributes_of(session_, parent));
    std::string sql;
    for (const TableColumn& column : TRY(columns_of(session_, parent))) {
        sql += (sql.empty() ? "" : ", ") + quoted_name(column.name) + " " + column.engine_type;
        if (!column.is_nullable) sql += " NOT NULL";
        const bool is_identity = column.default_value.find("nextval") != std::string::npos;
        if (definition.like->with_defaults && !column.default_value.empty() && !is_identity)
            sql += " DEFAULT " + column.default_value;
        kept.columns[column.name].identity.clear();
        kept.columns[column.name].identity_always = false;
    }
    for (const auto& [name, column] : kept.columns)
        if (!attributes.columns.contains(name)) attributes.columns[name] = column;
    if (attributes.dist.empty()) {
        attributes.dist = kept.dist;
        attributes.distkey = kept.distkey;
    }
    if (attributes.sort.empty()) {
        attributes.sort = kept.sort;
        attributes.is_interleaved = kept.is_interleaved;
    }
    columns += (columns.empty() ? "" : ", ") + sql;
    return sql;
}

Answer<std::unique_ptr<Cursor>> TableStatement::create_table() {
    auto definition = TRY(read_create_table(tokens_));
    const TableName table = TRY(new_name_at(definition.name_at, definition.is_temporary));
    TRY(demand_new(session_, table));
    const auto work = [&]() -> Answer<std::int64_t> {
        TableAttributes attributes = definition.attributes;
        std::string columns;
        std::vector<std::string> sequences;
        std::set<std::string> seen;
        for (std::size_t at = 0; at <= definition.columns.size(); ++at) {
            if (definition.like && definition.like->before == at)
                TRY(like_sql(definition, attributes, columns));
            if (at == definition.columns.size()) break;
            const ColumnDefinition& column = definition.columns[at];
            if (!seen.insert(lower_of(column.name)).second)
                return refuse("42701",
                              fmt::format("column \"{}\" specified more than once", column.name));
            columns += (columns.empty() ? "" : ", ") +
                       TRY(column_sql(column, table.is_temporary, sequences));
        }
        if (definition.if_not_exists) {
            const auto there = TRY(session_.text_of(
                "SELECT 'yes' FROM duckdb_tables() WHERE lower(table_name) = lower(?) AND "
                "(CASE WHEN database_name = 'temp' THEN 'temp' ELSE schema_name END) = ?",
                {table.name, table.schema}));
            if (there) {
                session_.tell({"INFO", "42P07",
                               fmt::format("Relation \"{}\" already exists and "
                                           "will be skipped",
                                           table.name)});
                return 0;
            }
        }
        for (const std::string& sequence : sequences) TRY(session_.change(sequence));
        TRY(session_.change(fmt::format("CREATE {}TABLE {} ({})", table.is_temporary ? "TEMP " : "",
                                        table.is_temporary ? quoted_name(table.name) : table.sql(),
                                        columns)));
        TRY(add_keys(session_, table, tokens_, attributes, std::exchange(attributes.keys, {})));
        TRY(keep_attributes(session_, table, attributes));
        if (!table.is_temporary) TRY(note_made(session_, relation_thing(table)));
        return 0;
    };
    const auto rows = TRY(session_.write({table.key()}, false, work));
    return done(StatementKind::create_table, rows);
}

Answer<std::unique_ptr<Cursor>> TableStatement::create_from_query(TableName table,
                                                                  TableDefinition definition,
                                                                  const std::string& written,
                                                                  const ColumnNames& names) {
    TRY(demand_new(session_, table));
    const std::string narrowed = TRY(readable(session_, written));
    const std::string& query = narrowed.empty() ? written : narrowed;
    const auto work = [&]() -> Answer<std::int64_t> {
        const auto shape = TRY(sql::describe_duckdb(session_.connection(), query));
        std::vector<std::string> columns;
        for (const auto& column : shape.columns) columns.push_back(column.name);
        for (std::size_t at = 0; at < names.first.size() && at < columns.size(); ++at)
            if (names.first[at]) columns[at] = *names.first[at];
        for (std::size_t at = 0; at < names.last.size() && names.last.size() <= columns.size();
             ++at)
            if (names.last[at]) columns[columns.size() - names.last.size() + at] = *names.last[at];
        for (std::size_t at = 0; at < definition.column_names.size() && at < columns.size(); ++at)
            columns[at] = definition.column_names[at];
        std::string list;
        std::vector<TableColumn> made;
        for (std::size_t at = 0; at < columns.size(); ++at) {
            const auto same = std::count(columns.begin(), columns.end(), columns[at]);
            if (same > 1)
                return refuse("42701",
                              fmt::format("column \"{}\" specified more than once", columns[at]));
            list += (list.empty() ? "" : ", ") + quoted_name(columns[at]);
            made.push_back({columns[at], shape.columns[at].engine_type, "", true});
            auto& kept = definition.attributes.columns[columns[at]];
            if (kept.type.empty())
                kept.type = type_named(shape.columns[at].engine_type == "VARCHAR"
                                           ? "varchar(256)"
                                           : shape.columns[at].engine_type)
                                .value_or(TypeName{})
                                .declared;
        }
        const std::string order = sort_order(definition.attributes, made, "made");
        const auto count = TRY(
            session_.change(fmt::format("CREATE {}TABLE {} AS SELECT * FROM ({}) AS made({}){}",
                                        table.is_temporary ? "TEMP " : "",
                                        table.is_temporary ? quoted_name(table.name) : table.sql(),
                                        query, list, order.empty() ? "" : " ORDER BY " + order)));
        TRY(keep_attributes(session_, table, definition.attributes));
        if (!table.is_temporary) TRY(note_made(session_, relation_thing(table)));
        return count;
    };
    const auto rows = TRY(session_.write({table.key()}, false, work));
    return done(StatementKind::create_table_as, rows);
}

Answer<std::unique_ptr<Cursor>> TableStatement::create_as() {
    if (tokens_[0].word == "select" || tokens_[0].word == "with") return select_into();
    auto definition = TRY(read_create_table(tokens_));
    const TableName table = TRY(new_name_at(definition.name_at, definition.is_temporary));
    const std::string query =
        TRY(session_.rewritten(prepared_, definition.query_from, definition.query_to));
    std::size_t from = definition.query_from;
    while (tokens_[from].word == "(") ++from;
    const ColumnNames names = column_names(tokens_, from, definition.query_to);
    return create_from_query(table, std::move(definition), query, names);
}

Answer<std::unique_ptr<Cursor>> TableStatement::select_into() {
    int depth = 0;
    std::size_t into = 0;
    for (; tokens_[into].kind != TokenKind::end; ++into) {
        if (tokens_[into].word == "(") ++depth;
        if (tokens_[into].word == ")") --depth;
        if (depth == 0 && tokens_[into].kind == TokenKind::word && tokens_[into].word == "into")
            break;
    }
    in_.move_to(into + 1);
    TableDefinition definition;
    definition.is_temporary = in_.take("temp") || in_.take("temporary");
    in_.take("table");
    if (in_.token().word.starts_with('#')) definition.is_temporary = true;
    const TableName table = TRY(new_name(definition.is_temporary));
    const std::size_t behind = in_.at();
    const std::string query = TRY(session_.rewritten(prepared_, 0, into)) +
                              TRY(session_.rewritten(prepared_, behind, tokens_.size() - 1));
    return create_from_query(table, std::move(definition), query, column_names(tokens_, 0, into));
}

Answer<std::unique_ptr<Cursor>> TableStatement::create_view() {
    in_.next();
    const bool replaces = in_.take("or", "replace");
    const bool is_materialized = in_.take("materialized");
    TRY(in_.expect("view"));
    const TableName view = TRY(new_name(false));
    std::string names;
    std::size_t count = 1;
    if (in_.is_sign("(")) {
        const auto given = TRY(in_.names());
        count = given.size();
        for (const std::string& name : given)
            names += (names.empty() ? "" : ", ") + quoted_name(name);
    }
    bool is_fresh = false;
    for (; !in_.at_end() && !in_.is("as"); in_.next())
        is_fresh = is_fresh || (in_.is("refresh") && in_.is("yes", 1));
    const std::string listed = names;
    TRY(in_.expect("as"));
    const std::size_t from = in_.at();
    std::size_t to = tokens_.size() - 1;
    // WITH NO SCHEMA BINDING: the engine binds a view when it is asked.
    const bool is_late = to >= 4 && tokens_[to - 1].word == "binding" &&
                         tokens_[to - 2].word == "schema" && tokens_[to - 3].word == "no";
    if (is_late) to -= 4;
    const std::string query = TRY(session_.rewritten(prepared_, from, to));
    // Redshift tells a late one as the whole statement.
    std::string definition = is_late ? in_.written(prepared_.statement.text, 0, tokens_.size() - 1)
                                     : in_.written(prepared_.statement.text, from, to);
    if (!is_late && !listed.empty())
        definition = fmt::format("SELECT * FROM ({}) AS {} ({})", definition,
                                 quoted_name(view.name), listed);
    const ColumnNames called = column_names(tokens_, from, to);
    TRY(demand_new(session_, view));
    // Of one that is bound late it shows when it is asked.
    if (!is_late) TRY(demand_reads(session_, query));
    const bool is_there = TRY(is_view_there(session_, view));
    if (is_there) TRY(demand(session_, relation_thing(view), "OWNER"));
    const auto work = [&]() -> Answer<std::int64_t> {
        const auto shape = sql::describe_duckdb(session_.connection(), query);
        const bool is_unbound = is_late && !shape && Failure(shape.error()).sqlstate != "42601";
        if (names.empty() && !is_late) {
            const auto& columns = TRY(std::move(shape)).columns;
            for (std::size_t at = 0; at < columns.size(); ++at) {
                const bool has = at < called.first.size() && called.first[at];
                names += (names.empty() ? "" : ", ") +
                         quoted_name(has ? *called.first[at] : columns[at].name);
            }
        }
        if (is_unbound) {
            TRY(create_unbound_view(session_, view, replaces, names, count, query));
        } else {
            TRY(session_.change(fmt::format("CREATE {}VIEW {}{} AS {}",
                                            replaces ? "OR REPLACE " : "", view.sql(),
                                            names.empty() ? "" : " (" + names + ")", query)));
        }
        TRY(keep_definition(session_, view, definition));
        if (!is_there) TRY(note_made(session_, relation_thing(view)));
        TRY(note_materialized(session_, view, is_materialized, is_fresh));
        return 0;
    };
    TRY(session_.write({view.key()}, false, work));
    return done(StatementKind::create_view);
}

Answer<std::unique_ptr<Cursor>> TableStatement::create_schema() {
    in_.next();
    TRY(in_.expect("schema"));
    bool if_not_exists = false;
    if (in_.is("if")) {
        in_.move_to(in_.at() + 3);
        if_not_exists = true;
    }
    const std::string name = TRY(in_.name());
    TRY(check_ours(session_, {name, "", false}));
    // Where the engine finds a name doesn't turn on which of two things it means.
    const std::string plain = lower_of(name);
    if (plain.starts_with("pg_") || plain == "temp" || plain == "system" ||
        plain == session_.options().database)
        return refuse("42939", fmt::format("unacceptable schema name \"{}\"", name));
    TRY(demand(session_, database_thing(), "CREATE"));
    std::string owner;
    if (in_.take("authorization")) owner = TRY(in_.name());
    const auto work = [&]() -> Answer<std::int64_t> {
        const auto there = TRY(session_.text_of(
            "SELECT 'yes' FROM duckdb_schemas() WHERE database_name = current_database() AND "
            "lower(schema_name) = lower(?)",
            {name}));
        if (there && if_not_exists) return 0;
        TRY(session_.change("CREATE SCHEMA " + quoted_name(name)));
        TRY(note_made(session_, schema_thing(name)));
        if (!owner.empty()) TRY(change_owner(session_, schema_thing(name), owner));
        return 0;
    };
    TRY(session_.write({"schema " + name}, false, work));
    return done(StatementKind::create_schema);
}

Answer<std::unique_ptr<Cursor>> TableStatement::drop_table(const TableName& table, bool if_exists,
                                                           std::span<const TableName> dropped,
                                                           bool cascade) {
    const auto work = [&]() -> Answer<std::int64_t> {
        std::vector<std::string> sequences;
        const auto columns = columns_of(session_, table);
        if (!columns && !if_exists)
            return refuse("42P01", fmt::format("table \"{}\" does not exist", table.name));
        if (!columns) {
            session_.tell({"INFO", "00000",
                           fmt::format("Table \"{}\" does not exist and will be "
                                       "skipped",
                                       table.name)});
            return 0;
        }
        for (const TableColumn& column : *columns) {
            const auto at = column.default_value.find("nextval('");
            if (at == std::string::npos) continue;
            const auto from = at + 9;
            sequences.push_back(
                column.default_value.substr(from, column.default_value.find('\'', from) - from));
        }
        TRY(drop_references(session_, table, dropped, cascade));
        TRY(session_.change("DROP TABLE " + table.sql()));
        if (!table.is_temporary) TRY(note_gone(session_, relation_thing(table)));
        for (const std::string& sequence : sequences)
            TRY(session_.change("DROP SEQUENCE IF EXISTS " + sequence));
        return 0;
    };
    TRY(session_.write({table.key()}, false, work));
    return done(StatementKind::drop);
}

Answer<std::unique_ptr<Cursor>> TableStatement::drop() {
    in_.next();
    const std::string kind = TRY(in_.name());
    if (kind == "function") return drop_function(session_, prepared_);
    if (kind == "procedure") return drop_procedure(session_, prepared_);
    if (kind == "materialized") TRY(in_.expect("view"));
    const bool if_exists = in_.take("if", "exists");
    if (kind != "table" && kind != "view" && kind != "schema" && kind != "materialized")
        return refuse("0A000", fmt::format("DROP {} is not there", kind));
    if (kind == "schema") {
        const std::string name = TRY(in_.name());
        TRY(check_ours(session_, {name, "", false}));
        // What an external schema's tables are stands here alone: they go with their catalog.
        const bool drops_catalog = in_.take("drop", "external");
        if (drops_catalog) TRY(in_.expect("database"));
        const bool cascade = in_.take("cascade") || drops_catalog;
        if (!cascade) in_.take("restrict");
        if (!in_.at_end()) return in_.wrong("nothing more");
        if (!TRY(may(session_, schema_thing(name), "OWNER")))
            TRY(demand(session_, schema_thing(name), "DROP"));
        session_.allow_changes();
        const auto work = [&]() -> Answer<std::int64_t> {
            TRY(session_.change(fmt::format("DROP SCHEMA {}{}{}", if_exists ? "IF EXISTS " : "",
                                            quoted_name(name), cascade ? " CASCADE" : "")));
            for (const std::string_view kept :
                 {"external_tables", "external_schemas", "procedures"})
                TRY(session_.change(
                    fmt::format("DELETE FROM stroma_system.{} WHERE schemaname = ?", kept),
                    std::array{sql::Value(name)}));
            TRY(note_gone(session_, schema_thing(name)));
            return 0;
        };
        TRY(session_.write({"schema " + name}, false, work));
        return done(StatementKind::drop, 0, "DROP SCHEMA");
    }
    std::vector<TableName> dropped;
    do {
        std::size_t at = in_.at();
        dropped.push_back(TRY(session_.read_table(tokens_, at)));
        in_.move_to(at);
    } while (in_.take_sign(","));
    const bool cascade = in_.take("cascade");
    for (const TableName& table : dropped) {
        TRY(check_ours(session_, table));
        TRY(demand_on(session_, table, {"DROP"}));
        if (kind == "table") {
            TRY(drop_table(table, if_exists, dropped, cascade));
        } else {
            const auto work = [&]() -> Answer<std::int64_t> {
                TRY(session_.change(
                    fmt::format("DROP VIEW {}{}", if_exists ? "IF EXISTS " : "", table.sql())));
                TRY(note_gone(session_, relation_thing(table)));
                return 0;
            };
            TRY(session_.write({table.key()}, false, work));
        }
    }
    return done(StatementKind::drop, 0, kind == "table" ? "DROP TABLE" : "DROP VIEW");
}

// ALTER TABLE x ALTER …
Answer<void> TableStatement::alter_attribute(const std::string& start,
                                             TableAttributes& attributes) {
    const bool is_sort = in_.is("compound") || in_.is("sortkey") || in_.is("interleaved");
    if (is_sort) {
        attributes.is_interleaved = in_.take("interleaved");
        in_.take("compound");
        TRY(in_.expect("sortkey"));
        attributes.sort.clear();
        if (in_.is_sign("(")) attributes.sort = TRY(in_.names());
    } else if (in_.take("distkey")) {
        attributes.distkey = TRY(in_.name());
        attributes.dist = "KEY(" + attributes.distkey + ")";
    } else if (in_.take("diststyle")) {
        std::string style = TRY(in_.name());
        std::transform(style.begin(), style.end(), style.begin(), ::toupper);
        attributes.dist = style == "AUTO" ? "" : style;
        if (in_.take("distkey")) {
            attributes.distkey = TRY(in_.name());
            attributes.dist = "KEY(" + attributes.distkey + ")";
        }
    } else if (in_.take("encode", "auto")) {
        for (auto& [name, column] : attributes.columns) column.encode.clear();
    } else {
        in_.take("column");
        const std::string name = TRY(in_.name());
        if (in_.take("encode")) {
            attributes.columns[name].encode = TRY(in_.name());
        } else {
            in_.take("set", "data");
            TRY(in_.expect("type"));
            std::size_t at = in_.at();
            const auto type = TRY(read_type(tokens_, at));
            TRY(session_.change(start + "ALTER COLUMN " + quoted_name(name) + " TYPE " +
                                type.engine));
            attributes.columns[name].type = type.declared;
        }
    }
    return {};
}

// ALTER TABLE x ADD …: a key, or a column as a table of that one column would have it.
Answer<void> TableStatement::add(const std::string& start, const TableName& table,
                                 TableAttributes& attributes) {
    if (begins_key(in_)) {
        auto key = TRY(read_key(in_));
        return add_keys(session_, table, tokens_, attributes, {std::move(key)});
    }
    in_.take("column");
    const auto& text = prepared_.statement.text;
    const std::string made = "create table x (" + text.substr(in_.token().offset) + ")";
    const auto tokens = TRY(tokens_of(made));
    auto definition = TRY(read_create_table(tokens));
    const ColumnDefinition& column = definition.columns[0];
    std::string sql = quoted_name(column.name) + " " + column.type.engine;
    if (column.default_to > column.default_from)
        sql += " DEFAULT " + TRY(rewrite(made, tokens, column.default_from, column.default_to,
                                         session_.rewrite_context()));
    TRY(session_.change(start + "ADD COLUMN " + sql));
    if (column.is_not_null)
        TRY(session_.change(start + "ALTER COLUMN " + quoted_name(column.name) + " SET NOT NULL"));
    attributes.columns[column.name] = definition.attributes.columns[column.name];
    return add_keys(session_, table, tokens, attributes, std::move(definition.attributes.keys));
}

Answer<std::int64_t> TableStatement::alter_table(const TableName& table) {
    auto attributes = TRY(attributes_of(session_, table));
    const std::string start = "ALTER TABLE " + table.sql() + " ";
    if (in_.take("rename", "to")) {
        const std::string name = TRY(in_.name());
        TRY(session_.change(start + "RENAME TO " + quoted_name(name)));
        TRY(keys_after_rename(session_, table, attributes, name));
        TRY(keep_attributes(session_, {table.schema, name, table.is_temporary}, attributes));
        if (!table.is_temporary) TRY(note_renamed(session_, table, name));
        return 0;
    }
    if (in_.take("rename")) {
        in_.take("column");
        const std::string from = TRY(in_.name());
        TRY(in_.expect("to"));
        const std::string to = TRY(in_.name());
        TRY(session_.change(start + "RENAME COLUMN " + quoted_name(from) + " TO " +
                            quoted_name(to)));
        TRY(keys_after_rename(session_, table, attributes, from, to));
        TRY(note_column(session_, table, from, to));
        attributes.columns[to] = attributes.columns[from];
        attributes.columns.erase(from);
        std::replace(attributes.sort.begin(), attributes.sort.end(), from, to);
        if (attributes.distkey == from) {
            attributes.distkey = to;
            attributes.dist = "KEY(" + to + ")";
        }
    } else if (in_.take("add")) {
        TRY(add(start, table, attributes));
    } else if (in_.take("drop", "constraint")) {
        const std::string name = TRY(in_.name());
        TRY(drop_key(session_, table, attributes, name, in_.take("cascade")));
    } else if (in_.take("drop")) {
        in_.take("column");
        const std::string name = TRY(in_.name());
        TRY(keys_without_column(session_, table, attributes, name, in_.take("cascade")));
        TRY(session_.change(start + "DROP COLUMN " + quoted_name(name)));
        TRY(note_column(session_, table, name, ""));
        attributes.columns.erase(name);
        std::erase(attributes.sort, name);
    } else if (in_.take("alter")) {
        TRY(alter_attribute(start, attributes));
    } else {
        return in_.wrong("what to alter");
    }
    TRY(keep_attributes(session_, table, attributes));
    return 0;
}

// OWNER TO user
Answer<std::unique_ptr<Cursor>> TableStatement::new_owner(const Thing& thing) {
    in_.next();
    TRY(in_.expect("to"));
    const std::string user = TRY(in_.name());
    TRY(demand(session_, thing, "OWNER"));
    const auto work = [&]() -> Answer<std::int64_t> {
        TRY(change_owner(session_, thing, user));
        return 0;
    };
    TRY(session_.write({"stroma_system.rights"}, true, work));
    return done(StatementKind::alter, 0, thing.kind == "schema" ? "ALTER SCHEMA" : "");
}

Answer<std::unique_ptr<Cursor>> TableStatement::alter() {
    in_.next();
    if (in_.is("default") && in_.is("privileges", 1))
        return run_default_privileges(session_, prepared_);
    if (in_.is("database"))
        return refuse("0A000", fmt::format("ALTER {} is not there", in_.token().word));
    if (in_.take("schema")) {
        const std::string name = TRY(in_.name());
        TRY(check_ours(session_, {name, "", false}));
        if (in_.is("owner")) return new_owner(schema_thing(name));
        return refuse("0A000", fmt::format("schema \"{}\" keeps its name", name));
    }
    if (in_.take("materialized")) return alter_materialized_view(session_, in_, tokens_);
    const bool is_view = in_.take("view");
    if (!is_view) TRY(in_.expect("table"));
    std::size_t at = in_.at();
    const TableName found = TRY(session_.read_table(tokens_, at));
    if ((is_view || TRY(is_view_there(session_, found))) && tokens_[at].word == "owner") {
        in_.move_to(at);
        TRY(check_ours(session_, found));
        return new_owner(relation_thing(found));
    }
    if ((is_view || TRY(is_view_there(session_, found))) && tokens_[at].word == "rename") {
        in_.move_to(at);
        return rename_view(session_, found, in_);
    }
    if (is_view) return refuse("0A000", "a view is changed by CREATE OR REPLACE VIEW");
    at = in_.at();
    const TableName table = TRY(session_.find_table(tokens_, at));
    TRY(check_ours(session_, table));
    in_.move_to(at);
    if (in_.is("owner")) return new_owner(relation_thing(table));
    if (in_.is("append")) return run_append(session_, table, tokens_, at);
    TRY(demand_on(session_, table, {"ALTER"}));
    TRY(session_.write({table.key()}, false, [&] { return alter_table(table); }));
    return done(StatementKind::alter);
}

Answer<std::unique_ptr<Cursor>> TableStatement::truncate() {
    in_.next();
    in_.take("table");
    std::size_t at = in_.at();
    const TableName table = TRY(session_.find_table(tokens_, at));
    TRY(check_ours(session_, table));
    TRY(demand_on(session_, table, {"TRUNCATE"}));
    TRY(session_.write({table.key()}, false,
                       [&] { return session_.change("DELETE FROM " + table.sql()); }));
    return done(StatementKind::truncate);
}

Answer<std::unique_ptr<Cursor>> TableStatement::run() {
    switch (prepared_.statement.kind) {
        case StatementKind::create_table: return create_table();
        case StatementKind::create_table_as: return create_as();
        case StatementKind::create_view: return create_view();
        case StatementKind::create_schema: return create_schema();
        case StatementKind::drop: return drop();
        case StatementKind::alter: return alter();
        case StatementKind::truncate: return truncate();
        case StatementKind::grant: return run_grant(session_, prepared_);
        case StatementKind::comment: return run_comment(session_, prepared_);
        default:
            for (const Token& token :
                 std::span(tokens_).first(std::min<std::size_t>(4, tokens_.size()))) {
                if (token.word == "function" && tokens_[1].word != "external")
                    return create_function(session_, prepared_);
                if (token.word == "procedure") return create_procedure(session_, prepared_);
                if (token.word == "function")
                    return refuse("0A000", "external functions are not there");
            }
            return refuse("0A000", fmt::format("this statement is not there: {}",
                                               prepared_.statement.text.substr(0, 60)));
    }
}

}  // namespace

Answer<std::unique_ptr<Cursor>> run_table_statement(EngineSession& session,
                                                    const Prepared& prepared) {
    return TableStatement(session, prepared).run();
}

}  // namespace stroma::redshift
