#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "expression/annotated_data.h"
#include "expression/text/table.h"

namespace stroma::expression {

/// Which fields of a long table hold what; found in its first line.
struct LongColumns {
    std::size_t cell = 0, gene = 0, value = 0, count = 0;
    bool has_header = true;
};

/// The columns when the first line names one of each kind and the table has at most 12 columns,
/// or is an entry as the matrix service wrote them for its database: cell|gene|kind|value.
std::optional<LongColumns> find_long_columns(std::string_view first_line, const Dialect& dialect);

/// A long table, read once. Cells and genes are numbered as they first appear.
struct LongTable {
    TextArray cells, genes;
    Unit unit = Unit::unknown;
    std::unique_ptr<MatrixSource> source;
};
Result<LongTable> read_long_table(std::unique_ptr<TextInput> input, const Dialect& dialect,
                                  const LongColumns& columns, File* scratch);

}  // namespace stroma::expression
