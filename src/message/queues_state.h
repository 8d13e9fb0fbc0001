#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>

#include "message/queues.h"
#include "queue/wake.h"
#include "sql/connection_pool.h"

// Private to this folder.

namespace stroma::message {

/// What is known of a queue between calls and needs no disk.
struct QueueRuntime {
    queue::WakeChannel channel;
    std::atomic<std::int64_t> in_flight_at_most{0};  ///< since it was last counted
    std::atomic<std::int64_t> swept_ms{0};
    std::atomic<std::int64_t> purged_ms{0};
    std::atomic<std::uint64_t> sent{0}, received{0}, dead_lettered{0};
    std::atomic<bool> had_more{false};  ///< the last receive found something: the next may as well
};

/// Names one delivery of one message.
struct Receipt {
    std::int64_t queue = 0, position = 0, delivery = 0;
};
std::string text_of(const Receipt& receipt);
std::optional<Receipt> receipt_of(std::string_view text);
/// As AWS prints them.
std::string sequence_of(std::int64_t position);

struct Queues::State {
    State(sql::WriteGroup& writes, const Clock& time, IdSource& id_source, std::string of_account);

    /// By the calendar of this process's start, and never going back.
    std::int64_t now() const { return clock.steady_ms() + calendar_ms; }

    Result<void> load();
    void put(const QueuePointer& queue);
    /// Takes the queue's new attributes and tags in, on the disk and here.
    Result<void> replace(Queue queue);
    Result<Sent> insert(sql::Connection& connection, const Queue& queue, const NewMessage& message);
    /// The group's first message, if any, may be received now.
    Result<void> unblock(sql::Connection& connection, std::int64_t queue,
                         const std::string& message_group);
    /// Whether a message that comes to the group now has to wait for another.
    Result<std::int64_t> is_blocked(sql::Connection& connection, const Queue& queue,
                                    const std::string& message_group);
    Result<std::vector<Received>> receive_now(const Queue& queue, const ReceiveOptions& options);
    Result<bool> has_due(const Queue& queue);
    /// How long until a message may be due.
    Result<Milliseconds> until_due(const Queue& queue);
    Result<void> check_in_flight(const Queue& queue);
    Result<void> sweep(const Queue& queue);
    QueuePointer find(std::string_view name) const;

    // moves.cpp
    void move_messages();
    Result<bool> move_some(const MoveTask& task);
    Result<std::int64_t> move_batch(sql::Connection& connection, const Queue& source,
                                    const MoveTask& task, std::int64_t most);
    void start_mover();

    sql::WriteGroup& group;
    const Clock& clock;
    IdSource& ids;
    const std::string account;
    sql::ConnectionPool readers;
    const std::int64_t calendar_ms;
    std::atomic<std::int64_t> next_position{0};
    std::atomic<std::int64_t> next_delivery{0};
    std::mutex changing;  ///< one change of the queues themselves at a time
    mutable std::shared_mutex mutex;
    std::map<std::string, QueuePointer, std::less<>> queues;
    std::stop_source stopping;
    std::mutex mover_mutex;
    std::condition_variable mover_wakes;
    bool has_moves = false;
    std::thread mover;
};

}  // namespace stroma::message
