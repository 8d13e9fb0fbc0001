#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/usual_or_tiny.h"
#include "expression/annotated_data.h"
#include "expression/frame.h"
#include "expression/output/output_files.h"

namespace stroma::expression {

/// Rows of a table that are packed as one piece: whoever writes the same table by another way cuts
/// it there too, so that its bytes are the same.
constexpr std::uint64_t table_rows_a_piece = usual_or_tiny(4096u, 3u);

/// How a frame becomes a table of text.
struct TableForm {
    std::string_view index_name;  ///< the first column's name
    char separator = ',';
    bool gzip = false;  ///< as gzip members, made on all cores
};

/// Adds a frame to `files` as a table: a header line of the index's name and the columns' names,
/// then a line for each row. A column of the index's name is left out. Numbers in their shortest
/// form, booleans True and False, nothing where a value is missing; text that looks like a formula
/// is quoted. Memory is that of a few thousand rows.
/// errors  cancelled, and those of writing
Result<void> add_table(OutputFiles& files, std::string_view name, const Frame& frame,
                       const TableForm& form, const Watch& watch);

/// Packs the text of a table's piece for `files`, as a gzip member of its own where asked.
void pack_table_piece(const OutputFiles& files, std::string_view text, bool gzip,
                      PackedPiece& piece);

/// The first of var's columns that holds gene names ("featurename", "feature_name" and the like),
/// or nullptr.
const Column* gene_name_column(const Frame& var);

}  // namespace stroma::expression
