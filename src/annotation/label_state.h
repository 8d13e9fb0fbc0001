#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "annotation/cell_bitmap.h"

// One column of labels in memory, and what changes it. Pure: no storage here.

namespace stroma::annotation {

inline constexpr std::size_t text_bytes_max = 200;  ///< of a label or a name
inline constexpr std::size_t labels_max = 10'000;   ///< ever made in one column
inline constexpr std::int32_t unassigned = -1;

/// Which label each cell has. A label's code is its place among all that ever were; that of a
/// removed one isn't used again.
struct LabelState {
    std::int64_t version = 0;                        ///< changes so far
    std::vector<std::optional<std::string>> labels;  ///< by code; unset: removed
    std::vector<std::int32_t> codes;                 ///< by cell, or unassigned
    std::vector<std::uint64_t> counts;               ///< cells by code

    explicit LabelState(std::uint32_t cells = 0) : codes(cells, unassigned) {}
    std::uint32_t cell_count() const { return static_cast<std::uint32_t>(codes.size()); }
    std::optional<std::int32_t> code_of(std::string_view label) const;
    /// The label's text; unset where nothing is assigned.
    std::optional<std::string> text_of(std::int32_t code) const;
};

/// Cells that go from one label to another.
struct CellMove {
    std::int32_t from = unassigned, to = unassigned;
    CellRuns cells;
};
/// A label that comes (no `before`), goes (no `after`) or is renamed.
struct LabelEdit {
    std::int32_t code = 0;
    std::optional<std::string> before, after;
};
/// What one change does. It says both sides, so that it can be taken back.
struct LabelChange {
    std::vector<LabelEdit> edits;
    std::vector<CellMove> moves;
    CellRuns conflicts;  ///< cells it was meant for but which another change had first

    bool is_empty() const { return edits.empty() && moves.empty(); }
    std::uint64_t moved_cells() const;
};

void apply(LabelState& state, const LabelChange& change);
/// Takes back the change that was applied last.
void take_back(LabelState& state, const LabelChange& change);

/// Each gives the change that would do it; none changes the state.
/// errors  not_found       no such label             already_exists  the new name is taken
///         invalid_input   a name that is no name    exhausted       more labels than labels_max
Result<LabelChange> assigned(const LabelState& state, const std::optional<std::string>& label,
                             const CellRuns& cells);
/// Each listed cell gets its own label: values[i] (a place in `labels`, or unassigned) for
/// cells[i], which rise. Every one of `labels` is made, also those that no cell gets.
Result<LabelChange> assigned_each(const LabelState& state, const std::vector<std::string>& labels,
                                  const std::vector<std::uint32_t>& cells,
                                  const std::vector<std::int32_t>& values);
Result<LabelChange> added(const LabelState& state, const std::string& label);
Result<LabelChange> renamed(const LabelState& state, const std::string& from,
                            const std::string& to);
/// All cells of the labels `from` go to `to`, which is made if need be; `from` goes.
Result<LabelChange> merged(const LabelState& state, const std::vector<std::string>& from,
                           const std::string& to);
/// Its cells are unassigned afterwards.
Result<LabelChange> removed(const LabelState& state, const std::string& label);
/// Takes a former change back where nothing changed since: other cells and names stay as they are
/// and cells are told in `conflicts`.
LabelChange undone(const LabelState& state, const LabelChange& former);

/// Three-way for each cell: what `mine` did to `base`, on top of `now`. A cell that was changed
/// since by others, to something else than mine, stays theirs and is told in `conflicts`. A label
/// that was renamed since keeps its new name.
/// errors  conflict  a label was renamed by both, or removed by one while the other used it
Result<LabelChange> merged_onto(const LabelState& now, const LabelState& base,
                                const LabelChange& mine);

/// The cells whose label differs, by (from, to) codes. Both have the same cells.
std::vector<CellMove> difference(const LabelState& from, const LabelState& to);

/// What cellxgene calls cells without a label; no label may be called so.
inline constexpr std::string_view unassigned_text = "unassigned";

/// invalid_input unless 1 to 200 bytes without control characters or blanks at an end.
Result<void> check_text(std::string_view what, std::string_view text);

/// The change as bytes with a checksum over them and their place (`seed`), and back. corrupt
std::string to_bytes(const LabelChange& change, std::uint64_t seed);
Result<LabelChange> label_change_of(std::string_view bytes, std::uint64_t seed,
                                    std::uint32_t cells);

}  // namespace stroma::annotation
