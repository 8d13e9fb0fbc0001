#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "annotation/label_state.h"

// Labels as a table of cells: out, in, and from one revision to the next.

namespace stroma::annotation {

/// The ids of a revision's cells, in order.
struct CellIds {
    std::uint32_t count = 0;
    std::function<std::string_view(std::uint32_t)> id;
};

struct NamedState {
    std::string name;
    std::shared_ptr<const LabelState> state;
};

/// "cell_id" and a column for each; "" where a cell has no label. All cells, in their order.
std::string labels_to_csv(const CellIds& ids, const std::vector<NamedState>& columns);

/// One column of a table: some cells, rising, each with one of the labels or unassigned.
struct ListedLabels {
    std::string name;
    std::vector<std::string> labels;  ///< in the order of their first cell
    std::vector<std::uint32_t> cells;
    std::vector<std::int32_t> values;  ///< beside cells: places in `labels`, or unassigned
};

/// Reads a table whose first column holds cell ids. Cells that it lacks stay as they are; an empty
/// field and "unassigned" take a label away.
/// errors  invalid_input  cells that the revision lacks, that come twice, or whose id isn't theirs
///                        alone; rows of another width; names that are empty or come twice
Result<std::vector<ListedLabels>> labels_from_csv(std::string_view text, const CellIds& ids);

/// What became of the labelled cells of an older revision.
struct CarriedLabels {
    ListedLabels labels;                ///< over the new revision's cells
    std::uint64_t lost = 0;             ///< labelled cells that the new revision lacks
    std::vector<std::string> lost_ids;  ///< the first thousand of them
};
/// Finds the labelled cells again by their id.
/// errors  invalid_input  ids of a revision aren't distinct
Result<CarriedLabels> carried_over(const NamedState& column, const CellIds& from,
                                   const CellIds& to);

}  // namespace stroma::annotation
