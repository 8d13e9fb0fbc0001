#include <fmt/format.h>

#include "base/log.h"
#include "base/threads.h"
#include "flow/engine_state.h"
#include "flow/stored_outputs.h"

// What happens by itself: inputs are hashed, leases end, outputs expire.

namespace stroma::flow {
namespace {

constexpr Milliseconds look{200};
constexpr std::int64_t events_kept_ms = 30LL * 24 * 3600 * 1000;

void warn(std::string_view what, const Result<void>& result) {
    if (!result) log(LogLevel::warning, what, {{"error", result.error().message}});
}

}  // namespace

/// Hashes the run's files without the lock; then its first tasks are made.
Result<void> Engine::State::prepare(std::unique_lock<std::mutex>& lock, const std::string& id) {
    std::vector<InputFile> files = live.at(id).files;
    lock.unlock();
    const auto hashed = parallel_for(files.size(), [&](std::size_t i) -> Result<void> {
        if (!files[i].hash.empty()) return {};
        const auto connection = TRY(pool.take());
        TRY(hash_of(*connection, files[i]));
        return {};
    });
    lock.lock();
    const auto found = live.find(id);
    if (found == live.end()) return {};
    return write([&](sql::Connection& connection) -> Result<void> {
        LiveRun& run = found->second;
        if (run.cancel_asked) return {};
        run.is_prepared = true;
        if (!hashed) {
            run.is_over = true;
            run.record.state = RunState::failed;
            run.record.error = hashed.error().message;
            run.record.ended_ms = clock.unix_ms();
            TRY(note_event(connection, "failed", run, nullptr, {{"error", run.record.error}}));
        } else {
            run.files = files;
            run.record.inputs = inputs_json(files);
        }
        return records::put_run(connection, run.record);
    });
}

/// Outputs that nobody has used for their time to live and no run that goes on may need.
Result<void> Engine::State::expire_outputs() {
    const auto held = TRY(OutputsHeld::try_take(options.folder));
    if (!held) return {};
    std::vector<std::string> keys;
    const auto connection = TRY(pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT key FROM flow_outputs WHERE ttl_ms > 0 AND used_ms + ttl_ms < ?",
        {clock.unix_ms()}));
    // The last one stays: numbers go on from it.
    TRY(connection->change(
        "DELETE FROM flow_events WHERE at_ms < ? AND seq < (SELECT max(seq) FROM "
        "flow_events)",
        {clock.unix_ms() - events_kept_ms}));
    while (TRY(rows->next())) keys.push_back(rows->text(0));
    const std::set<std::string> used = used_keys();
    for (const std::string& key : keys) {
        if (used.contains(key) || key == moving) continue;
        TRY(connection->change("DELETE FROM flow_outputs WHERE key = ?", {key}));
        TRY(connection->change("DELETE FROM flow_restores WHERE key = ?", {key}));
        TRY(store.remove(key));
        cold.remove(key);
        log(LogLevel::info, "a pipeline's output has expired", {{"key", key}});
    }
    return {};
}

void Engine::State::steward(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
        std::string next;
        for (const auto& [id, run] : live)
            if (!run.is_prepared && next.empty()) next = id;
        if (!next.empty()) {
            warn("a run's inputs could not be read", prepare(lock, next));
            continue;
        }
        warn("leases of pipelines' tasks could not be ended", end_leases());
        if (clock.steady_ms() - expired_ms > options.shelf_look.count()) {
            expired_ms = clock.steady_ms();
            warn("outputs of pipelines could not expire", expire_outputs());
        }
        const std::uint64_t seen = changes;
        wake.wait_for(lock, stop, look, [&] { return changes != seen; });
    }
}

}  // namespace stroma::flow
