#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "warehouse/state.h"

namespace stroma::warehouse {

/// The columns that every dataset's cell table has before its obs columns o0, o1...
const std::vector<std::pair<std::string_view, std::string_view>>& cell_columns();  // name, type

/// Names that an obs column may not take in the view `obs`, and a var column in `var`.
std::span<const std::string_view> fixed_obs_names();
std::span<const std::string_view> fixed_var_names();

/// Writes store.cells_<loaded>, store.var_<loaded> and their frame_column lines. In the
/// connection's transaction.
Result<void> write_frames(Warehouse::State& state, sql::Connection& connection,
                          const RevisionRows& rows, std::int64_t dataset_no, std::int64_t loaded);

/// The biology rows that obs itself tells (donor_id, tissue, assay...), for what the revision's own
/// rows leave out. After write_frames(), in its transaction.
Result<BiologyRows> told_by_obs(sql::Connection& connection, const RevisionRows& rows,
                                std::int64_t loaded);

/// invalid_input when lengths, names or types of the rows don't fit.
Result<void> check_rows(const RevisionRows& rows);
/// invalid_input when there is no such table, or a row names a column that it hasn't.
Result<void> check_table_rows(std::string_view table, const std::vector<Row>& rows);
/// Whether cells below 100 molecules count as not called: Optimus bundles.
bool is_called_by_total(const RevisionRows& rows);

}  // namespace stroma::warehouse
