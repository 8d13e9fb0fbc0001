#include "loader/target.h"

#include <fmt/format.h>

#include "redshift/load/row_text.h"

namespace stroma::loader {

using redshift::Answer;

const TargetColumn* Target::column(const std::string& name) const {
    for (const auto& each : columns)
        if (each.name == name || redshift::lower_of(each.name) == redshift::lower_of(name))
            return &each;
    return nullptr;
}

std::string Target::list() const {
    std::string made;
    for (const auto& each : columns)
        made += (made.empty() ? "" : ", ") + redshift::quoted_name(each.name);
    return made;
}

Answer<void> check_columns(const Target& target, const MergeOptions& merge) {
    std::vector<std::string> named = merge.keys;
    if (!merge.timestamp.empty()) named.push_back(merge.timestamp);
    for (const std::string& name : named)
        if (target.column(name) == nullptr)
            return redshift::refuse(
                "42703", fmt::format("table {} has no column \"{}\", which the loader's options "
                                     "name",
                                     target.table.key(), name));
    return {};
}

Answer<std::vector<std::optional<std::string>>> TargetSession::first_row(const std::string& sql) {
    const auto rows = TRY(query(sql));
    std::vector<std::optional<std::string>> made(rows->columns().size());
    if (!TRY(rows->next())) return made;
    for (std::size_t at = 0; at < made.size(); ++at)
        if (!rows->is_null(at)) made[at] = redshift::text_of(rows->value(at));
    return made;
}

}  // namespace stroma::loader
