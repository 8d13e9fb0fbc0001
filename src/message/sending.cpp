#include <fmt/format.h>

#include "base/digest.h"
#include "base/metrics.h"
#include "message/queues.h"
#include "message/queues_state.h"

namespace stroma::message {
namespace {

constexpr std::int64_t deduplication_ms = 5 * 60 * 1000;

std::string deduplication_key(const Queue& queue, const NewMessage& message,
                              const std::string& deduplication) {
    return queue.behaviour.deduplicates_in_group ? message.group + '\n' + deduplication
                                                 : deduplication;
}

void count_sent(const Queue& queue, bool is_done, std::size_t count) {
    counter("stroma_sqs_sent_total", "Messages sent to a queue of the AWS port",
            {{"queue", queue.name}, {"outcome", is_done ? "done" : "failed"}})
        .add(static_cast<double>(count));
    if (is_done) queue.runtime->sent += count;
}

}  // namespace

std::string sequence_of(std::int64_t position) {
    return std::to_string(10'000'000'000'000'000'000u + static_cast<std::uint64_t>(position));
}

Result<std::int64_t> Queues::State::is_blocked(sql::Connection& connection, const Queue& queue,
                                               const std::string& message_group) {
    if (!queue.behaviour.is_ordered || message_group.empty()) return 0;
    const auto rows =
        TRY(connection.execute("SELECT 1 FROM messages WHERE queue = ? AND message_group = ? AND "
                               "message_group <> '' LIMIT 1",
                               {queue.number, message_group}));
    return TRY(rows->next()) ? 1 : 0;
}

Result<Sent> Queues::State::insert(sql::Connection& connection, const Queue& queue,
                                   const NewMessage& message) {
    const bool is_ordered = queue.behaviour.is_ordered;
    const std::int64_t time = now(), position = next_position++;
    const std::string id = ids.uuid();
    std::string deduplication = message.deduplication;
    if (is_ordered) {
        if (deduplication.empty()) deduplication = sha256_hex(message.body);
        const std::string key = deduplication_key(queue, message, deduplication);
        const auto known = TRY(
            connection.execute("SELECT id, position FROM message_deduplication WHERE queue = ? AND "
                               "key = ? AND until_ms > ?",
                               {queue.number, key, time}));
        if (TRY(known->next())) return Sent{known->text(0), sequence_of(known->integer(1))};
        TRY(connection.change("INSERT OR REPLACE INTO message_deduplication VALUES(?, ?, ?, ?, ?)",
                              {queue.number, key, id, position, time + deduplication_ms}));
    }
    const std::int64_t blocked = TRY(is_blocked(connection, queue, message.group));
    const Milliseconds delay = message.delay.value_or(queue.behaviour.delay);
    auto inserted = connection.change(
        "INSERT INTO messages VALUES(?, ?, ?, ?, 0, 0, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {position, queue.number, blocked, time + delay.count(), time, id, message.body,
         laid_out(message.attributes), message.group, deduplication, message.sender, message.trace,
         message.origin});
    if (!inserted && inserted.error().code == ErrorCode::invalid_input && !find(queue.name))
        return fail(ErrorCode::not_found, fmt::format("queue '{}' was removed", queue.name));
    if (!inserted) return fail(std::move(inserted.error()));
    return Sent{id, is_ordered ? sequence_of(position) : std::string()};
}

std::vector<Result<Sent>> Queues::send(const QueuePointer& queue,
                                       std::span<const NewMessage> messages) {
    std::vector<Sent> sent;
    const auto done = state_->group.run([&](sql::Connection& connection) -> Result<void> {
        for (const NewMessage& message : messages)
            sent.push_back(TRY(state_->insert(connection, *queue, message)));
        return {};
    });
    std::vector<Result<Sent>> answers;
    for (std::size_t m = 0; m < messages.size(); ++m) {
        if (done)
            answers.emplace_back(std::move(sent[m]));
        else
            answers.emplace_back(fail(done.error()));
    }
    if (done) queue->runtime->channel.wake();
    count_sent(*queue, done.has_value(), messages.size());
    return answers;
}

Result<Sent> Queues::send_in(sql::Connection& connection, std::string_view name,
                             const NewMessage& message) {
    QueuePointer queue = find(name);
    if (!queue) return fail(ErrorCode::not_found, fmt::format("there is no queue '{}'", name));
    auto sent = TRY(state_->insert(connection, *queue, message));
    state_->group.when_committed([queue] {
        queue->runtime->channel.wake();
        count_sent(*queue, true, 1);
    });
    return sent;
}

}  // namespace stroma::message
