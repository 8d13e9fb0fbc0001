#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/metrics.h"
#include "message/queues.h"
#include "message/queues_state.h"

namespace stroma::message {
namespace {

constexpr std::int64_t in_flight_max = 120'000;
constexpr std::int64_t held_ms_max = 12LL * 3600 * 1000;
constexpr Milliseconds sweep_interval{60'000};
constexpr std::string_view receipt_mark = "AQEB";

/// A message that may be received, as its row has it.
struct Due {
    Received message;
    std::int64_t position = 0;
};

constexpr const char* due_columns =
    "position, id, body, attributes, message_group, deduplication, sender, trace, origin, "
    "receive_count, sent_ms, first_received_ms";

Due due_of(const sql::Rows& rows) {
    Due due;
    due.position = rows.integer(0);
    Received& message = due.message;
    message.id = rows.text(1);
    message.body = rows.text(2);
    message.attributes = rows.text(3);
    message.group = rows.text(4);
    message.deduplication = rows.text(5);
    message.sender = rows.text(6);
    message.trace = rows.text(7);
    message.origin = rows.text(8);
    message.receive_count = static_cast<int>(rows.integer(9));
    message.sent_ms = rows.integer(10);
    message.first_received_ms = rows.integer(11);
    return due;
}

Error bad_receipt(std::string_view receipt) {
    return {ErrorCode::invalid_input,
            fmt::format("The input receipt handle \"{}\" is not a valid receipt handle.", receipt)};
}

Error expired(std::string_view receipt) {
    return {ErrorCode::invalid_input,
            fmt::format("Value {} for parameter ReceiptHandle is invalid. Reason: The receipt "
                        "handle has expired.",
                        receipt)};
}

/// One receive: what it has taken so far.
class Receiving {
public:
    Receiving(Queues::State& state, sql::Connection& connection, const Queue& queue,
              const ReceiveOptions& options)
        : state_(state),
          connection_(connection),
          queue_(queue),
          most_(static_cast<std::size_t>(options.most)),
          now_(state.now()),
          until_(now_ + options.visibility.value_or(queue.behaviour.visibility).count()) {
        if (queue.behaviour.redrive) dead_letters_ = state.find(queue.behaviour.redrive->queue);
    }

    Result<std::vector<Received>> take() {
        // What goes to the dead letters makes room for others; a group may then have a new first.
        for (int round = 0; round < 100; ++round) {
            moved_ = false;
            TRY(take_heads());
            if (!moved_ || taken_.size() == most_) break;
        }
        return std::move(taken_);
    }

private:
    Result<void> take_heads() {
        std::vector<Due> heads;
        {
            const auto rows = TRY(connection_.execute(
                fmt::format("SELECT {} FROM messages WHERE queue = ? AND blocked = 0 AND "
                            "visible_ms <= ? ORDER BY visible_ms, position LIMIT ?",
                            due_columns),
                {queue_.number, now_, static_cast<std::int64_t>(most_ - taken_.size())}));
            while (TRY(rows->next())) heads.push_back(due_of(*rows));
        }
        for (Due& head : heads) {
            if (taken_.size() == most_) return {};
            const std::int64_t position = head.position;
            const std::string message_group = head.message.group;
            if (!TRY(take_one(std::move(head)))) continue;
            if (queue_.behaviour.is_ordered) TRY(take_followers(position, message_group));
        }
        return {};
    }

    /// The messages of the group behind its first one, as far as none is missing.
    Result<void> take_followers(std::int64_t position, const std::string& message_group) {
        std::vector<Due> followers;
        {
            const auto rows = TRY(connection_.execute(
                fmt::format(
                    "SELECT {}, visible_ms FROM messages WHERE queue = ? AND message_group "
                    "= ? AND message_group <> '' AND position > ? ORDER BY position LIMIT ?",
                    due_columns),
                {queue_.number, message_group, position,
                 static_cast<std::int64_t>(most_ - taken_.size())}));
            while (TRY(rows->next())) {
                if (rows->integer(12) > now_) break;
                followers.push_back(due_of(*rows));
            }
        }
        for (Due& follower : followers) TRY(take_one(std::move(follower)));
        return {};
    }

    /// False when it was too old or received too often, and is no longer in this queue.
    Result<bool> take_one(Due due) {
        Received& message = due.message;
        const std::int64_t oldest = now_ - queue_.behaviour.retention.count();
        if (message.sent_ms < oldest) {
            TRY(connection_.change("DELETE FROM messages WHERE position = ?", {due.position}));
            TRY(left(message.group));
            return false;
        }
        if (dead_letters_ && message.receive_count >= queue_.behaviour.redrive->receives_max) {
            TRY(bury(due));
            return false;
        }
        const std::int64_t delivery = state_.next_delivery++;
        if (message.first_received_ms == 0) message.first_received_ms = now_;
        ++message.receive_count;
        TRY(connection_.change(
            "UPDATE messages SET visible_ms = ?, receipt = ?, receive_count = ?, "
            "first_received_ms = ?, received_ms = ? WHERE position = ?",
            {until_, delivery, std::int64_t{message.receive_count}, message.first_received_ms, now_,
             due.position}));
        message.receipt = text_of(Receipt{queue_.number, due.position, delivery});
        if (queue_.behaviour.is_ordered) message.sequence = sequence_of(due.position);
        taken_.push_back(std::move(message));
        return true;
    }

    Result<void> bury(const Due& due) {
        const std::int64_t blocked =
            TRY(state_.is_blocked(connection_, *dead_letters_, due.message.group));
        TRY(connection_.change(
            "UPDATE messages SET queue = ?, position = ?, blocked = ?, visible_ms = ?, receipt = "
            "0, origin = ? WHERE position = ?",
            {dead_letters_->number, std::int64_t{state_.next_position++}, blocked, now_, queue_.arn,
             due.position}));
        state_.group.when_committed(
            [to = dead_letters_, from = queue_.runtime, name = queue_.name] {
                to->runtime->channel.wake();
                ++from->dead_lettered;
                counter("stroma_sqs_dead_lettered_total",
                        "Messages that were received too often and went to the dead letters",
                        {{"queue", name}})
                    .add();
            });
        return left(due.message.group);
    }

    Result<void> left(const std::string& message_group) {
        moved_ = true;
        return queue_.behaviour.is_ordered
                   ? state_.unblock(connection_, queue_.number, message_group)
                   : Result<void>{};
    }

    Queues::State& state_;
    sql::Connection& connection_;
    const Queue& queue_;
    const std::size_t most_;
    const std::int64_t now_, until_;
    QueuePointer dead_letters_;
    std::vector<Received> taken_;
    bool moved_ = false;
};

}  // namespace

std::string text_of(const Receipt& receipt) {
    return fmt::format("{}{:012x}{:016x}{:016x}", receipt_mark, receipt.queue, receipt.position,
                       receipt.delivery);
}

std::optional<Receipt> receipt_of(std::string_view text) {
    if (text.size() != receipt_mark.size() + 44 || !text.starts_with(receipt_mark))
        return std::nullopt;
    text.remove_prefix(receipt_mark.size());
    Receipt receipt;
    const auto read = [&](std::size_t from, std::size_t count, std::int64_t& into) {
        const char* const end = text.data() + from + count;
        const auto [stop, error] = std::from_chars(text.data() + from, end, into, 16);
        return error == std::errc() && stop == end && into >= 0;
    };
    if (!read(0, 12, receipt.queue) || !read(12, 16, receipt.position) ||
        !read(28, 16, receipt.delivery))
        return std::nullopt;
    return receipt;
}

Result<void> Queues::State::unblock(sql::Connection& connection, std::int64_t queue,
                                    const std::string& message_group) {
    if (message_group.empty()) return {};
    TRY(connection.change(
        "UPDATE messages SET blocked = 0 WHERE position = (SELECT min(position) FROM messages "
        "WHERE queue = ? AND message_group = ? AND message_group <> '')",
        {queue, message_group}));
    return {};
}

Result<bool> Queues::State::has_due(const Queue& queue) {
    const auto connection = TRY(readers.take());
    const auto rows = TRY(connection->execute(
        "SELECT 1 FROM messages WHERE queue = ? AND blocked = 0 AND visible_ms <= ? LIMIT 1",
        {queue.number, now()}));
    return TRY(rows->next());
}

Result<Milliseconds> Queues::State::until_due(const Queue& queue) {
    const auto connection = TRY(readers.take());
    const auto rows = TRY(connection->execute(
        "SELECT min(visible_ms) FROM messages WHERE queue = ? AND blocked = 0", {queue.number}));
    TRY(rows->next());
    if (rows->is_null(0)) return Milliseconds::max();
    return Milliseconds{std::max<std::int64_t>(1, rows->integer(0) - now())};
}

Result<void> Queues::State::check_in_flight(const Queue& queue) {
    if (queue.runtime->in_flight_at_most < in_flight_max) return {};
    const auto connection = TRY(readers.take());
    const auto rows =
        TRY(connection->execute("SELECT count(*) FROM messages WHERE queue = ? AND blocked IN (0, "
                                "1) AND visible_ms > ? AND receipt <> 0",
                                {queue.number, now()}));
    TRY(rows->next());
    queue.runtime->in_flight_at_most = rows->integer(0);
    if (rows->integer(0) < in_flight_max) return {};
    return fail(ErrorCode::exhausted,
                fmt::format("Too many messages are in flight: {} of queue {}.", rows->integer(0),
                            queue.name));
}

Result<std::vector<Received>> Queues::State::receive_now(const Queue& queue,
                                                         const ReceiveOptions& options) {
    // Looking first spares an empty queue the writers' line, and a full one is better not asked.
    if (!queue.runtime->had_more && !TRY(has_due(queue))) return std::vector<Received>{};
    TRY(check_in_flight(queue));
    auto taken = TRY(group.run([&](sql::Connection& connection) {
        return Receiving(*this, connection, queue, options).take();
    }));
    queue.runtime->had_more = !taken.empty();
    queue.runtime->in_flight_at_most += static_cast<std::int64_t>(taken.size());
    counter("stroma_sqs_received_total", "Messages received from a queue of the AWS port",
            {{"queue", queue.name}})
        .add(static_cast<double>(taken.size()));
    queue.runtime->received += taken.size();
    return taken;
}

Result<std::vector<Received>> Queues::receive(const QueuePointer& queue,
                                              const ReceiveOptions& options) {
    using std::chrono::steady_clock;
    TRY(state_->sweep(*queue));
    const auto deadline = steady_clock::now() + options.wait;
    queue::WakeChannel& channel = queue->runtime->channel;
    const std::stop_callback wake_when_left(options.left, [&] { channel.wake(); });
    for (;;) {
        const std::uint64_t generation = channel.generation();
        if (const QueuePointer known = find(queue->name); !known || known->number != queue->number)
            return fail(ErrorCode::not_found, fmt::format("queue '{}' was removed", queue->name));
        auto taken = TRY(state_->receive_now(*queue, options));
        const auto left = std::chrono::ceil<Milliseconds>(deadline - steady_clock::now());
        if (!taken.empty() || left <= Milliseconds{0} || options.left.stop_requested() ||
            state_->stopping.stop_requested())
            return taken;
        channel.wait_past(generation, std::min(left, TRY(state_->until_due(*queue))));
    }
}

std::vector<Result<void>> Queues::remove_messages(const QueuePointer& queue,
                                                  std::span<const std::string> receipts) {
    std::vector<Result<void>> answers;
    std::vector<std::optional<Receipt>> read;
    for (const std::string& text : receipts) {
        read.push_back(receipt_of(text));
        if (read.back() && read.back()->queue != queue->number) read.back().reset();
    }
    const bool is_ordered = queue->behaviour.is_ordered;
    const auto remove_one = [&](sql::Connection& connection, const Receipt& receipt,
                                const std::string& text) -> Result<Result<void>> {
        if (!is_ordered) {
            TRY(connection.change(
                "DELETE FROM messages WHERE position = ? AND queue = ? AND receipt = ?",
                {receipt.position, receipt.queue, receipt.delivery}));
            return Result<void>{};
        }
        const auto rows = TRY(connection.execute(
            "SELECT receipt, visible_ms, message_group FROM messages WHERE position = ? AND "
            "queue = ?",
            {receipt.position, receipt.queue}));
        if (!TRY(rows->next())) return Result<void>{};
        if (rows->integer(0) != receipt.delivery || rows->integer(1) <= state_->now())
            return Result<void>(fail(expired(text)));
        const std::string message_group = rows->text(2);
        TRY(connection.change("DELETE FROM messages WHERE position = ?", {receipt.position}));
        TRY(state_->unblock(connection, receipt.queue, message_group));
        return Result<void>{};
    };
    const auto done = state_->group.run([&](sql::Connection& connection) -> Result<void> {
        for (std::size_t r = 0; r < read.size(); ++r) {
            if (!read[r])
                answers.emplace_back(fail(bad_receipt(receipts[r])));
            else
                answers.push_back(TRY(remove_one(connection, *read[r], receipts[r])));
        }
        return {};
    });
    if (!done) answers.assign(receipts.size(), fail(done.error()));
    if (is_ordered) queue->runtime->channel.wake();
    return answers;
}

std::vector<Result<void>> Queues::change_visibility(const QueuePointer& queue,
                                                    std::span<const VisibilityChange> changes) {
    std::vector<Result<void>> answers;
    const auto change_one = [&](sql::Connection& connection,
                                const VisibilityChange& change) -> Result<Result<void>> {
        const auto receipt = receipt_of(change.receipt);
        if (!receipt || receipt->queue != queue->number)
            return Result<void>(fail(bad_receipt(change.receipt)));
        const auto rows = TRY(connection.execute(
            "SELECT receipt, received_ms, visible_ms FROM messages WHERE position = ? AND queue = "
            "?",
            {receipt->position, receipt->queue}));
        const std::int64_t now = state_->now();
        const bool is_there = TRY(rows->next());
        // Of a message in flight any handle will do that it was ever received by; an ordered queue
        // wants the latest.
        const bool is_known =
            is_there && (rows->integer(0) == receipt->delivery ||
                         (!queue->behaviour.is_ordered && rows->integer(2) > now));
        if (!is_known)
            return Result<void>(
                fail(ErrorCode::conflict,
                     fmt::format("Value {} for parameter ReceiptHandle is invalid. Reason: Message "
                                 "does not exist or is not available for visibility timeout "
                                 "change.",
                                 change.receipt)));
        if (queue->behaviour.is_ordered && rows->integer(2) <= now)
            return Result<void>(fail(expired(change.receipt)));
        if (now + change.visibility.count() > rows->integer(1) + held_ms_max)
            return Result<void>(
                fail(ErrorCode::invalid_input,
                     fmt::format("Value {} for parameter VisibilityTimeout is invalid. Reason: "
                                 "Total VisibilityTimeout for the message is beyond the limit "
                                 "[43200 seconds].",
                                 change.visibility.count() / 1000)));
        TRY(connection.change("UPDATE messages SET visible_ms = ? WHERE position = ?",
                              {now + change.visibility.count(), receipt->position}));
        return Result<void>{};
    };
    const auto done = state_->group.run([&](sql::Connection& connection) -> Result<void> {
        for (const VisibilityChange& change : changes)
            answers.push_back(TRY(change_one(connection, change)));
        return {};
    });
    if (!done) answers.assign(changes.size(), fail(done.error()));
    queue->runtime->channel.wake();
    return answers;
}

Result<void> Queues::State::sweep(const Queue& queue) {
    const std::int64_t time = now();
    std::int64_t swept = queue.runtime->swept_ms;
    if (swept != 0 && time - swept < sweep_interval.count()) return {};
    if (!queue.runtime->swept_ms.compare_exchange_strong(swept, time)) return {};
    return group.run([&](sql::Connection& connection) -> Result<void> {
        const std::int64_t oldest = time - queue.behaviour.retention.count();
        TRY(connection.change("DELETE FROM message_deduplication WHERE queue = ? AND until_ms <= ?",
                              {queue.number, time}));
        const std::int64_t gone = TRY(connection.change(
            "DELETE FROM messages WHERE queue = ? AND sent_ms < ?", {queue.number, oldest}));
        if (gone == 0 || !queue.behaviour.is_ordered) return {};
        TRY(connection.change(
            "UPDATE messages SET blocked = 0 WHERE queue = ? AND blocked = 1 AND position IN "
            "(SELECT min(position) FROM messages WHERE queue = ? AND message_group <> '' GROUP BY "
            "message_group)",
            {queue.number, queue.number}));
        return {};
    });
}

}  // namespace stroma::message
