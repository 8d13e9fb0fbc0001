#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "message/message.h"
#include "sql/write_group.h"

namespace stroma::message {

/// The queues of one database, with the semantics of SQS: messages hide while somebody works on
/// them, come back when nobody says that they are done, and end among the dead letters when that
/// happens too often; queues whose name ends with ".fifo" keep the order of each group. At least
/// once (an ordered queue drops what was sent twice within five minutes).
/// A send, a deletion and a change have reached the disk when they return. Any thread, one process.
class Queues {
public:
    static Result<std::unique_ptr<Queues>> open(sql::WriteGroup& group, const Clock& clock,
                                                IdSource& ids, std::string account);
    ~Queues();

    struct NewQueue {
        std::string name, region, owner;
        TextMap attributes;
        TextMap tags;
    };
    /// errors  invalid_input   name or attribute: says which and why
    ///         unsupported     an attribute that no such queue has: "Unknown Attribute X."
    ///         already_exists  with other attributes; with the same ones that queue is the answer
    Result<QueuePointer> create(const NewQueue& queue);
    /// Null when there is none.
    QueuePointer find(std::string_view name) const;
    /// The queue that "arn:aws:sqs:region:account:name" means; null when there is none.
    QueuePointer find_arn(std::string_view arn) const;
    /// By name, those whose name begins so.
    std::vector<QueuePointer> list(std::string_view prefix = {}) const;
    /// An empty value takes the attribute back to its default.
    /// errors  not_found, invalid_input, unsupported as create
    Result<void> set_attributes(std::string_view name, const TextMap& attributes);
    /// errors  not_found
    Result<void> tag(std::string_view name, const TextMap& tags);
    Result<void> untag(std::string_view name, const std::vector<std::string>& keys);
    Result<void> remove(std::string_view name);
    /// errors  not_found; conflict  there was one less than a minute ago
    Result<void> purge(std::string_view name);
    Result<QueueCounts> counts(const Queue& queue);
    static QueueTraffic traffic(const Queue& queue);
    /// Names of the queues whose dead letters go to that one.
    std::vector<std::string> dead_letter_sources(std::string_view name) const;

    /// All in one commit; an answer for each.
    /// errors  not_found  the queue is gone
    std::vector<Result<Sent>> send(const QueuePointer& queue, std::span<const NewMessage> messages);
    /// Inside a work of the write group: the message is there, and receivers wake, when the
    /// caller's transaction commits. errors  not_found  no such queue
    Result<Sent> send_in(sql::Connection& connection, std::string_view queue,
                         const NewMessage& message);
    /// At most `most` messages; waits for the first one.
    /// errors  not_found  the queue is gone; exhausted  too many are in flight
    Result<std::vector<Received>> receive(const QueuePointer& queue, const ReceiveOptions& options);
    /// errors  invalid_input  not a receipt of this queue; in an ordered queue: it has expired
    std::vector<Result<void>> remove_messages(const QueuePointer& queue,
                                              std::span<const std::string> receipts);
    /// errors  invalid_input as above, or past twelve hours; conflict: the message is not there
    std::vector<Result<void>> change_visibility(const QueuePointer& queue,
                                                std::span<const VisibilityChange> changes);

    /// Starts to move the dead letters; what was begun goes on after a restart.
    /// errors  not_found  source or destination; invalid_input  not dead letters, already moving
    Result<std::string> start_move(const std::string& source_arn,
                                   const std::string& destination_arn, std::int64_t rate);
    /// Gives how many were moved. errors  not_found  no such task is running
    Result<std::int64_t> cancel_move(std::string_view id);
    Result<std::vector<MoveTask>> moves(std::string_view source_arn, int most);

    std::string arn_of(std::string_view region, std::string_view name) const;
    /// Ends waits and moves; nothing is begun any more.
    void stop();

    struct State;

private:
    explicit Queues(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::message
