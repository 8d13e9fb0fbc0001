#include "matrix/fields/fields.h"

#include <algorithm>

namespace stroma::matrix {

const Field* find_field(std::string_view name) {
    const auto fields = warehouse::api_fields();
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) {
        if (field.name == name) return true;
        const std::size_t dot = field.table.size();
        return name.size() == dot + 1 + field.column.size() && name.starts_with(field.table) &&
               name[dot] == '.' && name.ends_with(field.column);
    });
    return found == fields.end() ? nullptr : &*found;
}

std::vector<std::string> default_fields() {
    std::vector<std::string> names;
    for (const auto* table : {"cell", "cell_suspension", "donor", "library_preparation", "project",
                              "analysis", "specimen"})
        for (const Field& field : warehouse::api_fields())
            if (field.table == table && (is_organ(field) || field.table != "specimen"))
                names.emplace_back(field.name);
    return names;
}

bool is_organ(const Field& field) {
    return field.table == "specimen" && field.column.starts_with("organ");
}

}  // namespace stroma::matrix
