#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "redshift/rights.h"
#include "redshift/table_statements.h"

namespace stroma::redshift {
namespace {

using Kind = TableKey::Kind;

/// Each name as the table writes it. errors  42703
Answer<void> find_columns(const std::vector<TableColumn>& columns, std::vector<std::string>& names,
                          std::string_view role) {
    for (std::string& name : names) {
        const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& column) {
            return lower_of(column.name) == lower_of(name);
        });
        if (found == columns.end())
            return refuse("42703", fmt::format("column \"{}\" {} does not exist", name, role));
        name = found->name;
    }
    return {};
}

bool is_unique(const TableAttributes& attributes, const std::vector<std::string>& columns) {
    const std::set<std::string> wanted(columns.begin(), columns.end());
    return std::any_of(attributes.keys.begin(), attributes.keys.end(), [&](const TableKey& key) {
        return key.kind != Kind::foreign &&
               std::set<std::string>(key.columns.begin(), key.columns.end()) == wanted;
    });
}

Answer<void> find_referred(EngineSession& session, const TableName& table,
                           const std::vector<Token>& tokens, const TableAttributes& attributes,
                           TableKey& key) {
    std::size_t at = key.table_at;
    const TableName other = TRY(session.find_table(tokens, at));
    TRY(demand_on(session, other, {"REFERENCES"}));
    const TableAttributes of_other =
        other.key() == table.key() ? attributes : TRY(attributes_of(session, other));
    key.schema = other.schema;
    key.table = other.name;
    if (key.referred.empty()) {
        for (const TableKey& each : of_other.keys)
            if (each.kind == Kind::primary) key.referred = each.columns;
        if (key.referred.empty())
            return refuse(
                "42704",
                fmt::format("there is no primary key for referenced table \"{}\"", other.name));
    }
    const auto columns = TRY(columns_of(session, other));
    TRY(find_columns(columns, key.referred, "referenced in foreign key constraint"));
    if (key.referred.size() != key.columns.size())
        return refuse("42830",
                      "number of referencing and referenced columns for foreign key disagree");
    if (!is_unique(of_other, key.referred))
        return refuse("42830", fmt::format("there is no unique constraint matching given keys for "
                                           "referenced table \"{}\"",
                                           other.name));
    return {};
}

Answer<void> check_primary(const TableName& table, const std::vector<TableColumn>& columns,
                           const TableAttributes& attributes, const TableKey& key) {
    for (const TableKey& each : attributes.keys)
        if (each.kind == Kind::primary)
            return refuse(
                "42P16",
                fmt::format("multiple primary keys for table \"{}\" are not allowed", table.name));
    for (const TableColumn& column : columns)
        if (column.is_nullable &&
            std::find(key.columns.begin(), key.columns.end(), column.name) != key.columns.end())
            return refuse("42P16", fmt::format("column \"{}\" may be null: a primary key takes "
                                               "columns that were made NOT NULL",
                                               column.name));
    return {};
}

/// The name that PostgreSQL would give, or the statement's. errors  42710
Answer<void> name_key(const TableName& table, const TableAttributes& attributes, TableKey& key) {
    const auto is_taken = [&](const std::string& name) {
        return std::any_of(attributes.keys.begin(), attributes.keys.end(),
                           [&](const TableKey& each) { return each.name == name; });
    };
    if (!key.name.empty()) {
        if (!is_taken(key.name)) return {};
        return refuse("42710", fmt::format("constraint \"{}\" for relation \"{}\" already exists",
                                           key.name, table.name));
    }
    const std::string start = usual_name(table.name, key);
    key.name = start;
    for (int number = 1; is_taken(key.name); ++number) key.name = start + std::to_string(number);
    return {};
}

/// Goes over the foreign keys by which other tables refer to this one; `stays` may change each and
/// says whether it stays.
Answer<void> each_referring(
    EngineSession& session, const TableName& table,
    const std::function<Answer<bool>(const TableName& of, TableKey& key)>& stays) {
    const auto rows = TRY(session.query(
        "SELECT CASE WHEN database_name = 'temp' THEN 'temp' ELSE schema_name END, table_name, "
        "comment FROM duckdb_tables() WHERE contains(comment, '\"referred\"')"));
    std::vector<std::pair<TableName, TableAttributes>> changed;
    while (TRY(rows->next())) {
        const TableName of{rows->text(0), rows->text(1), rows->text(0) == "temp"};
        if (of.key() == table.key()) continue;
        TableAttributes attributes = TableAttributes::from(rows->text(2));
        const std::string before = attributes.text();
        std::vector<TableKey> kept;
        for (TableKey& key : attributes.keys) {
            const bool refers = key.kind == Kind::foreign && key.schema == table.schema &&
                                lower_of(key.table) == lower_of(table.name);
            if (!refers || TRY(stays(of, key))) kept.push_back(std::move(key));
        }
        attributes.keys = std::move(kept);
        if (attributes.text() != before) changed.emplace_back(of, std::move(attributes));
    }
    for (const auto& [of, attributes] : changed) TRY(keep_attributes(session, of, attributes));
    return {};
}

tl::unexpected<Failure> depended_on(std::string_view what, const TableName& of,
                                    const TableKey& key) {
    Failure failure("2BP01",
                    fmt::format("cannot drop {} because other objects depend on it", what));
    failure.detail = fmt::format("constraint {} on table {} depends on it", key.name, of.name);
    failure.hint = "Use DROP ... CASCADE to drop the dependent objects too.";
    return fail(std::move(failure));
}

}  // namespace

Answer<void> add_keys(EngineSession& session, const TableName& table,
                      const std::vector<Token>& tokens, TableAttributes& attributes,
                      std::vector<TableKey> keys) {
    if (keys.empty()) return {};
    const auto columns = TRY(columns_of(session, table));
    // A table may refer to itself, by a key that the statement names later.
    std::stable_partition(keys.begin(), keys.end(),
                          [](const TableKey& key) { return key.kind != Kind::foreign; });
    for (TableKey& key : keys) {
        const bool is_foreign = key.kind == Kind::foreign;
        TRY(find_columns(columns, key.columns,
                         is_foreign ? "referenced in foreign key constraint" : "named in key"));
        if (key.kind == Kind::primary) TRY(check_primary(table, columns, attributes, key));
        if (is_foreign) TRY(find_referred(session, table, tokens, attributes, key));
        TRY(name_key(table, attributes, key));
        attributes.keys.push_back(std::move(key));
    }
    return {};
}

Answer<void> drop_key(EngineSession& session, const TableName& table, TableAttributes& attributes,
                      const std::string& name, bool cascade) {
    const auto found =
        std::find_if(attributes.keys.begin(), attributes.keys.end(),
                     [&](const TableKey& key) { return lower_of(key.name) == lower_of(name); });
    if (found == attributes.keys.end())
        return refuse("42704", fmt::format("constraint \"{}\" of relation \"{}\" does not exist",
                                           name, table.name));
    const TableKey gone = std::move(*found);
    attributes.keys.erase(found);
    if (gone.kind == Kind::foreign) return {};
    return each_referring(session, table,
                          [&](const TableName& of, const TableKey& key) -> Answer<bool> {
                              if (is_unique(attributes, key.referred)) return true;
                              if (cascade) return false;
                              return depended_on("constraint " + gone.name, of, key);
                          });
}

Answer<void> keys_without_column(EngineSession& session, const TableName& table,
                                 TableAttributes& attributes, const std::string& column,
                                 bool cascade) {
    const auto has = [&](const std::vector<std::string>& names) {
        return std::find(names.begin(), names.end(), column) != names.end();
    };
    TRY(each_referring(session, table,
                       [&](const TableName& of, const TableKey& key) -> Answer<bool> {
                           if (!has(key.referred)) return true;
                           if (cascade) return false;
                           return depended_on("column " + column, of, key);
                       }));
    std::erase_if(attributes.keys, [&](const TableKey& key) {
        const bool is_own = key.schema == table.schema && key.table == table.name;
        return has(key.columns) || (is_own && has(key.referred));
    });
    return {};
}

Answer<void> keys_after_rename(EngineSession& session, const TableName& table,
                               TableAttributes& attributes, const std::string& to) {
    for (TableKey& key : attributes.keys)
        if (key.schema == table.schema && key.table == table.name) key.table = to;
    return each_referring(session, table, [&](const TableName&, TableKey& key) -> Answer<bool> {
        key.table = to;
        return true;
    });
}

Answer<void> keys_after_rename(EngineSession& session, const TableName& table,
                               TableAttributes& attributes, const std::string& column,
                               const std::string& to) {
    for (TableKey& key : attributes.keys) {
        std::replace(key.columns.begin(), key.columns.end(), column, to);
        if (key.schema == table.schema && key.table == table.name)
            std::replace(key.referred.begin(), key.referred.end(), column, to);
    }
    return each_referring(session, table, [&](const TableName&, TableKey& key) -> Answer<bool> {
        std::replace(key.referred.begin(), key.referred.end(), column, to);
        return true;
    });
}

Answer<void> drop_references(EngineSession& session, const TableName& table,
                             std::span<const TableName> dropped, bool cascade) {
    return each_referring(
        session, table, [&](const TableName& of, const TableKey& key) -> Answer<bool> {
            const bool goes_too =
                std::any_of(dropped.begin(), dropped.end(),
                            [&](const TableName& each) { return each.key() == of.key(); });
            if (goes_too || cascade) return false;
            return depended_on("table " + table.name, of, key);
        });
}

}  // namespace stroma::redshift
