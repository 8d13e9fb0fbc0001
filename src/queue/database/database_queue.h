#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "queue/queue.h"
#include "queue/transactional_queue.h"
#include "sql/database.h"

namespace stroma::queue {

/// Opens the queue of that name in the database, making the queue and the tables when they are
/// not there. Any number of processes may have it open. The references must outlive it.
///
/// Leases run on the steady clock; after a reboot, which restarts that clock, every lease is over
/// and delays and deduplication go on by the calendar. A receive that waits wakes at once for
/// sends of this process and looks every 100 ms for others'. Its wait is in real time, whatever
/// the clock.
Result<std::unique_ptr<TransactionalQueue>> open_queue(sql::Database& database,
                                                       std::string_view name,
                                                       const QueueOptions& options,
                                                       const Clock& clock, IdSource& ids);

/// The names of the database's queues, in byte order.
Result<std::vector<std::string>> queue_names(sql::Database& database);
/// Removes the queue with its messages and dead letters; false if there is none. Nobody may have
/// it open.
Result<bool> remove_queue(sql::Database& database, std::string_view name);

}  // namespace stroma::queue
