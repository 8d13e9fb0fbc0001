#include "annotation/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/digest.h"
#include "base/json.h"

namespace stroma::annotation {
namespace {

constexpr std::string_view select =
    "SELECT id, space, revision, name, cells, version, changed_ms FROM label_columns ";

LabelColumn column_in(const sql::Rows& rows) {
    return {rows.text(0),    {rows.text(1), rows.text(2)},
            rows.text(3),    static_cast<std::uint32_t>(rows.integer(4)),
            rows.integer(5), rows.integer(6)};
}

/// Binds a stored change to its place.
std::uint64_t seed_of(std::string_view column, std::int64_t version) {
    return checksum64(as_bytes(column), static_cast<std::uint64_t>(version));
}

/// What the history says: cells, from and to as texts. Both states have the texts of all codes.
std::string detail_of(const LabelChange& change, const LabelState& before, const LabelState& after,
                      std::int64_t undoes) {
    Json json{{"cells", change.moved_cells()}, {"moves", Json::array()}};
    for (const CellMove& move : change.moves)
        json["moves"].push_back({{"from", text_json(before.text_of(move.from))},
                                 {"to", text_json(after.text_of(move.to))},
                                 {"cells", cell_count(move.cells)}});
    json["labels"] = Json::array();
    for (const LabelEdit& edit : change.edits)
        json["labels"].push_back({{"from", text_json(edit.before)}, {"to", text_json(edit.after)}});
    if (!change.conflicts.empty()) json["conflicts"] = cell_count(change.conflicts);
    if (undoes != 0) json["undoes"] = undoes;
    return json.dump();
}

/// The state itself where nobody else has it, else a copy.
std::shared_ptr<LabelState> to_change(std::shared_ptr<const LabelState> state) {
    if (state.use_count() != 1) return std::make_shared<LabelState>(*state);
    std::atomic_thread_fence(std::memory_order_acquire);  // who looked at it last is done
    return std::const_pointer_cast<LabelState>(std::move(state));
}

tl::unexpected<Error> stale(const LabelColumn& now, std::int64_t base) {
    return fail(ErrorCode::conflict,
                fmt::format("the column '{}' is at version {}, not {}: another changed it",
                            now.name, now.version, base));
}

}  // namespace

void Labels::keep(const std::string& column, std::shared_ptr<const LabelState> state) {
    newest_first_.remove_if([&](const Kept& kept) { return kept.column == column; });
    newest_first_.push_front({column, std::move(state)});
    std::size_t cells = 0;
    for (auto kept = newest_first_.begin(); kept != newest_first_.end(); ++kept) {
        cells += kept->state->codes.size();
        if (cells <= kept_cells_max || kept == newest_first_.begin()) continue;
        newest_first_.erase(kept, newest_first_.end());
        return;
    }
}

Result<std::vector<LabelColumn>> Labels::columns(const LabelPlace& place) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        std::string(select) + "WHERE space = ? AND revision = ? AND removed_ms = 0 ORDER BY name",
        {place.space, place.revision}));
    std::vector<LabelColumn> columns;
    while (TRY(rows->next())) columns.push_back(column_in(*rows));
    return columns;
}

Result<std::optional<LabelColumn>> Labels::find(std::string_view id) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        std::string(select) + "WHERE id = ? AND removed_ms = 0", {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return column_in(*rows);
}

Result<LabelColumn> Labels::current(const LabelColumn& column) {
    if (auto found = TRY(find(column.id))) return *std::move(found);
    return fail(ErrorCode::not_found, "the column '" + column.name + "' was removed");
}

Result<LabelOutcome> Labels::create(const LabelPlace& place, std::string_view name,
                                    std::uint32_t cells, const Author& author,
                                    const LabelStep& first) {
    TRY(check_text("column's name", name));
    auto state = std::make_shared<LabelState>(cells);
    const LabelChange change = TRY(first.change(*state));
    apply(*state, change);
    LabelOutcome outcome{{"labels-" + ids_.uuid(), place, std::string(name), cells, 1, 0}, {}, {}};
    LabelColumn& column = outcome.column;
    const std::lock_guard lock(mutex_);
    const auto connection = TRY(pool_.take());
    column.changed_ms = clock_.unix_ms();
    outcome.entry = {1, author, column.changed_ms, first.kind,
                     detail_of(change, *state, *state, 0)};
    const auto work = [&]() -> Result<void> {
        const auto rows = TRY(connection->execute(
            "SELECT count(*), count(*) FILTER (WHERE name = ?) FROM label_columns WHERE space = ? "
            "AND revision = ? AND removed_ms = 0",
            {column.name, place.space, place.revision}));
        TRY(rows->next());
        if (rows->integer(1) > 0)
            return fail(ErrorCode::already_exists,
                        "there is a column '" + column.name + "' already");
        if (rows->integer(0) >= columns_max)
            return fail(ErrorCode::exhausted, fmt::format("a space holds at most {} columns over "
                                                          "one revision",
                                                          columns_max));
        TRY(connection->change(
            "INSERT INTO label_columns VALUES(?, ?, ?, ?, ?, 1, ?, 0, 0, CAST('' AS BLOB))",
            {column.id, place.space, place.revision, column.name, std::int64_t{cells},
             column.changed_ms}));
        TRY(connection->change(
            "INSERT INTO label_changes VALUES(?, 1, ?, ?, ?, ?, ?, CAST(? AS BLOB))",
            {column.id, author.id, author.name, column.changed_ms, first.kind, outcome.entry.detail,
             to_bytes(change, seed_of(column.id, 1))}));
        return {};
    };
    TRY(connection->in_transaction(work));
    keep(column.id, std::move(state));
    return outcome;
}

/// Adds the row and raises the column's version; its name may be a new one.
Result<HistoryEntry> Labels::write(LabelColumn& column, const Author& author,
                                   const Written& written) {
    const auto connection = TRY(pool_.take());
    const HistoryEntry entry{column.version + 1, author, clock_.unix_ms(), written.kind,
                             written.detail};
    const auto work = [&]() -> Result<void> {
        TRY(connection->change(
            "INSERT INTO label_changes VALUES(?, ?, ?, ?, ?, ?, ?, CAST(? AS BLOB))",
            {column.id, entry.version, author.id, author.name, entry.at_ms, entry.kind,
             entry.detail, written.bytes}));
        if (TRY(connection->change(
                "UPDATE label_columns SET name = ?, version = ?, changed_ms = ?, removed_ms = ? "
                "WHERE id = ? AND version = ? AND removed_ms = 0",
                {column.name, entry.version, entry.at_ms, written.removes ? entry.at_ms : 0,
                 column.id, column.version})) != 1)
            return fail(ErrorCode::conflict, "the column was changed by another process");
        return {};
    };
    TRY(connection->in_transaction(work));
    column.version = entry.version;
    column.changed_ms = entry.at_ms;
    return entry;
}

Result<LabelChange> Labels::change_for(const LabelColumn& now, const LabelBase& base,
                                       const LabelStep& step) {
    const auto state = TRY(state_locked(now));
    if (base.version == now.version) return step.change(*state);
    if (!base.merge) return stale(now, base.version);
    const auto old = TRY(older_locked(now, base.version));
    const LabelChange mine = TRY(step.change(*old));
    return merged_onto(*state, *old, mine);
}

Result<LabelOutcome> Labels::append(const LabelColumn& column, const LabelBase& base,
                                    const Author& author, const LabelStep& step) {
    const std::lock_guard lock(mutex_);
    LabelOutcome outcome{TRY(current(column)), {}, {}};
    LabelChange change = TRY(change_for(outcome.column, base, step));
    auto state = TRY(state_locked(outcome.column));
    LabelState texts;  // those after the change; no cells
    texts.labels = state->labels;
    apply(texts, {change.edits, {}, {}});
    const std::int64_t next = outcome.column.version + 1;
    outcome.entry = TRY(write(outcome.column, author,
                              {step.kind, detail_of(change, *state, texts, step.undoes),
                               to_bytes(change, seed_of(column.id, next))}));
    newest_first_.remove_if([&](const Kept& kept) { return kept.state == state; });
    auto after = to_change(std::move(state));
    apply(*after, change);
    outcome.conflicts = std::move(change.conflicts);
    keep(column.id, std::move(after));
    return outcome;
}

Result<LabelOutcome> Labels::undo(const LabelColumn& column, const LabelBase& base,
                                  const Author& author, std::int64_t version) {
    if (version < 1 || version > column.version)
        return fail(ErrorCode::not_found,
                    fmt::format("the column '{}' has no version {}", column.name, version));
    if (version == 1)
        return fail(ErrorCode::invalid_input,
                    "the first change made the column; remove the column instead");
    const LabelChange former = TRY(change_at(column, version));
    // What changed since is regarded by the undoing itself, so a stale base only needs leave.
    const std::int64_t known = base.merge ? TRY(current(column)).version : base.version;
    return append(
        column, {known, base.merge}, author,
        {"undo", [&](const LabelState& state) { return undone(state, former); }, version});
}

Result<LabelOutcome> Labels::rename(const LabelColumn& column, const LabelBase& base,
                                    const Author& author, std::string_view name) {
    TRY(check_text("column's name", name));
    const std::lock_guard lock(mutex_);
    LabelOutcome outcome{TRY(current(column)), {}, {}};
    if (base.version != outcome.column.version && !base.merge)
        return stale(outcome.column, base.version);
    for (const LabelColumn& other : TRY(columns(column.place)))
        if (other.name == name && other.id != column.id)
            return fail(ErrorCode::already_exists,
                        "there is a column '" + other.name + "' already");
    const auto state = TRY(state_locked(outcome.column));
    const Json detail{{"cells", 0}, {"name", {{"from", outcome.column.name}, {"to", name}}}};
    const std::int64_t next = outcome.column.version + 1;
    outcome.column.name = name;
    outcome.entry = TRY(
        write(outcome.column, author,
              {"rename_column", detail.dump(), to_bytes(LabelChange{}, seed_of(column.id, next))}));
    auto after = std::make_shared<LabelState>(*state);
    apply(*after, LabelChange{});
    keep(column.id, std::move(after));
    return outcome;
}

Result<void> Labels::remove(const LabelColumn& column, const LabelBase& base,
                            const Author& author) {
    const std::lock_guard lock(mutex_);
    LabelColumn now = TRY(current(column));
    if (base.version != now.version && !base.merge) return stale(now, base.version);
    const std::int64_t next = now.version + 1;
    TRY(write(now, author,
              {"remove_column", Json{{"cells", 0}}.dump(),
               to_bytes(LabelChange{}, seed_of(column.id, next)), true}));
    newest_first_.remove_if([&](const Kept& kept) { return kept.column == column.id; });
    return {};
}

Result<std::shared_ptr<const LabelState>> Labels::state(const LabelColumn& column) {
    const std::lock_guard lock(mutex_);
    return state_locked(TRY(current(column)));
}

Result<std::shared_ptr<const LabelState>> Labels::state_locked(const LabelColumn& column) {
    for (const Kept& kept : newest_first_)
        if (kept.column == column.id && kept.state->version == column.version) return kept.state;
    auto state = TRY_WITH(read_state(column), "the labels '" + column.name + "'");
    keep(column.id, state);
    return state;
}

Result<LabelState> Labels::read_snapshot(sql::Connection& connection, const LabelColumn& column) {
    LabelState state(column.cells);
    const auto rows = TRY(connection.execute(
        "SELECT snapshot_version, snapshot FROM label_columns WHERE id = ?", {column.id}));
    if (!TRY(rows->next()) || rows->integer(0) == 0) return state;
    const std::int64_t version = rows->integer(0);
    apply(state, TRY(label_change_of(rows->text(1), seed_of("snapshot of " + column.id, version),
                                     column.cells)));
    state.version = version;
    return state;
}

Result<std::shared_ptr<const LabelState>> Labels::read_state(const LabelColumn& column) {
    const auto connection = TRY(pool_.take());
    auto state = std::make_shared<LabelState>(TRY(read_snapshot(*connection, column)));
    const std::int64_t from = state->version;
    {
        const auto rows = TRY(connection->execute(
            "SELECT version, change FROM label_changes WHERE column_id = ? AND version > ? AND "
            "version <= ? ORDER BY version",
            {column.id, from, column.version}));
        while (TRY(rows->next()))
            apply(*state, TRY(label_change_of(rows->text(1), seed_of(column.id, rows->integer(0)),
                                              column.cells)));
    }
    if (state->version != column.version)
        return fail(ErrorCode::corrupt, "changes of a column of labels are missing");
    if (state->version - from <= replay_max) return state;
    LabelChange whole;
    whole.moves = difference(LabelState(column.cells), *state);
    for (std::size_t code = 0; code < state->labels.size(); ++code)
        whole.edits.push_back({static_cast<std::int32_t>(code), std::nullopt, state->labels[code]});
    TRY(connection->change(
        "UPDATE label_columns SET snapshot_version = ?, snapshot = CAST(? AS BLOB) WHERE id = ?",
        {state->version, to_bytes(whole, seed_of("snapshot of " + column.id, state->version)),
         column.id}));
    return state;
}

Result<LabelChange> Labels::change_at(const LabelColumn& column, std::int64_t version) {
    const auto connection = TRY(pool_.take());
    const auto rows =
        TRY(connection->execute("SELECT change FROM label_changes WHERE column_id = ? AND "
                                "version = ?",
                                {column.id, version}));
    if (!TRY(rows->next()))
        return fail(ErrorCode::not_found,
                    fmt::format("the column '{}' has no version {}", column.name, version));
    return label_change_of(rows->text(0), seed_of(column.id, version), column.cells);
}

Result<std::shared_ptr<const LabelState>> Labels::older_locked(const LabelColumn& column,
                                                               std::int64_t version) {
    if (version < 1 || version > column.version)
        return fail(ErrorCode::not_found,
                    fmt::format("the column '{}' has no version {}", column.name, version));
    const auto now = TRY(state_locked(column));
    if (version == column.version) return now;
    auto state = std::make_shared<LabelState>(*now);
    for (std::int64_t at = column.version; at > version; --at)
        take_back(*state, TRY(change_at(column, at)));
    return state;
}

Result<std::shared_ptr<const LabelState>> Labels::state_at(const LabelColumn& column,
                                                           std::int64_t version) {
    const std::lock_guard lock(mutex_);
    return older_locked(TRY(current(column)), version);
}

Result<std::vector<HistoryEntry>> Labels::history(const LabelColumn& column, std::int64_t since,
                                                  std::int64_t most) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT version, author, author_name, at_ms, kind, detail FROM label_changes WHERE "
        "column_id = ? AND version > ? ORDER BY version DESC LIMIT ?",
        {column.id, since, most}));
    return history_in(*rows);
}

}  // namespace stroma::annotation
