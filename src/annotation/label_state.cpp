#include "annotation/label_state.h"

#include <algorithm>
#include <cassert>
#include <map>

namespace stroma::annotation {
namespace {

using Moves = std::map<std::pair<std::int32_t, std::int32_t>, CellRuns>;

std::vector<CellMove> listed(Moves&& moves) {
    std::vector<CellMove> list;
    for (auto& [way, cells] : moves) list.push_back({way.first, way.second, std::move(cells)});
    return list;
}

tl::unexpected<Error> no_label(const std::string& label) {
    return fail(ErrorCode::not_found, "there is no label '" + label + "'");
}

Result<void> check_label(std::string_view label) {
    TRY(check_text("label", label));
    if (label == unassigned_text)
        return fail(ErrorCode::invalid_input,
                    "'unassigned' is what cells without a label are; no label is called so");
    return {};
}

/// The label's code; a new one, with its edit, when it isn't there.
Result<std::int32_t> code_for(const LabelState& state, const std::string& label,
                              LabelChange& change) {
    TRY(check_label(label));
    if (const auto code = state.code_of(label)) return *code;
    for (const LabelEdit& edit : change.edits)
        if (edit.after == label) return edit.code;
    const std::size_t made = static_cast<std::size_t>(
        std::count_if(change.edits.begin(), change.edits.end(),
                      [](const LabelEdit& edit) { return !edit.before.has_value(); }));
    const std::size_t next = state.labels.size() + made;
    if (next >= labels_max)
        return fail(ErrorCode::exhausted, "a column holds at most " + std::to_string(labels_max) +
                                              " labels, those removed counted");
    const auto code = static_cast<std::int32_t>(next);
    change.edits.push_back({code, std::nullopt, label});
    return code;
}

void move_to(const LabelState& state, std::uint32_t cell, std::int32_t to, Moves& moves) {
    const std::int32_t from = state.codes[cell];
    if (from != to) add_cell(moves[{from, to}], cell);
}

void move_cells(LabelState& state, const CellMove& move, bool back) {
    const std::int32_t from = back ? move.to : move.from, to = back ? move.from : move.to;
    for (const auto& [first, end] : move.cells)
        std::fill(state.codes.begin() + first, state.codes.begin() + end, to);
    const std::uint64_t count = cell_count(move.cells);
    if (from != unassigned) state.counts[static_cast<std::size_t>(from)] -= count;
    if (to != unassigned) state.counts[static_cast<std::size_t>(to)] += count;
}

/// All cells of those codes to one other, and the codes gone.
void empty_labels(const LabelState& state, const std::vector<std::int32_t>& codes, std::int32_t to,
                  LabelChange& change) {
    std::vector<bool> goes(state.labels.size());
    for (const std::int32_t code : codes) {
        const auto at = static_cast<std::size_t>(code);
        if (goes[at]) continue;
        goes[at] = true;
        change.edits.push_back({code, state.labels[at], std::nullopt});
    }
    Moves moves;
    for (std::uint32_t cell = 0; cell < state.cell_count(); ++cell) {
        const std::int32_t code = state.codes[cell];
        if (code != unassigned && goes[static_cast<std::size_t>(code)])
            move_to(state, cell, to, moves);
    }
    change.moves = listed(std::move(moves));
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char letter) {
        return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f;
    });
}

}  // namespace

std::optional<std::int32_t> LabelState::code_of(std::string_view label) const {
    for (std::size_t code = 0; code < labels.size(); ++code)
        if (labels[code] == label) return static_cast<std::int32_t>(code);
    return std::nullopt;
}

std::optional<std::string> LabelState::text_of(std::int32_t code) const {
    return code == unassigned ? std::nullopt : labels[static_cast<std::size_t>(code)];
}

std::uint64_t LabelChange::moved_cells() const {
    std::uint64_t count = 0;
    for (const CellMove& move : moves) count += cell_count(move.cells);
    return count;
}

Result<void> check_text(std::string_view what, std::string_view text) {
    const std::string name(what);
    if (text.empty() || text.size() > text_bytes_max)
        return fail(ErrorCode::invalid_input,
                    "a " + name + " has 1 to " + std::to_string(text_bytes_max) + " bytes");
    if (has_control_character(text))
        return fail(ErrorCode::invalid_input, "a " + name + " has no control characters");
    if (text.front() == ' ' || text.back() == ' ')
        return fail(ErrorCode::invalid_input,
                    "the " + name + " '" + std::string(text) + "' has a blank at an end");
    return {};
}

void apply(LabelState& state, const LabelChange& change) {
    for (const LabelEdit& edit : change.edits) {
        const auto code = static_cast<std::size_t>(edit.code);
        if (code >= state.labels.size()) state.labels.resize(code + 1);
        state.labels[code] = edit.after;
    }
    state.counts.resize(state.labels.size());
    for (const CellMove& move : change.moves) move_cells(state, move, false);
    ++state.version;
}

void take_back(LabelState& state, const LabelChange& change) {
    for (const CellMove& move : change.moves) move_cells(state, move, true);
    for (const LabelEdit& edit : change.edits)
        state.labels[static_cast<std::size_t>(edit.code)] = edit.before;
    --state.version;
}

Result<LabelChange> assigned(const LabelState& state, const std::optional<std::string>& label,
                             const CellRuns& cells) {
    LabelChange change;
    const std::int32_t to = label ? TRY(code_for(state, *label, change)) : unassigned;
    Moves moves;
    for (const auto& [first, end] : cells)
        for (std::uint32_t cell = first; cell < end; ++cell) move_to(state, cell, to, moves);
    change.moves = listed(std::move(moves));
    return change;
}

Result<LabelChange> assigned_each(const LabelState& state, const std::vector<std::string>& labels,
                                  const std::vector<std::uint32_t>& cells,
                                  const std::vector<std::int32_t>& values) {
    LabelChange change;
    std::vector<std::int32_t> codes;
    for (const std::string& label : labels) codes.push_back(TRY(code_for(state, label, change)));
    Moves moves;
    for (std::size_t i = 0; i < cells.size(); ++i)
        move_to(state, cells[i],
                values[i] == unassigned ? unassigned : codes[static_cast<std::size_t>(values[i])],
                moves);
    change.moves = listed(std::move(moves));
    return change;
}

Result<LabelChange> added(const LabelState& state, const std::string& label) {
    if (state.code_of(label))
        return fail(ErrorCode::already_exists, "there is a label '" + label + "' already");
    LabelChange change;
    TRY(code_for(state, label, change));
    return change;
}

Result<LabelChange> renamed(const LabelState& state, const std::string& from,
                            const std::string& to) {
    TRY(check_label(to));
    const auto code = state.code_of(from);
    if (!code) return no_label(from);
    if (from == to) return LabelChange{};
    if (state.code_of(to))
        return fail(ErrorCode::already_exists,
                    "there is a label '" + to + "' already; merge the two instead");
    return LabelChange{{{*code, from, to}}, {}, {}};
}

Result<LabelChange> merged(const LabelState& state, const std::vector<std::string>& from,
                           const std::string& to) {
    LabelChange change;
    std::vector<std::int32_t> codes;
    for (const std::string& label : from) {
        const auto code = state.code_of(label);
        if (!code) return no_label(label);
        if (label != to) codes.push_back(*code);
    }
    const std::int32_t target = TRY(code_for(state, to, change));
    empty_labels(state, codes, target, change);
    return change;
}

Result<LabelChange> removed(const LabelState& state, const std::string& label) {
    const auto code = state.code_of(label);
    if (!code) return no_label(label);
    LabelChange change;
    empty_labels(state, {*code}, unassigned, change);
    return change;
}

LabelChange undone(const LabelState& state, const LabelChange& former) {
    LabelChange change;
    for (const LabelEdit& edit : former.edits) {
        const auto code = static_cast<std::size_t>(edit.code);
        const bool name_is_taken = edit.before && state.code_of(*edit.before);
        if (state.labels[code] == edit.after && edit.before && !name_is_taken)
            change.edits.push_back({edit.code, edit.after, edit.before});
    }
    Moves moves;
    std::vector<std::uint32_t> conflicts;
    std::vector<std::uint64_t> left = state.counts;
    const auto is_there = [&](std::int32_t code) {
        return code == unassigned || state.labels[static_cast<std::size_t>(code)] ||
               std::any_of(change.edits.begin(), change.edits.end(),
                           [&](const LabelEdit& edit) { return edit.code == code; });
    };
    for (const CellMove& move : former.moves)
        for (const auto& [first, end] : move.cells)
            for (std::uint32_t cell = first; cell < end; ++cell) {
                if (state.codes[cell] != move.to || !is_there(move.from)) {
                    conflicts.push_back(cell);
                    continue;
                }
                add_cell(moves[{move.to, move.from}], cell);
                if (move.to != unassigned) --left[static_cast<std::size_t>(move.to)];
            }
    // A label that the former change made goes with it, unless cells have it by now.
    for (const LabelEdit& edit : former.edits) {
        const auto code = static_cast<std::size_t>(edit.code);
        if (!edit.before && state.labels[code] == edit.after && left[code] == 0)
            change.edits.push_back({edit.code, edit.after, std::nullopt});
    }
    change.moves = listed(std::move(moves));
    std::sort(conflicts.begin(), conflicts.end());
    for (const std::uint32_t cell : conflicts) add_cell(change.conflicts, cell);
    return change;
}

namespace {

/// Codes of labels that mine makes, as they are called on top of `now`.
using NewCodes = std::map<std::int32_t, std::int32_t>;

Result<void> merge_edit(const LabelState& now, const LabelState& base, const LabelEdit& edit,
                        LabelChange& change, NewCodes& new_codes) {
    if (!edit.before) {
        const std::int32_t code = TRY(code_for(now, *edit.after, change));
        new_codes[edit.code] = code;
        return {};
    }
    const auto code = static_cast<std::size_t>(edit.code);
    if (now.labels[code] == edit.after) return {};
    if (now.labels[code] != base.labels[code])
        return fail(ErrorCode::conflict,
                    "the label '" + *edit.before + "' was changed by another at the same time");
    if (edit.after && now.code_of(*edit.after))
        return fail(ErrorCode::conflict, "another made a label '" + *edit.after +
                                             "' at the same time; merge the two instead");
    change.edits.push_back(edit);
    return {};
}

/// No cell may be left with a label that goes.
Result<void> check_emptied(const LabelState& now, const LabelChange& change) {
    for (const LabelEdit& edit : change.edits) {
        if (edit.after) continue;
        std::uint64_t left = now.counts[static_cast<std::size_t>(edit.code)];
        for (const CellMove& move : change.moves)
            if (move.from == edit.code) left -= annotation::cell_count(move.cells);
        if (left > 0)
            return fail(ErrorCode::conflict, "another labelled cells '" + edit.before.value_or("") +
                                                 "' at the same time");
    }
    return {};
}

}  // namespace

Result<LabelChange> merged_onto(const LabelState& now, const LabelState& base,
                                const LabelChange& mine) {
    LabelChange change;
    NewCodes new_codes;
    for (const LabelEdit& edit : mine.edits) TRY(merge_edit(now, base, edit, change, new_codes));
    Moves moves;
    std::vector<std::uint32_t> conflicts;
    for (const CellMove& move : mine.moves) {
        const auto renumbered = new_codes.find(move.to);
        const std::int32_t to = renumbered == new_codes.end() ? move.to : renumbered->second;
        const bool target_is_gone = to != unassigned &&
                                    static_cast<std::size_t>(to) < now.labels.size() &&
                                    !now.labels[static_cast<std::size_t>(to)];
        if (target_is_gone)
            return fail(ErrorCode::conflict, "the label '" + base.text_of(to).value_or("") +
                                                 "' was removed by another at the same time");
        for (const auto& [first, end] : move.cells)
            for (std::uint32_t cell = first; cell < end; ++cell) {
                if (now.codes[cell] == base.codes[cell])
                    move_to(now, cell, to, moves);
                else if (now.codes[cell] != to)
                    conflicts.push_back(cell);
            }
    }
    change.moves = listed(std::move(moves));
    std::sort(conflicts.begin(), conflicts.end());
    for (const std::uint32_t cell : conflicts) add_cell(change.conflicts, cell);
    TRY(check_emptied(now, change));
    return change;
}

std::vector<CellMove> difference(const LabelState& from, const LabelState& to) {
    assert(from.codes.size() == to.codes.size());
    Moves moves;
    for (std::uint32_t cell = 0; cell < to.cell_count(); ++cell)
        if (from.codes[cell] != to.codes[cell])
            add_cell(moves[{from.codes[cell], to.codes[cell]}], cell);
    return listed(std::move(moves));
}

}  // namespace stroma::annotation
