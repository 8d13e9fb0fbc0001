#include <fmt/format.h>

#include <array>

#include "base/json.h"
#include "redshift/external.h"
#include "redshift/rights.h"
#include "redshift/spectrum/external_scan.h"
#include "redshift/token_reader.h"

namespace stroma::redshift {
namespace {

struct ExternalColumn {
    std::string name, engine, declared;
};

/// A partition: the values of the partition columns, and where its objects lie.
struct ExternalPartition {
    std::vector<std::string> values;
    std::string location;
};

struct ExternalTable {
    TableName name;
    ExternalPlace place;
    std::vector<ExternalColumn> columns, partitioned_by;
    std::vector<ExternalPartition> partitions;
};

Json json_of(const std::vector<ExternalColumn>& columns) {
    Json list = Json::array();
    for (const auto& column : columns)
        list.push_back(Json::array({column.name, column.engine, column.declared}));
    return list;
}

std::vector<ExternalColumn> columns_in(const Json& list) {
    std::vector<ExternalColumn> columns;
    for (const Json& one : list)
        columns.push_back({one.at(0).get<std::string>(), one.at(1).get<std::string>(),
                           one.at(2).get<std::string>()});
    return columns;
}

std::string definition_of(const ExternalTable& table) {
    Json partitions = Json::array();
    for (const auto& partition : table.partitions)
        partitions.push_back({{"values", partition.values}, {"location", partition.location}});
    return Json{{"place", table.place.text()},
                {"columns", json_of(table.columns)},
                {"by", json_of(table.partitioned_by)},
                {"partitions", std::move(partitions)}}
        .dump();
}

/// The view that stands for the table: a branch for each place.
std::string view_of(const ExternalTable& table) {
    const auto branch = [&](const ExternalPlace* place, const ExternalPartition* partition) {
        std::string list;
        const auto add = [&](const std::string& value, const ExternalColumn& column) {
            list += fmt::format("{}CAST({} AS {}) AS {}", list.empty() ? "" : ", ", value,
                                column.engine, quoted_name(column.name));
        };
        for (const auto& column : table.columns)
            add(place == nullptr ? "NULL" : quoted_name(column.name), column);
        for (std::size_t at = 0; at < table.partitioned_by.size(); ++at)
            add(partition == nullptr ? "NULL" : quoted_text(partition->values[at]),
                table.partitioned_by[at]);
        if (place == nullptr) return fmt::format("SELECT {} WHERE false", list);
        return fmt::format("SELECT {} FROM stroma_external({})", list, quoted_text(place->text()));
    };
    if (table.partitioned_by.empty()) return branch(&table.place, nullptr);
    std::string sql;
    for (const auto& partition : table.partitions) {
        ExternalPlace place = table.place;
        place.location = partition.location;
        sql += (sql.empty() ? "" : " UNION ALL ") + branch(&place, &partition);
    }
    return sql.empty() ? branch(nullptr, nullptr) : sql;
}

class ExternalStatement {
public:
    ExternalStatement(EngineSession& session, const Prepared& prepared)
        : session_(session), tokens_(prepared.plan->tokens), in_(tokens_) {}
    Answer<std::unique_ptr<Cursor>> run();
    /// The external table that the name at the token means, if it is one.
    Answer<std::optional<ExternalTable>> table_at(std::size_t at, std::size_t* behind = nullptr);

private:
    Answer<std::unique_ptr<Cursor>> create_schema();
    Answer<std::unique_ptr<Cursor>> create_table();
    Answer<std::unique_ptr<Cursor>> alter();
    Answer<std::unique_ptr<Cursor>> drop(const ExternalTable& table);
    Answer<std::vector<ExternalColumn>> columns();
    Answer<void> row_format(ExternalPlace& place);
    Answer<void> stored_as(ExternalPlace& place);
    Answer<std::vector<std::pair<std::string, std::string>>> pairs();
    Answer<void> properties(ExternalPlace& place);
    Answer<ExternalPartition> partition(const ExternalTable& table, bool with_location);
    Answer<void> keep(const ExternalTable& table, bool is_new);

    EngineSession& session_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
};

Answer<std::optional<ExternalTable>> ExternalStatement::table_at(std::size_t at,
                                                                 std::size_t* behind) {
    const auto name = session_.read_table(tokens_, at);
    if (behind != nullptr) *behind = at;
    if (!name) return std::optional<ExternalTable>();
    const auto text = TRY(session_.text_of(
        "SELECT definition FROM stroma_system.external_tables WHERE schemaname = ? AND "
        "tablename = ?",
        {name->schema, name->name}));
    if (!text) return std::optional<ExternalTable>();
    const Json json = TRY(parse_json(*text));
    ExternalTable table;
    table.name = *name;
    table.place = TRY(ExternalPlace::from(json.at("place").get<std::string>()));
    table.columns = columns_in(json.at("columns"));
    table.partitioned_by = columns_in(json.at("by"));
    for (const Json& one : json.at("partitions"))
        table.partitions.push_back({one.at("values").get<std::vector<std::string>>(),
                                    one.at("location").get<std::string>()});
    return std::optional(std::move(table));
}

Answer<void> ExternalStatement::keep(const ExternalTable& table, bool is_new) {
    const auto work = [&]() -> Answer<std::int64_t> {
        TRY(session_.change(
            "DELETE FROM stroma_system.external_tables WHERE schemaname = ? AND "
            "tablename = ?",
            std::array{sql::Value(table.name.schema), sql::Value(table.name.name)}));
        TRY(session_.change(
            "INSERT INTO stroma_system.external_tables VALUES (?, ?, ?, ?)",
            std::array{sql::Value(table.name.schema), sql::Value(table.name.name),
                       sql::Value(table.place.location), sql::Value(definition_of(table))}));
        TRY(session_.change(
            fmt::format("CREATE OR REPLACE VIEW {} AS {}", table.name.sql(), view_of(table))));
        if (is_new) TRY(note_made(session_, relation_thing(table.name)));
        return 0;
    };
    TRY(session_.write({table.name.key()}, false, work));
    return {};
}

Answer<std::unique_ptr<Cursor>> ExternalStatement::create_schema() {
    const bool if_not_exists = in_.take("if");
    if (if_not_exists) {
        TRY(in_.expect("not"));
        TRY(in_.expect("exists"));
    }
    const std::string name = TRY(in_.name());
    TRY(in_.expect("from"));
    if (!in_.take("data", "catalog"))
        return refuse("0A000", "an external schema is FROM DATA CATALOG here");
    std::string database = name;
    while (!in_.at_end()) {
        if (in_.take("database")) {
            database = TRY(in_.text());
        } else if (in_.take("iam_role") || in_.take("region") || in_.take("catalog_role")) {
            if (!in_.take("default")) TRY(in_.text());
        } else if (in_.take("create", "external")) {
            TRY(in_.expect("database"));
            in_.take("if", "not");
            in_.take("exists");
        } else {
            return in_.wrong("DATABASE, REGION, IAM_ROLE or CREATE EXTERNAL DATABASE");
        }
    }
    if (name.starts_with("pg_") || name.starts_with("stroma_") || name == "main" ||
        name == "information_schema")
        return refuse("42939", fmt::format("unacceptable schema name \"{}\"", name));
    TRY(demand(session_, database_thing(), "CREATE"));
    const auto work = [&]() -> Answer<std::int64_t> {
        const auto known = TRY(session_.text_of(
            "SELECT schemaname FROM stroma_system.external_schemas WHERE schemaname = ?", {name}));
        if (known && if_not_exists) return 0;
        TRY(session_.change("CREATE SCHEMA " + quoted_name(name)));
        TRY(note_made(session_, schema_thing(name)));
        return session_.change("INSERT INTO stroma_system.external_schemas VALUES (?, ?)",
                               std::array{sql::Value(name), sql::Value(database)});
    };
    TRY(session_.write({"schema " + name}, false, work));
    return done(StatementKind::create_schema);
}

// (name type, …)
Answer<std::vector<ExternalColumn>> ExternalStatement::columns() {
    std::vector<ExternalColumn> columns;
    TRY(in_.expect_sign("("));
    do {
        ExternalColumn column;
        column.name = TRY(in_.name());
        std::size_t at = in_.at();
        const TypeName type = TRY(read_type(tokens_, at));
        in_.move_to(at);
        column.engine = type.engine;
        column.declared = type.declared;
        columns.push_back(std::move(column));
    } while (in_.take_sign(","));
    TRY(in_.expect_sign(")"));
    return columns;
}

// ('name' = 'value', …)
Answer<std::vector<std::pair<std::string, std::string>>> ExternalStatement::pairs() {
    std::vector<std::pair<std::string, std::string>> found;
    TRY(in_.expect_sign("("));
    do {
        std::string name = TRY(in_.text());
        TRY(in_.expect_sign("="));
        found.emplace_back(std::move(name), TRY(in_.text()));
    } while (in_.take_sign(","));
    TRY(in_.expect_sign(")"));
    return found;
}

Answer<void> ExternalStatement::row_format(ExternalPlace& place) {
    TRY(in_.expect("format"));
    if (in_.take("serde")) {
        const std::string serde = TRY(in_.text());
        if (serde.find("JsonSerDe") != std::string::npos)
            place.format = ExternalFormat::json;
        else if (serde.find("ParquetHiveSerDe") != std::string::npos)
            place.format = ExternalFormat::parquet;
        else if (serde.find("OpenCSVSerde") != std::string::npos)
            place.quote = place.escape = "\"";
        else if (serde.find("LazySimpleSerDe") == std::string::npos)
            return refuse("0A000", fmt::format("the SerDe {} is not there", serde));
        if (!in_.take("with")) return {};
        TRY(in_.expect("serdeproperties"));
        for (const auto& [name, value] : TRY(pairs())) {
            if (name == "field.delim" || name == "separatorChar") place.delimiter = value;
            if (name == "quoteChar") place.quote = value;
            if (name == "escapeChar") place.escape = value;
            if (name == "serialization.null.format") place.null_text = value;
        }
        return {};
    }
    TRY(in_.expect("delimited"));
    while (in_.is("fields") || in_.is("lines")) {
        const bool of_fields = in_.is("fields");
        in_.next();
        TRY(in_.expect("terminated"));
        TRY(in_.expect("by"));
        const std::string mark = TRY(in_.text());
        if (of_fields) place.delimiter = mark == "\\t" ? "\t" : mark;
    }
    return {};
}

Answer<void> ExternalStatement::stored_as(ExternalPlace& place) {
    TRY(in_.expect("as"));
    if (in_.take("inputformat")) {
        const std::string format = TRY(in_.text());
        TRY(in_.expect("outputformat"));
        TRY(in_.text());
        if (format.find("Parquet") != std::string::npos) place.format = ExternalFormat::parquet;
        return {};
    }
    if (in_.take("parquet")) {
        place.format = ExternalFormat::parquet;
    } else if (!in_.take("textfile")) {
        return refuse("0A000",
                      fmt::format("external tables of {} are not there", in_.token().word));
    }
    return {};
}

Answer<void> ExternalStatement::properties(ExternalPlace& place) {
    TRY(in_.expect("properties"));
    for (const auto& [name, value] : TRY(pairs())) {
        if (name == "skip.header.line.count") {
            if (value.size() > 9 || value.find_first_not_of("0123456789") != std::string::npos)
                return refuse("22023", "skip.header.line.count is a number");
            place.skipped_lines = std::strtoll(value.c_str(), nullptr, 10);
        }
        if (name == "compression_type") {
            if (value != "gzip" && value != "none" && place.format != ExternalFormat::parquet)
                return refuse("0A000", "text of external tables may be compressed by gzip");
            place.is_gzip = value == "gzip";
        }
    }
    return {};
}

Answer<std::unique_ptr<Cursor>> ExternalStatement::create_table() {
    const bool if_not_exists = in_.take("if");
    if (if_not_exists) {
        TRY(in_.expect("not"));
        TRY(in_.expect("exists"));
    }
    std::size_t behind = in_.at();
    if (const auto known = TRY(table_at(in_.at(), &behind))) {
        if (!if_not_exists)
            return refuse("42P07", fmt::format("relation \"{}\" already exists", known->name.name));
        return done(StatementKind::create_table);
    }
    ExternalTable table;
    std::size_t at = in_.at();
    table.name = TRY(session_.read_table(tokens_, at));
    in_.move_to(behind);
    const auto schema = TRY(session_.text_of(
        "SELECT schemaname FROM stroma_system.external_schemas WHERE schemaname = ?",
        {table.name.schema}));
    if (!schema)
        return refuse("3F000",
                      fmt::format("schema \"{}\" is no external schema", table.name.schema));
    table.place.format = ExternalFormat::csv;
    table.place.delimiter = std::string(1, '\x01');
    table.columns = TRY(columns());
    if (in_.take("partitioned", "by")) table.partitioned_by = TRY(columns());
    while (!in_.at_end()) {
        if (in_.take("row")) {
            if (table.place.delimiter == "\x01") table.place.delimiter = ",";
            TRY(row_format(table.place));
        } else if (in_.take("stored")) {
            TRY(stored_as(table.place));
        } else if (in_.take("location")) {
            table.place.location = TRY(in_.text());
        } else if (in_.take("table")) {
            TRY(properties(table.place));
        } else {
            return in_.wrong("ROW FORMAT, STORED AS, LOCATION or TABLE PROPERTIES");
        }
    }
    TRY(parse_address(table.place.location));
    table.place.table = table.name.key();
    for (const auto& column : table.columns)
        table.place.columns.emplace_back(column.name, column.engine);
    TRY(demand_new(session_, table.name));
    TRY(keep(table, true));
    return done(StatementKind::create_table);
}

// PARTITION (a = 'x', b = 5) [LOCATION 's3://…']
Answer<ExternalPartition> ExternalStatement::partition(const ExternalTable& table,
                                                       bool with_location) {
    ExternalPartition made;
    made.values.resize(table.partitioned_by.size());
    std::size_t given = 0;
    TRY(in_.expect("partition"));
    TRY(in_.expect_sign("("));
    do {
        const Token where = in_.token();
        const std::string name = TRY(in_.name());
        TRY(in_.expect_sign("="));
        std::size_t at = 0;
        while (at < table.partitioned_by.size() && table.partitioned_by[at].name != name) ++at;
        if (at == table.partitioned_by.size())
            return fail(syntax_failure(where, "it is no column that the table is partitioned by"));
        made.values[at] = in_.token().word;
        in_.next();
        ++given;
    } while (in_.take_sign(","));
    TRY(in_.expect_sign(")"));
    if (given != table.partitioned_by.size())
        return refuse("42601", "a partition has a value for each partition column");
    if (!with_location) return made;
    TRY(in_.expect("location"));
    made.location = TRY(in_.text());
    TRY(parse_address(made.location));
    return made;
}

Answer<std::unique_ptr<Cursor>> ExternalStatement::alter() {
    std::size_t behind = 0;
    auto table = TRY(table_at(2, &behind));
    in_.move_to(behind);
    TRY(demand_on(session_, table->name, {"ALTER"}));
    const auto place_of = [&](const ExternalPartition& partition) {
        return std::find_if(table->partitions.begin(), table->partitions.end(),
                            [&](const auto& each) { return each.values == partition.values; });
    };
    if (in_.take("add")) {
        const bool if_not_exists = in_.take("if");
        if (if_not_exists) {
            TRY(in_.expect("not"));
            TRY(in_.expect("exists"));
        }
        do {
            ExternalPartition made = TRY(partition(*table, true));
            if (place_of(made) == table->partitions.end())
                table->partitions.push_back(std::move(made));
            else if (!if_not_exists)
                return refuse("42710", "the partition already exists");
        } while (!in_.at_end());
    } else if (in_.take("drop")) {
        const auto found = place_of(TRY(partition(*table, false)));
        if (found == table->partitions.end()) return refuse("42704", "there is no such partition");
        table->partitions.erase(found);
    } else if (in_.take("set", "location")) {
        table->place.location = TRY(in_.text());
        TRY(parse_address(table->place.location));
    } else {
        return in_.wrong("ADD PARTITION, DROP PARTITION or SET LOCATION");
    }
    if (!in_.at_end()) return in_.wrong("nothing more");
    TRY(keep(*table, false));
    return done(StatementKind::alter);
}

Answer<std::unique_ptr<Cursor>> ExternalStatement::drop(const ExternalTable& table) {
    TRY(demand_on(session_, table.name, {"DROP"}));
    const auto work = [&]() -> Answer<std::int64_t> {
        TRY(session_.change(
            "DELETE FROM stroma_system.external_tables WHERE schemaname = ? AND "
            "tablename = ?",
            std::array{sql::Value(table.name.schema), sql::Value(table.name.name)}));
        TRY(note_gone(session_, relation_thing(table.name)));
        return session_.change("DROP VIEW " + table.name.sql());
    };
    TRY(session_.write({table.name.key()}, false, work));
    return done(StatementKind::drop, 0, "DROP TABLE");
}

Answer<std::unique_ptr<Cursor>> ExternalStatement::run() {
    const std::string verb = tokens_[0].word;
    if (verb == "alter") return alter();
    if (verb == "drop") {
        const std::size_t at = tokens_[2].word == "if" ? 4 : 2;
        return drop(*TRY(table_at(at)));
    }
    in_.move_to(2);
    if (in_.take("schema")) return create_schema();
    TRY(in_.expect("table"));
    return create_table();
}

}  // namespace

Answer<bool> is_external(EngineSession& session, const Prepared& prepared) {
    const auto& tokens = prepared.plan->tokens;
    if (tokens.size() < 4) return false;
    if (tokens[0].word == "create")
        return tokens[1].word == "external" && tokens[2].word != "function";
    if ((tokens[0].word != "alter" && tokens[0].word != "drop") || tokens[1].word != "table")
        return false;
    const std::size_t at = tokens[0].word == "drop" && tokens[2].word == "if" ? 4 : 2;
    if (at >= tokens.size()) return false;
    return TRY(ExternalStatement(session, prepared).table_at(at)).has_value();
}

Answer<std::unique_ptr<Cursor>> run_external(EngineSession& session, const Prepared& prepared) {
    return ExternalStatement(session, prepared).run();
}

}  // namespace stroma::redshift
