#include <fmt/format.h>

#include "base/json.h"
#include "redshift/table_grammar.h"

namespace stroma::redshift {
namespace {

Answer<void> read_referred(TokenReader& in, TableKey& key) {
    TRY(in.expect("references"));
    key.kind = TableKey::Kind::foreign;
    key.table_at = in.at();
    TRY(in.name());
    while (in.take_sign(".")) TRY(in.name());
    if (in.is_sign("(")) key.referred = TRY(in.names());
    return {};
}

std::string text_in(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<std::string> texts_in(const Json& object, const char* name) {
    std::vector<std::string> texts;
    const auto found = object.find(name);
    if (found != object.end() && found->is_array())
        for (const Json& each : *found)
            if (each.is_string()) texts.push_back(each.get<std::string>());
    return texts;
}

}  // namespace

bool begins_key(const TokenReader& in) {
    return in.is("constraint") || in.is("primary") || in.is("unique") || in.is("foreign");
}

Answer<TableKey> read_key(TokenReader& in) {
    TableKey key;
    if (in.take("constraint")) key.name = TRY(in.name());
    if (in.take("primary", "key")) {
        key.kind = TableKey::Kind::primary;
        key.columns = TRY(in.names());
    } else if (in.take("unique")) {
        key.kind = TableKey::Kind::unique;
        key.columns = TRY(in.names());
    } else if (in.take("foreign", "key")) {
        key.columns = TRY(in.names());
        TRY(read_referred(in, key));
    } else {
        return in.wrong("PRIMARY KEY, UNIQUE or FOREIGN KEY");
    }
    return key;
}

Answer<TableKey> read_column_reference(TokenReader& in, const std::string& column) {
    TableKey key;
    key.columns = {column};
    TRY(read_referred(in, key));
    return key;
}

std::string usual_name(const std::string& table, const TableKey& key) {
    if (key.kind == TableKey::Kind::primary) return table + "_pkey";
    return fmt::format("{}_{}_{}", table, fmt::join(key.columns, "_"),
                       key.kind == TableKey::Kind::unique ? "key" : "fkey");
}

Json key_json(const TableKey& key) {
    Json made{{"kind", std::string(1, static_cast<char>(key.kind))},
              {"name", key.name},
              {"columns", key.columns}};
    if (key.kind == TableKey::Kind::foreign) {
        made["schema"] = key.schema;
        made["table"] = key.table;
        made["referred"] = key.referred;
    }
    return made;
}

TableKey key_in(const Json& json) {
    TableKey key;
    const std::string kind = text_in(json, "kind");
    key.kind = kind == "f"   ? TableKey::Kind::foreign
               : kind == "u" ? TableKey::Kind::unique
                             : TableKey::Kind::primary;
    key.name = text_in(json, "name");
    key.schema = text_in(json, "schema");
    key.table = text_in(json, "table");
    key.columns = texts_in(json, "columns");
    key.referred = texts_in(json, "referred");
    return key;
}

}  // namespace stroma::redshift
