#include "expression/output/frame_text.h"

#include "expression/output/deflate.h"
#include "expression/output/matrix_lines.h"
#include "expression/output/number_text.h"
#include "expression/output/ordered_work.h"

namespace stroma::expression {
namespace {

constexpr int gzip_level = 1;

std::string header_text(std::span<const Column* const> columns, const TableForm& form) {
    std::string text;
    append_field(text, form.index_name, form.separator, Quoting::formulas);
    for (const Column* column : columns) {
        text += form.separator;
        append_field(text, column->name, form.separator, Quoting::formulas);
    }
    text += '\n';
    return text;
}

void append_rows(std::string& text, const Frame& frame, std::span<const Column* const> columns,
                 LineRange rows, char separator) {
    for (std::uint64_t row = rows.first; row < rows.first + rows.count; ++row) {
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
}

}  // namespace

Result<void> add_table(OutputFiles& files, std::string_view name, const Frame& frame,
                       const TableForm& form, const Watch& watch) {
    std::vector<const Column*> columns;
    for (const Column& column : frame.columns)
        if (column.name != form.index_name) columns.push_back(&column);
    auto ranges = ranges_of_lines(frame.row_count(), table_rows_a_piece);
    if (ranges.empty()) ranges.push_back({0, 0});

    std::vector<PackedPiece> pieces(slots_for(table_rows_a_piece * 64 * (columns.size() + 1)));
    const auto make = [&](std::size_t i, std::size_t slot) -> Result<void> {
        std::string text = i == 0 ? header_text(columns, form) : "";
        append_rows(text, frame, columns, ranges[i], form.separator);
        pack_table_piece(files, text, form.gzip, pieces[slot]);
        return {};
    };
    const auto take = [&](std::size_t, std::size_t slot) { return files.append(pieces[slot]); };
    TRY(files.begin(name));
    TRY(run_in_order(ranges.size(), pieces.size(), watch, make, take));
    return files.end();
}

void pack_table_piece(const OutputFiles& files, std::string_view text, bool gzip,
                      PackedPiece& piece) {
    Bytes bytes = to_bytes(text);
    if (gzip) deflate_whole(as_bytes(text), Deflated::gzip, gzip_level, bytes);
    files.pack(bytes, piece);
}

const Column* gene_name_column(const Frame& var) {
    for (const std::string_view name : {"featurename", "feature_name", "gene_name", "gene_names",
                                        "gene_symbol", "gene_symbols", "symbol", "Gene", "name"})
        if (const Column* column = var.find(name)) return column;
    return nullptr;
}

}  // namespace stroma::expression
