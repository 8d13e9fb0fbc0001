#pragma once

#include "queue/queue.h"
#include "sql/database.h"

namespace stroma::queue {

/// A queue that lives in a database next to its sender's rows, so that both change in one
/// transaction.
class TransactionalQueue : public Queue {
public:
    virtual const sql::Database& database() const = 0;
    /// send() inside the write transaction that is open on the connection of database(). The
    /// message is there when that transaction commits; then call wake().
    virtual Result<std::string> send_in(sql::Connection& connection, std::string_view body,
                                        const SendOptions& options = {}) = 0;
    /// Wakes the receivers that wait in this process.
    virtual void wake() = 0;
    /// Ends every lease at once, for the one process that knows the holders are dead. Gives how
    /// many there were.
    virtual Result<std::int64_t> end_leases() = 0;
};

}  // namespace stroma::queue
