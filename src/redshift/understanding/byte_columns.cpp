#include "redshift/understanding/byte_columns.h"

#include <algorithm>
#include <map>
#include <set>

#include "redshift/byte_types.h"
#include "redshift/table_grammar.h"

namespace stroma::redshift {
namespace {

bool is_untold(const Column& column) {
    return column.engine_type == "BLOB" && column.type_oid == oid::bytea;
}

}  // namespace

Answer<void> tell_byte_columns(EngineSession& session, Prepared& prepared,
                               std::span<const Token> tokens) {
    if (std::none_of(prepared.columns.begin(), prepared.columns.end(), is_untold)) return {};
    std::set<std::string> words;
    std::string names;
    bool makes_bytes = false;
    for (const Token& token : tokens) {
        if (token.kind != TokenKind::word && token.kind != TokenKind::quoted) continue;
        if (token.word == "bytea") return {};
        makes_bytes |= token.word == "to_varbyte" || token.word == "from_hex";
        if (!words.insert(lower_of(token.word)).second) continue;
        names += (names.empty() ? "" : ", ") + quoted_text(lower_of(token.word));
    }
    const auto rows = TRY(session.query(
        "SELECT comment FROM duckdb_tables() WHERE lower(table_name) IN (" + names +
        ") AND regexp_matches(comment, 'varbyte|bytea|geometry|geography|hllsketch')"));
    std::map<std::string, std::uint32_t> declared;
    std::set<std::uint32_t> all;
    while (TRY(rows->next()))
        for (const auto& [name, kept] : TableAttributes::from(rows->text(0)).columns) {
            const auto type = type_named(kept.type);
            if (!type || type->engine != "BLOB") continue;
            declared[lower_of(name)] = type->oid;
            all.insert(type->oid);
        }
    if (all.empty() && makes_bytes) all.insert(oid::varbyte);
    for (Column& column : prepared.columns) {
        if (!is_untold(column)) continue;
        const auto found = declared.find(lower_of(column.name));
        if (found != declared.end())
            column.type_oid = found->second;
        else if (all.size() == 1)
            column.type_oid = *all.begin();
    }
    return {};
}

}  // namespace stroma::redshift
