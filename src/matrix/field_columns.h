#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "expression/frame.h"
#include "warehouse/warehouse.h"

namespace stroma::matrix {

/// How the matrix service wrote its cell and gene tables, or the columns as they are.
enum class TableLayout { plain, matrix_service };

/// The named columns of the view `cells` for the selected cells, in their order. The index is the
/// cell's key (matrix_service) or its id (plain). In the service's layout booleans are t/f and
/// total_umis is a float.
/// errors  invalid_input  an unknown field: names it
///         conflict       another revision became current since the cells were selected
Result<expression::Frame> field_columns(warehouse::Warehouse& warehouse,
                                        const std::vector<warehouse::SelectedCells>& selected,
                                        const std::vector<std::string>& fields, TableLayout layout);

/// The eight columns of the table `feature` for those genes of the selected datasets, in their
/// order; a gene that the table doesn't know keeps its own name and is a gene or not as told.
Result<expression::Frame> feature_columns(warehouse::Warehouse& warehouse,
                                          const std::vector<warehouse::SelectedCells>& selected,
                                          const expression::Frame& var, bool are_genes);

}  // namespace stroma::matrix
