#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "redshift/dialect/call.h"
#include "redshift/external.h"
#include "redshift/rights.h"
#include "redshift/spectrum/external_table.h"
#include "redshift/statement.h"
#include "redshift/token_reader.h"

namespace stroma::redshift {
namespace {

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

Json json_of(const ExternalTable::Pairs& pairs) {
    Json object = Json::object();
    for (const auto& [name, value] : pairs) object[name] = value;
    return object;
}

ExternalTable::Pairs pairs_in(const Json& json, const char* name) {
    ExternalTable::Pairs pairs;
    const Json object = json.value(name, Json::object());
    for (const auto& [key, value] : object.items())
        pairs.emplace_back(key, value.get<std::string>());
    return pairs;
}

std::string definition_of(const ExternalTable& table) {
    Json partitions = Json::array();
    for (const auto& partition : table.partitions)
        partitions.push_back({{"values", partition.values}, {"location", partition.location}});
    return Json{{"place", table.place.text()},
                {"columns", json_of(table.columns)},
                {"by", json_of(table.partitioned_by)},
                {"partitions", std::move(partitions)},
                {"serde", table.serde},
                {"serde_parameters", json_of(table.serde_parameters)},
                {"properties", json_of(table.properties)}}
        .dump();
}

/// How a query's column is declared: "numeric(18,3)".
std::string declared_type(const Column& column) {
    std::string name = type_name_of(column.type_oid);
    if (column.type_oid == oid::numeric) {
        const std::size_t bracket = column.engine_type.find('(');
        if (bracket != std::string::npos) name += column.engine_type.substr(bracket);
    }
    constexpr std::int32_t typmod_head = 4;
    const bool has_length = column.type_oid == oid::varchar || column.type_oid == oid::bpchar;
    if (has_length && column.typmod > typmod_head)
        name += fmt::format("({})", column.typmod - typmod_head);
    return name;
}

bool is_number(std::string_view text) {
    return !text.empty() && text.size() < 19 &&
           text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

const ExternalPartition* ExternalTable::partition(const std::vector<std::string>& values) const {
    const auto found = std::find_if(partitions.begin(), partitions.end(),
                                    [&](const auto& each) { return each.values == values; });
    return found == partitions.end() ? nullptr : &*found;
}

std::string view_of(const ExternalTable& table, bool tells_objects) {
    const auto branch = [&](const ExternalPlace* place, const ExternalPartition* partition) {
        std::string list;
        const auto add = [&](const std::string& value, const ExternalColumn& column) {
            list += fmt::format("{}CAST({} AS {}) AS {}", list.empty() ? "" : ", ", value,
                                column.engine, quoted_name(column.name));
        };
        for (const auto& column : table.columns)
            add(place == nullptr ? "NULL" : quoted_name(column.name), column);
        for (std::size_t at = 0; at < table.partitioned_by.size(); ++at) {
            const bool is_null = partition == nullptr || partition->values[at] == null_partition;
            add(is_null ? "NULL" : quoted_text(partition->values[at]), table.partitioned_by[at]);
        }
        if (tells_objects) {
            add(place == nullptr ? "NULL" : quoted_name(path_column),
                {std::string(path_column), "VARCHAR", ""});
            add(place == nullptr ? "NULL" : quoted_name(size_column),
                {std::string(size_column), "BIGINT", ""});
        }
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

Answer<std::optional<ExternalTable>> external_table(EngineSession& session, const TableName& name) {
    const auto text = TRY(session.text_of(
        "SELECT definition FROM stroma_system.external_tables WHERE schemaname = ? AND "
        "tablename = ?",
        {name.schema, name.name}));
    if (!text) return std::optional<ExternalTable>();
    const Json json = TRY(parse_json(*text));
    ExternalTable table;
    table.name = name;
    table.place = TRY(ExternalPlace::from(json.at("place").get<std::string>()));
    table.columns = columns_in(json.at("columns"));
    table.partitioned_by = columns_in(json.at("by"));
    for (const Json& one : json.at("partitions"))
        table.partitions.push_back({one.at("values").get<std::vector<std::string>>(),
                                    one.at("location").get<std::string>()});
    table.serde = json.value("serde", std::string());
    table.serde_parameters = pairs_in(json, "serde_parameters");
    table.properties = pairs_in(json, "properties");
    return std::optional(std::move(table));
}

Answer<void> keep_external(EngineSession& session, const ExternalTable& table, bool is_new) {
    const auto work = [&]() -> Answer<std::int64_t> {
        TRY(
            session.change("DELETE FROM stroma_system.external_tables WHERE schemaname = ? AND "
                           "tablename = ?",
                           std::array{sql::Value(table.name.schema), sql::Value(table.name.name)}));
        TRY(session.change(
            "INSERT INTO stroma_system.external_tables VALUES (?, ?, ?, ?)",
            std::array{sql::Value(table.name.schema), sql::Value(table.name.name),
                       sql::Value(table.place.location), sql::Value(definition_of(table))}));
        TRY(session.change(fmt::format("CREATE OR REPLACE VIEW {} AS {}", table.name.sql(),
                                       view_of(table, false))));
        if (is_new) TRY(note_made(session, relation_thing(table.name)));
        return 0;
    };
    TRY(session.write({table.name.key()}, false, work));
    return {};
}

namespace {

class ExternalStatement {
public:
    ExternalStatement(EngineSession& session, const Prepared& prepared)
        : session_(session),
          text_(prepared.statement.text),
          tokens_(prepared.plan->tokens),
          in_(tokens_) {}
    Answer<std::unique_ptr<Cursor>> run();
    /// The external table that the name at the token means, if it is one.
    Answer<std::optional<ExternalTable>> table_at(std::size_t at, std::size_t* behind = nullptr);

private:
    Answer<std::unique_ptr<Cursor>> create_schema();
    Answer<std::unique_ptr<Cursor>> create_table();
    Answer<std::unique_ptr<Cursor>> create_as(ExternalTable table);
    Answer<void> clauses(ExternalTable& table);
    Answer<void> columns_of_query(ExternalTable& table, const std::string& query);
    Answer<std::unique_ptr<Cursor>> alter();
    Answer<void> alter_partition(ExternalTable& table);
    Answer<void> add_partitions(ExternalTable& table);
    Answer<std::unique_ptr<Cursor>> drop(const ExternalTable& table);
    Answer<std::vector<ExternalColumn>> columns();
    Answer<void> row_format(ExternalTable& table);
    Answer<void> serde(ExternalTable& table);
    Answer<void> stored_as(ExternalPlace& place);
    Answer<ExternalTable::Pairs> pairs();
    Answer<void> properties(ExternalTable& table);
    Answer<ExternalPartition> partition(const ExternalTable& table, bool with_location);

    EngineSession& session_;
    const std::string& text_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
};

Answer<std::optional<ExternalTable>> ExternalStatement::table_at(std::size_t at,
                                                                 std::size_t* behind) {
    const auto name = session_.read_table(tokens_, at);
    if (behind != nullptr) *behind = at;
    if (!name) return std::optional<ExternalTable>();
    return external_table(session_, *name);
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
Answer<ExternalTable::Pairs> ExternalStatement::pairs() {
    ExternalTable::Pairs found;
    TRY(in_.expect_sign("("));
    do {
        std::string name = TRY(in_.text());
        TRY(in_.expect_sign("="));
        found.emplace_back(std::move(name), TRY(in_.text()));
    } while (in_.take_sign(","));
    TRY(in_.expect_sign(")"));
    return found;
}

Answer<void> ExternalStatement::serde(ExternalTable& table) {
    ExternalPlace& place = table.place;
    table.serde = TRY(in_.text());
    const auto is_one = [&](std::string_view name) {
        return table.serde.find(name) != std::string::npos;
    };
    if (is_one("JsonSerDe"))
        place.format = ExternalFormat::json;
    else if (is_one("ParquetHiveSerDe"))
        place.format = ExternalFormat::parquet;
    else if (is_one("RegexSerDe"))
        place.format = ExternalFormat::regex;
    else if (is_one("OpenCSVSerde"))
        place.quote = place.escape = "\"";
    else if (!is_one("LazySimpleSerDe"))
        return refuse("0A000", fmt::format("the SerDe {} is not there: OpenCSVSerde, "
                                           "LazySimpleSerDe, JsonSerDe, RegexSerDe and "
                                           "ParquetHiveSerDe are",
                                           table.serde));
    if (in_.take("with")) {
        TRY(in_.expect("serdeproperties"));
        table.serde_parameters = TRY(pairs());
    }
    for (const auto& [name, value] : table.serde_parameters) {
        if (name == "field.delim" || name == "separatorChar") place.delimiter = value;
        if (name == "quoteChar") place.quote = value;
        if (name == "escapeChar") place.escape = value;
        if (name == "serialization.null.format") place.null_text = value;
        if (name == "input.regex") place.regex = single_backslashes(value);
    }
    if (place.format == ExternalFormat::regex && place.regex.empty())
        return refuse("22023",
                      "RegexSerDe needs WITH SERDEPROPERTIES ('input.regex' = '…'), with a group "
                      "for each column");
    return {};
}

Answer<void> ExternalStatement::row_format(ExternalTable& table) {
    TRY(in_.expect("format"));
    if (in_.take("serde")) return serde(table);
    TRY(in_.expect("delimited"));
    while (in_.is("fields") || in_.is("lines")) {
        const bool of_fields = in_.is("fields");
        in_.next();
        TRY(in_.expect("terminated"));
        TRY(in_.expect("by"));
        const std::string mark = TRY(in_.text());
        if (of_fields) table.place.delimiter = mark == "\\t" ? "\t" : mark;
    }
    return {};
}

tl::unexpected<Failure> unknown_format(const std::string& name) {
    return refuse("0A000",
                  fmt::format("external tables of {} are not there: STORED AS PARQUET or TEXTFILE "
                              "can be read",
                              name));
}

Answer<void> ExternalStatement::stored_as(ExternalPlace& place) {
    TRY(in_.expect("as"));
    if (in_.take("inputformat")) {
        const std::string format = TRY(in_.text());
        TRY(in_.expect("outputformat"));
        TRY(in_.text());
        if (format.find("Parquet") != std::string::npos) {
            place.format = ExternalFormat::parquet;
        } else if (format.find("TextInputFormat") == std::string::npos) {
            return unknown_format(format);
        }
        return {};
    }
    if (in_.take("parquet")) {
        place.format = ExternalFormat::parquet;
    } else if (!in_.take("textfile")) {
        return unknown_format(in_.token().word);
    }
    return {};
}

Answer<void> ExternalStatement::properties(ExternalTable& table) {
    ExternalPlace& place = table.place;
    TRY(in_.expect("properties"));
    for (const auto& [name, value] : TRY(pairs())) {
        if ((name == "skip.header.line.count" || name == "numRows") && !is_number(value))
            return refuse(
                "22023",
                fmt::format("the table property '{}' is a whole number, not '{}'", name, value));
        if (name == "skip.header.line.count")
            place.skipped_lines = std::strtoll(value.c_str(), nullptr, 10);
        if (name == "serialization.null.format") place.null_text = value;
        if (name == "compression_type") {
            const std::string kind = lower_of(value);
            const bool is_known =
                kind == "gzip" || kind == "none" || kind == "bzip2" || kind == "zstd";
            if (!is_known && !(kind == "snappy" && place.format == ExternalFormat::parquet))
                return refuse("0A000",
                              fmt::format("text packed as '{}' can't be read: compression_type is "
                                          "none, gzip, bzip2 or zstd",
                                          value));
            place.compression = kind;
        }
        std::erase_if(table.properties,
                      [&of = name](const auto& each) { return each.first == of; });
        table.properties.emplace_back(name, value);
    }
    return {};
}

// PARTITIONED BY, ROW FORMAT, STORED AS, LOCATION, TABLE PROPERTIES, up to AS or the end.
Answer<void> ExternalStatement::clauses(ExternalTable& table) {
    while (!in_.at_end() && !in_.is("as")) {
        if (in_.take("row")) {
            if (table.place.delimiter == "\x01") table.place.delimiter = ",";
            TRY(row_format(table));
        } else if (in_.take("stored")) {
            TRY(stored_as(table.place));
        } else if (in_.take("location")) {
            table.place.location = TRY(in_.text());
        } else if (in_.take("table")) {
            TRY(properties(table));
        } else {
            return in_.wrong("ROW FORMAT, STORED AS, LOCATION or TABLE PROPERTIES");
        }
    }
    if (table.place.location.empty())
        return refuse("42601", "an external table has a LOCATION 's3://bucket/folder/'");
    TRY(parse_address(table.place.location));
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
    table.place.table = table.name.key();
    if (!in_.is_sign("(")) return create_as(std::move(table));
    table.columns = TRY(columns());
    if (in_.take("partitioned", "by")) table.partitioned_by = TRY(columns());
    TRY(clauses(table));
    if (!in_.at_end())
        return refuse("42601", "CREATE EXTERNAL TABLE … AS takes its columns from the query");
    for (const auto& column : table.columns)
        table.place.columns.emplace_back(column.name, column.engine);
    TRY(demand_new(session_, table.name));
    TRY(keep_external(session_, table, true));
    return done(StatementKind::create_table);
}

// Those that the table is partitioned by were named, and go last.
Answer<void> ExternalStatement::columns_of_query(ExternalTable& table, const std::string& query) {
    const Statement statement = TRY(one_query(query));
    const auto prepared = TRY(session_.prepare(statement, {}));
    std::vector<ExternalColumn> by;
    for (const Column& column : prepared->columns) {
        const TypeName type = TRY(type_named(declared_type(column)));
        ExternalColumn made{column.name, type.engine, type.declared};
        const bool is_by = std::any_of(table.partitioned_by.begin(), table.partitioned_by.end(),
                                       [&](const auto& one) { return one.name == column.name; });
        (is_by ? by : table.columns).push_back(std::move(made));
    }
    for (ExternalColumn& wanted : table.partitioned_by) {
        const auto found = std::find_if(by.begin(), by.end(),
                                        [&](const auto& one) { return one.name == wanted.name; });
        if (found == by.end())
            return refuse("42703", fmt::format("the query gives no column \"{}\" to partition by",
                                               wanted.name));
        wanted = *found;
    }
    if (table.columns.empty())
        return refuse("42601", "a table has a column beside those that it is partitioned by");
    return {};
}

// name [PARTITIONED BY (a, b)] … LOCATION 's3://…' AS SELECT …
Answer<std::unique_ptr<Cursor>> ExternalStatement::create_as(ExternalTable table) {
    if (in_.take("partitioned", "by"))
        for (std::string& name : TRY(in_.names()))
            table.partitioned_by.push_back({std::move(name), "", ""});
    TRY(clauses(table));
    TRY(in_.expect("as"));
    std::string query = in_.written(text_, in_.at(), tokens_.size() - 1);
    TRY(columns_of_query(table, query));
    for (const auto& column : table.columns)
        table.place.columns.emplace_back(column.name, column.engine);
    if (!table.partitioned_by.empty()) {
        std::string list;
        for (const auto* columns : {&table.columns, &table.partitioned_by})
            for (const auto& column : *columns)
                list += (list.empty() ? "" : ", ") + quoted_name(column.name);
        query = fmt::format("select {} from ({}) as q", list, query);
    }
    TRY(demand_new(session_, table.name));
    session_.allow_changes();
    const std::int64_t rows = TRY(write_external(session_, table, query));
    TRY(keep_external(session_, table, true));
    return done(StatementKind::create_table, rows);
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
        const auto fits =
            TRY(session_.text_of(fmt::format("SELECT CAST(TRY_CAST(? AS {}) AS VARCHAR)",
                                             table.partitioned_by[at].engine),
                                 {made.values[at]}));
        if (!fits)
            return refuse("22P02",
                          fmt::format("the partition column {} is of {}, and '{}' is none", name,
                                      table.partitioned_by[at].declared, made.values[at]));
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

Answer<void> ExternalStatement::add_partitions(ExternalTable& table) {
    const bool if_not_exists = in_.take("if");
    if (if_not_exists) {
        TRY(in_.expect("not"));
        TRY(in_.expect("exists"));
    }
    do {
        ExternalPartition made = TRY(partition(table, true));
        if (table.partition(made.values) == nullptr)
            table.partitions.push_back(std::move(made));
        else if (!if_not_exists)
            return refuse("42710", "the partition already exists");
    } while (!in_.at_end());
    return {};
}

// DROP PARTITION (…), or PARTITION (…) SET LOCATION '…'
Answer<void> ExternalStatement::alter_partition(ExternalTable& table) {
    const bool drops = in_.take("drop");
    const auto named = TRY(partition(table, false));
    const auto* const known = table.partition(named.values);
    if (known == nullptr) return refuse("42704", "there is no such partition");
    const auto found = table.partitions.begin() + (known - table.partitions.data());
    if (drops) {
        table.partitions.erase(found);
        return {};
    }
    TRY(in_.expect("set"));
    TRY(in_.expect("location"));
    found->location = TRY(in_.text());
    TRY(parse_address(found->location));
    return {};
}

Answer<std::unique_ptr<Cursor>> ExternalStatement::alter() {
    std::size_t behind = 0;
    auto table = TRY(table_at(2, &behind));
    in_.move_to(behind);
    TRY(demand_on(session_, table->name, {"ALTER"}));
    if (in_.take("add")) {
        TRY(add_partitions(*table));
    } else if (in_.is("drop") || in_.is("partition")) {
        TRY(alter_partition(*table));
    } else if (in_.take("set", "location")) {
        table->place.location = TRY(in_.text());
        TRY(parse_address(table->place.location));
    } else if (in_.take("set", "table")) {
        TRY(properties(*table));
    } else {
        return in_.wrong(
            "ADD PARTITION, DROP PARTITION, PARTITION … SET LOCATION, SET LOCATION or SET TABLE "
            "PROPERTIES");
    }
    if (!in_.at_end()) return in_.wrong("nothing more");
    TRY(keep_external(session_, *table, false));
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
