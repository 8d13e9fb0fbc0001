#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"
#include "flow/engine_state.h"
#include "flow/stored_outputs.h"

// Outputs on their way to the archive and back. A copy is made and read again before the database
// says that it counts, and only then the other goes: whatever is cut off leaves one whole output,
// and what is too much is swept away at the next start.

namespace stroma::flow {
namespace {

constexpr std::int64_t tried_again_ms = 600'000;
constexpr Milliseconds after_trouble{1000};
constexpr Milliseconds stay_max{3650LL * 24 * 3600 * 1000};

void count_moved(const char* way, std::uint64_t bytes) {
    counter("stroma_pipeline_archive_bytes_total", "Bytes of outputs moved", {{"way", way}})
        .add(static_cast<double>(bytes));
    counter("stroma_pipeline_archive_outputs_total", "Outputs moved", {{"way", way}}).add();
}

bool is_wanted(const Shelved& one, std::string_view stage, std::string_view item) {
    return (stage.empty() || one.stage == stage) && (item.empty() || one.item == item);
}

tl::unexpected<Error> nothing_of(const Run& run, std::string_view stage, std::string_view item) {
    return fail(ErrorCode::not_found,
                fmt::format("run '{}' has made nothing{}{}", run.name,
                            stage.empty() ? "" : fmt::format(" of a stage '{}'", stage),
                            item.empty() ? "" : fmt::format(" for '{}'", item)));
}

}  // namespace

std::set<std::string> Engine::State::used_keys() const {
    std::set<std::string> used;
    for (const auto& [id, run] : live)
        for (const auto& [number, task] : run.tasks) used.insert(task.record.key);
    return used;
}

Result<void> Engine::State::ask_back(sql::Connection& connection, const std::string& key,
                                     const std::string& run, Milliseconds stay) {
    TRY(connection.change(
        "INSERT INTO flow_restores(key, run, stay_ms, asked_ms) VALUES(?,?,?,?) ON CONFLICT(key, "
        "run) DO UPDATE SET stay_ms = excluded.stay_ms",
        {key, run, std::int64_t{stay.count()}, clock.unix_ms()}));
    archive_asked = true;
    return {};
}

/// What somebody waits for goes first.
Result<std::optional<Engine::State::Move>> Engine::State::next_move() {
    const auto connection = TRY(pool.take());
    const std::int64_t now = clock.unix_ms(), steady = clock.steady_ms();
    const std::set<std::string> used = used_keys();
    const auto first = [&](Move::Way way, const char* where, std::vector<sql::Value> values,
                           bool may_be_used) -> Result<std::optional<Move>> {
        const auto rows = TRY(connection->execute(
            fmt::format("SELECT key, manifest FROM flow_outputs o WHERE {}", where), values));
        while (TRY(rows->next())) {
            const std::string key = rows->text(0);
            if (!may_be_used && used.contains(key)) continue;
            if (const auto not_before = unmoved.find(key); not_before != unmoved.end()) {
                if (way != Move::Way::back && not_before->second > steady) continue;
                unmoved.erase(not_before);
            }
            return Move{key, way, TRY(Manifest::from_json(rows->text(1)))};
        }
        return std::nullopt;
    };
    if (auto move = TRY(first(
            Move::Way::back, "tier = 'cold' AND key IN (SELECT key FROM flow_restores)", {}, true)))
        return move;
    if (auto move = TRY(first(Move::Way::drop, "tier = 'restored' AND until_ms < ?", {now}, false)))
        return move;
    return first(Move::Way::away,
                 "tier = 'hot' AND (put_away OR (archive_ms > 0 AND used_ms + archive_ms < ?))",
                 {now}, false);
}

Result<void> Engine::State::went_away(const Move& move, const Result<std::uint64_t>& bytes) {
    if (!bytes) {
        if (bytes.error().code == ErrorCode::cancelled) return {};
        unmoved[move.key] = clock.steady_ms() + tried_again_ms;
        log(LogLevel::warning, "a pipeline's output could not be archived",
            {{"key", move.key}, {"error", bytes.error().message}});
        return {};
    }
    // A run may have come to need it meanwhile.
    if (used_keys().contains(move.key)) {
        cold.remove(move.key);
        return {};
    }
    const auto connection = TRY(pool.take());
    TRY(
        connection->change("UPDATE flow_outputs SET tier = 'cold', stored_bytes = ?, put_away = "
                           "FALSE, until_ms = 0 WHERE key = ?",
                           {static_cast<std::int64_t>(*bytes), move.key}));
    ++moves;
    TRY(store.remove(move.key));
    count_moved("away", move.manifest.bytes());
    changed();
    return {};
}

/// Each run that waits for nothing else any more is told.
Result<void> Engine::State::tell_restored(sql::Connection& connection, const Move& move,
                                          std::int64_t until_ms, const std::string& error) {
    std::vector<std::string> runs;
    {
        const auto rows =
            TRY(connection.execute("SELECT run FROM flow_restores WHERE key = ?", {move.key}));
        while (TRY(rows->next())) runs.push_back(rows->text(0));
    }
    TRY(connection.change("DELETE FROM flow_restores WHERE key = ?", {move.key}));
    for (const std::string& run : runs) {
        RunEvent event{.at_ms = clock.unix_ms(), .kind = "restored", .run = run};
        if (!error.empty()) {
            event.kind = "restore failed";
            event.detail = Json{{"key", move.key}, {"error", error}}.dump();
            TRY(records::add_event(connection, event));
            continue;
        }
        const auto rows =
            TRY(connection.execute("SELECT count(*) FROM flow_restores WHERE run = ?", {run}));
        if (!TRY(rows->next()) || rows->integer(0) > 0) continue;
        event.detail = Json{{"until", iso_time(until_ms)}}.dump();
        TRY(records::add_event(connection, event));
    }
    return {};
}

Result<void> Engine::State::came_back(const Move& move, const Result<void>& copied) {
    if (!copied && copied.error().code == ErrorCode::cancelled) return {};
    return write([&](sql::Connection& connection) -> Result<void> {
        const std::int64_t now = clock.unix_ms();
        const auto waiting = awaiting.extract(move.key);
        if (!copied) {
            log(LogLevel::error, "an output could not be brought back from the archive",
                {{"key", move.key}, {"error", copied.error().message}});
            TRY(tell_restored(connection, move, 0, copied.error().message));
            if (waiting)
                for (const std::int64_t id : waiting.mapped())
                    if (const auto [run, task] = find_task(id); task != nullptr)
                        TRY(dead(connection, *run, *task, copied.error().message));
            // What is damaged is computed again by whoever needs it next.
            if (copied.error().code == ErrorCode::corrupt)
                TRY(connection.change("DELETE FROM flow_outputs WHERE key = ?", {move.key}));
            return {};
        }
        const std::int64_t stay = TRY(records::integer(
            connection, "SELECT coalesce(max(stay_ms), 0) FROM flow_restores WHERE key = ?",
            {move.key}));
        TRY(connection.change(
            "UPDATE flow_outputs SET tier = 'restored', until_ms = ?, used_ms = ? WHERE key = ?",
            {now + stay, now, move.key}));
        ++moves;
        count_moved("back", move.manifest.bytes());
        TRY(tell_restored(connection, move, now + stay, ""));
        if (waiting)
            for (const std::int64_t id : waiting.mapped())
                if (const auto [run, task] = find_task(id); task != nullptr)
                    run->to_settle.push_back(id);
        return {};
    });
}

Result<bool> Engine::State::move_one(const std::function<bool()>& cancelled) {
    const std::lock_guard one_at_a_time(moving_mutex);
    const auto held = TRY(OutputsHeld::try_take(options.folder));
    if (!held) return fail(ErrorCode::unavailable, "a backup holds outputs where they are");
    std::unique_lock lock(mutex);
    archive_asked = false;
    const auto move = TRY(next_move());
    if (!move) return false;
    if (move->way == Move::Way::drop) {
        const auto connection = TRY(pool.take());
        TRY(connection->change(
            "UPDATE flow_outputs SET tier = 'cold', put_away = FALSE WHERE key = ?", {move->key}));
        ++moves;
        TRY(store.remove(move->key));
        changed();
        return true;
    }
    moving = move->key;
    lock.unlock();
    if (move->way == Move::Way::away) {
        const auto bytes = cold.put(move->key, move->manifest, store.path_of(move->key), cancelled);
        lock.lock();
        moving.clear();
        TRY(went_away(*move, bytes));
        return !cancelled();
    }
    const fs::path half = store.path_of(move->key).string() + ".back";
    auto copied = make_folders(half.parent_path());
    if (copied) copied = cold.take_out(move->key, move->manifest, half, cancelled);
    lock.lock();
    moving.clear();
    if (copied) copied = store.put(move->key, half);
    TRY(came_back(*move, copied));
    return !cancelled();
}

void Engine::State::archivist(const std::stop_token& stop) {
    const auto stopping = [&] { return stop.stop_requested(); };
    while (!stopping()) {
        const auto moved = move_one(stopping);
        const bool is_held = !moved && moved.error().code == ErrorCode::unavailable;
        if (!moved && !is_held)
            log(LogLevel::warning, "outputs of pipelines could not be archived or brought back",
                {{"error", moved.error().message}});
        else if (moved && *moved)
            continue;
        std::unique_lock lock(mutex);
        if (moved)
            wake.wait_for(lock, stop, options.shelf_look, [&] { return archive_asked; });
        else
            wake.wait_for(lock, stop, after_trouble, [] { return false; });
    }
}

Result<void> Engine::work_off_archive(const std::function<bool()>& cancelled) {
    while (TRY(state_->move_one(cancelled))) {
    }
    return cancelled() ? fail(ErrorCode::cancelled, "it goes on with the same command")
                       : Result<void>{};
}

std::uint64_t Engine::moves() const { return state_->moves; }

Result<std::vector<Shelved>> Engine::shelf(std::string_view id) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT t.stage, t.item, o.key, o.tier, o.bytes, o.stored_bytes, o.until_ms, (SELECT "
        "count(*) FROM flow_restores r WHERE r.key = o.key) FROM flow_tasks t JOIN flow_outputs o "
        "ON o.key = t.key WHERE t.run = ? AND t.state IN ('done', 'review') ORDER BY t.id",
        {std::string(id)}));
    std::vector<Shelved> shelf;
    while (TRY(rows->next())) {
        Shelved one{.stage = rows->text(0), .item = rows->text(1), .key = rows->text(2)};
        one.tier = tier_named(rows->text(3));
        if (one.tier == Tier::cold && rows->integer(7) > 0) one.tier = Tier::restoring;
        one.bytes = static_cast<std::uint64_t>(rows->integer(4));
        one.stored_bytes = static_cast<std::uint64_t>(rows->integer(5));
        one.until_ms = rows->integer(6);
        shelf.push_back(std::move(one));
    }
    return shelf;
}

Result<int> Engine::put_away(std::string_view id, std::string_view stage, std::string_view item) {
    const Run run = TRY(find(id));
    if (run.state == RunState::running)
        return fail(ErrorCode::conflict,
                    fmt::format("run '{}' goes on; archive it when it is over", run.name));
    const auto shelf = TRY(this->shelf(run.id));
    const std::lock_guard lock(state_->mutex);
    const auto connection = TRY(state_->pool.take());
    int found = 0, put = 0;
    const auto mark_all = [&]() -> Result<void> {
        for (const Shelved& one : shelf) {
            if (!is_wanted(one, stage, item)) continue;
            ++found;
            if (one.tier == Tier::cold) continue;
            ++put;
            state_->unmoved.erase(one.key);
            // One that came back for a while goes at once.
            TRY(
                connection->change("UPDATE flow_outputs SET put_away = TRUE, until_ms = 0 WHERE "
                                   "key = ?",
                                   {one.key}));
        }
        return {};
    };
    TRY(connection->in_transaction(mark_all));
    if (found == 0) return nothing_of(run, stage, item);
    state_->archive_asked = true;
    state_->changed();
    return put;
}

Result<int> Engine::bring_back(std::string_view id, std::string_view stage, std::string_view item,
                               Milliseconds stay) {
    if (stay < Milliseconds{1} || stay > stay_max)
        return fail(ErrorCode::invalid_input,
                    "it may stay for up to 3650 days, and more than none");
    const Run run = TRY(find(id));
    const auto shelf = TRY(this->shelf(run.id));
    const std::lock_guard lock(state_->mutex);
    const auto connection = TRY(state_->pool.take());
    const std::int64_t until = state_->clock.unix_ms() + stay.count();
    int found = 0, asked = 0;
    const auto ask_all = [&]() -> Result<void> {
        for (const Shelved& one : shelf) {
            if (!is_wanted(one, stage, item)) continue;
            ++found;
            if (one.tier == Tier::restored)
                TRY(
                    connection->change("UPDATE flow_outputs SET until_ms = ?, put_away = FALSE "
                                       "WHERE key = ? AND until_ms < ?",
                                       {until, one.key, until}));
            if (one.tier != Tier::cold && one.tier != Tier::restoring) continue;
            ++asked;
            TRY(state_->ask_back(*connection, one.key, run.id, stay));
        }
        return {};
    };
    TRY(connection->in_transaction(ask_all));
    if (found == 0) return nothing_of(run, stage, item);
    state_->changed();
    return asked;
}

Result<ArchiveSums> Engine::archive_sums() {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT tier, count(*), sum(bytes), sum(stored_bytes) FROM flow_outputs GROUP BY tier"));
    ArchiveSums sums;
    while (TRY(rows->next())) {
        const Tier tier = tier_named(rows->text(0));
        const std::int64_t count = rows->integer(1);
        const auto bytes = static_cast<std::uint64_t>(rows->integer(2));
        (tier == Tier::hot ? sums.hot : tier == Tier::cold ? sums.cold : sums.restored) = count;
        (tier == Tier::cold ? sums.cold_bytes : sums.hot_bytes) += bytes;
        sums.stored_bytes += static_cast<std::uint64_t>(rows->integer(3));
    }
    sums.restoring =
        TRY(records::integer(*connection, "SELECT count(DISTINCT key) FROM flow_restores"));
    return sums;
}

}  // namespace stroma::flow
