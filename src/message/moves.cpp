#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/log.h"
#include "message/queue_attributes.h"
#include "message/queues.h"
#include "message/queues_state.h"

namespace stroma::message {
namespace {

constexpr std::int64_t batch_of_a_move = 200;
constexpr const char* move_columns =
    "id, source, destination, rate, to_move, moved, state, reason, started_ms";

MoveTask move_of(const sql::Rows& rows) {
    return {.id = rows.text(0),
            .source = rows.text(1),
            .destination = rows.text(2),
            .rate = rows.integer(3),
            .to_move = rows.integer(4),
            .moved = rows.integer(5),
            .state = rows.text(6),
            .reason = rows.text(7),
            .started_ms = rows.integer(8)};
}

Result<std::vector<MoveTask>> moves_where(sql::Connection& connection, std::string_view condition,
                                          std::initializer_list<sql::Value> values) {
    const auto rows = TRY(connection.execute(
        fmt::format("SELECT {} FROM message_moves WHERE {}", move_columns, condition), values));
    std::vector<MoveTask> tasks;
    while (TRY(rows->next())) tasks.push_back(move_of(*rows));
    return tasks;
}

}  // namespace

Result<std::string> Queues::start_move(const std::string& source_arn,
                                       const std::string& destination_arn, std::int64_t rate) {
    const QueuePointer source = find_arn(source_arn);
    if (!source)
        return fail(ErrorCode::not_found,
                    "The resource that you specified for the SourceArn parameter doesn't exist.");
    if (!destination_arn.empty() && !find_arn(destination_arn))
        return fail(
            ErrorCode::not_found,
            "The resource that you specified for the DestinationArn parameter doesn't exist.");
    if (dead_letter_sources(source->name).empty())
        return fail(ErrorCode::invalid_input,
                    "Source queue must be configured as a Dead Letter Queue.");
    const QueueCounts before = TRY(counts(*source));
    const std::string id = state_->ids.uuid();
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        if (!TRY(moves_where(connection, "source = ? AND state = 'RUNNING'", {source_arn})).empty())
            return fail(ErrorCode::invalid_input,
                        "There is already a task running. Only one active task is allowed for a "
                        "source queue arn at a given time.");
        TRY(connection.change(
            "INSERT INTO message_moves VALUES(?, ?, ?, ?, ?, 0, 'RUNNING', '', ?)",
            {id, source_arn, destination_arn, rate, before.visible, state_->clock.unix_ms()}));
        return {};
    };
    TRY(state_->group.run(work));
    const std::lock_guard lock(state_->mover_mutex);
    state_->has_moves = true;
    state_->mover_wakes.notify_all();
    return id;
}

Result<std::int64_t> Queues::cancel_move(std::string_view id) {
    return state_->group.run([&](sql::Connection& connection) -> Result<std::int64_t> {
        const auto tasks =
            TRY(moves_where(connection, "id = ? AND state = 'RUNNING'", {std::string(id)}));
        if (tasks.empty()) return fail(ErrorCode::not_found, "Task does not exist.");
        TRY(connection.change("UPDATE message_moves SET state = 'CANCELLED' WHERE id = ?",
                              {tasks[0].id}));
        return tasks[0].moved;
    });
}

Result<std::vector<MoveTask>> Queues::moves(std::string_view source_arn, int most) {
    const auto connection = TRY(state_->readers.take());
    return moves_where(*connection, "source = ? ORDER BY started_ms DESC, rowid DESC LIMIT ?",
                       {std::string(source_arn), std::int64_t{most}});
}

void Queues::State::start_mover() {
    has_moves = true;  // what an earlier process began, if anything
    mover = std::thread([this] { move_messages(); });
}

void Queues::State::move_messages() {
    std::unique_lock lock(mover_mutex);
    while (!stopping.stop_requested()) {
        mover_wakes.wait(lock, [&] { return has_moves || stopping.stop_requested(); });
        if (stopping.stop_requested()) return;
        has_moves = false;
        lock.unlock();
        std::vector<MoveTask> tasks;
        if (const auto connection = readers.take())
            tasks = moves_where(**connection, "state = 'RUNNING'", {}).value_or(tasks);
        bool at_full_speed = false, slowly = false;
        for (const MoveTask& task : tasks) {
            const auto more = move_some(task);
            if (!more)
                log(LogLevel::warning, "dead letters could not be moved",
                    {{"source", task.source}, {"error", more.error().message}});
            (task.rate == 0 && more ? at_full_speed : slowly) |= !more || *more;
        }
        lock.lock();
        if (at_full_speed)
            has_moves = true;
        else if (slowly && !has_moves) {
            mover_wakes.wait_for(lock, std::chrono::seconds(1),
                                 [&] { return stopping.stop_requested(); });
            has_moves = true;
        }
    }
}

/// Whether the task has more to do.
Result<bool> Queues::State::move_some(const MoveTask& task) {
    return group.run([&](sql::Connection& connection) -> Result<bool> {
        const auto still = TRY(moves_where(connection, "id = ? AND state = 'RUNNING'", {task.id}));
        if (still.empty()) return false;
        const auto end = [&](std::string_view state, std::string_view reason) -> Result<bool> {
            TRY(connection.change("UPDATE message_moves SET state = ?, reason = ? WHERE id = ?",
                                  {std::string(state), std::string(reason), task.id}));
            return false;
        };
        const QueuePointer source = find(queue_of_arn(task.source, account));
        if (!source) return end("FAILED", "AWS.SimpleQueueService.NonExistentQueue");
        const std::int64_t most = task.rate > 0 ? task.rate : batch_of_a_move;
        const std::int64_t moved = TRY(move_batch(connection, *source, task, most));
        if (moved < 0) return end("FAILED", "AWS.SimpleQueueService.NonExistentQueue");
        if (moved == 0) return end("COMPLETED", "");
        TRY(connection.change("UPDATE message_moves SET moved = moved + ? WHERE id = ?",
                              {moved, task.id}));
        return true;
    });
}

/// How many were moved; -1 when a message has nowhere to go.
Result<std::int64_t> Queues::State::move_batch(sql::Connection& connection, const Queue& source,
                                               const MoveTask& task, std::int64_t most) {
    struct Letter {
        std::int64_t position;
        std::string origin, group;
    };
    std::vector<Letter> letters;
    const std::int64_t time = now();
    {
        const auto rows = TRY(connection.execute(
            "SELECT position, origin, message_group FROM messages WHERE queue = ? AND blocked IN "
            "(0, 1) AND visible_ms <= ? ORDER BY position LIMIT ?",
            {source.number, time, most}));
        while (TRY(rows->next()))
            letters.push_back({rows->integer(0), rows->text(1), rows->text(2)});
    }
    std::set<std::string> groups;
    for (const Letter& letter : letters) {
        const std::string& to = task.destination.empty() ? letter.origin : task.destination;
        const QueuePointer target = find(queue_of_arn(to, account));
        if (!target) return -1;
        const std::int64_t blocked = TRY(is_blocked(connection, *target, letter.group));
        TRY(connection.change(
            "UPDATE messages SET queue = ?, position = ?, id = ?, blocked = ?, visible_ms = ?, "
            "receipt = 0, receive_count = 0, first_received_ms = 0, sent_ms = ?, origin = '' "
            "WHERE position = ?",
            {target->number, std::int64_t{next_position++}, ids.uuid(), blocked, time, time,
             letter.position}));
        groups.insert(letter.group);
        group.when_committed([target] { target->runtime->channel.wake(); });
    }
    if (source.behaviour.is_ordered)
        for (const std::string& left : groups) TRY(unblock(connection, source.number, left));
    return static_cast<std::int64_t>(letters.size());
}

}  // namespace stroma::message
