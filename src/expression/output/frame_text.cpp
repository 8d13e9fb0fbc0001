#include "expression/output/frame_text.h"

#include "expression/output/number_text.h"

namespace stroma::expression {

Bytes frame_text(const Frame& frame, std::string_view index_name, char separator) {
    std::string text;
    append_field(text, index_name, separator, Quoting::formulas);
    std::vector<const Column*> columns;
    for (const Column& column : frame.columns)
        if (column.name != index_name) columns.push_back(&column);
    for (const Column* column : columns) {
        text += separator;
        append_field(text, column->name, separator, Quoting::formulas);
    }
    text += '\n';
    for (std::size_t row = 0; row < frame.row_count(); ++row) {
        append_field(text, frame.index[row], separator, Quoting::formulas);
        for (const Column* column : columns) {
            text += separator;
            if (column->is_numeric()) {
                text += column->text(row);
            } else {
                append_field(text, column->text(row), separator, Quoting::formulas);
            }
        }
        text += '\n';
    }
    return to_bytes(text);
}

const Column* gene_name_column(const Frame& var) {
    for (const std::string_view name : {"featurename", "feature_name", "gene_name", "gene_names",
                                        "gene_symbol", "gene_symbols", "symbol", "Gene", "name"})
        if (const Column* column = var.find(name)) return column;
    return nullptr;
}

}  // namespace stroma::expression
