#include "warehouse/loading/check_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "warehouse/tables.h"

namespace stroma::warehouse {

namespace {

std::string_view cell_column_type(std::string_view name) {
    for (const auto& [known, type] : cell_columns()) {
        if (known == name) return type;
    }
    return "";
}

bool has_type(const sql::Value& value, std::string_view type) {
    if (std::holds_alternative<std::monostate>(value)) return true;
    if (type == "BIGINT") return std::holds_alternative<std::int64_t>(value);
    if (type == "BOOLEAN") return std::holds_alternative<bool>(value);
    return std::holds_alternative<std::string>(value);
}

Result<void> check_cell_columns(const RevisionRows& rows) {
    for (const auto& [name, values] : rows.cell_columns) {
        const std::string_view type = cell_column_type(name);
        if (type.empty()) {
            return fail(ErrorCode::invalid_input, "table cell has no column '" + name + "'");
        }
        if (values.size() != rows.obs->row_count()) {
            return fail(ErrorCode::invalid_input,
                        fmt::format("column {} of table cell has {} values for {} cells", name,
                                    values.size(), rows.obs->row_count()));
        }
        for (const auto& value : values) {
            if (has_type(value, type)) continue;
            return fail(ErrorCode::invalid_input,
                        fmt::format("column {} of table cell takes {} only", name, type));
        }
    }
    return {};
}

}  // namespace

Result<void> check_table_rows(std::string_view name, const std::vector<Row>& rows) {
    const BiologyTable* table = find_biology_table(name);
    if (table == nullptr) {
        return fail(ErrorCode::invalid_input, fmt::format("the warehouse has no table '{}'", name));
    }
    for (const auto& row : rows) {
        for (const auto& [column, value] : row) {
            const bool known = std::find(table->columns.begin(), table->columns.end(), column) !=
                               table->columns.end();
            if (known) continue;
            return fail(ErrorCode::invalid_input,
                        fmt::format("table {} has no column '{}'", name, column));
        }
    }
    return {};
}

Result<void> check_rows(const RevisionRows& rows) {
    if (rows.dataset.empty() || rows.revision.empty()) {
        return fail(ErrorCode::invalid_input, "a load needs a dataset and a revision");
    }
    if (rows.obs == nullptr || rows.var == nullptr) {
        return fail(ErrorCode::invalid_input, "a load needs obs and var");
    }
    const std::size_t cells = rows.obs->row_count();
    if ((!rows.cell_totals.empty() && rows.cell_totals.size() != cells) ||
        (!rows.genes_detected.empty() && rows.genes_detected.size() != cells)) {
        return fail(ErrorCode::invalid_input,
                    fmt::format("totals for {} and gene counts for {} of {} cells",
                                rows.cell_totals.size(), rows.genes_detected.size(), cells));
    }
    TRY(check_cell_columns(rows));
    for (const auto& [table, table_rows] : rows.biology) {
        TRY(check_table_rows(table, table_rows));
    }
    return {};
}

}  // namespace stroma::warehouse
