#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "explorer/explorer.h"

namespace stroma::explorer {

/// Cells as runs [first, one past the last).
using CellRuns = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

enum class ComparisonMethod : std::uint8_t { welch, wilcoxon, pseudobulk };
std::string_view name_of(ComparisonMethod method);
Result<ComparisonMethod> comparison_method_named(std::string_view name);
std::string_view name_of(expression::Scale scale);
Result<expression::Scale> scale_named(std::string_view name);

/// What is to be compared, and how.
struct ComparisonOrder {
    std::string revision, layer = "X";
    ComparisonMethod method = ComparisonMethod::welch;
    /// Unset: log_cp10k of counts (or whole numbers of no known unit), else as stored. A pseudobulk
    /// has its own.
    std::optional<expression::Scale> scale;
    CellRuns a;
    std::optional<CellRuns> b;  ///< unset: all cells that aren't in `a`
    std::string donor_column;   ///< of obs, for a pseudobulk
    /// For a pseudobulk: by the donors that are on both sides, or by all of each side. Unset:
    /// paired when every donor that is used is on both sides.
    std::optional<bool> paired;
};

/// Runs rising, joined and apart. errors  invalid_input  an empty or backward run, a cell that
/// isn't there or comes twice: begins with "at /<set>"
Result<CellRuns> settled_runs(CellRuns runs, std::uint64_t cells, std::string_view set);
/// What a layer's values are taken for where nobody says: log_cp10k of counts (or whole numbers of
/// no known unit), else as stored.
expression::Scale usual_scale(const expression::MatrixSummary& layer);

/// The order in its one spelling: runs rising and apart, the scale set, `b` unset where it is all
/// the rest. errors  not_found  no such layer or column
///                   invalid_input  an empty or backward run, a cell that isn't there or comes
///                                  twice, a donor column where none is used or none where one is
Result<ComparisonOrder> settled(ComparisonOrder order, const RevisionData& data);
/// The hash of a settled order: the same for ever for the same question.
std::string id_of(const ComparisonOrder& order);

std::string to_json(const ComparisonOrder& order);
Result<ComparisonOrder> comparison_order_of(std::string_view json);

/// The cells that have one of those labels in a categorical, boolean or text column of obs.
/// not_found names the column or label that isn't there
Result<CellRuns> cells_labelled(const RevisionData& data, std::string_view column,
                                const std::vector<std::string>& labels);
std::vector<std::uint32_t> cells_of(const CellRuns& runs);

}  // namespace stroma::explorer
