#pragma once

#include <memory>
#include <string_view>

#include "queue/queue.h"
#include "sql/database.h"

namespace stroma::queue {

struct StreamOptions {
    int shards = 1;  ///< used when the stream is made; an existing one keeps its own
    Milliseconds retention{24LL * 3600 * 1000};
};

/// Opens the stream of that name in the database, making it when it is not there. Any number of
/// processes may have it open. The references must outlive it.
Result<std::unique_ptr<Stream>> open_stream(sql::Database& database, std::string_view name,
                                            const StreamOptions& options, const Clock& clock);

/// Removes the stream and its records; false if there is none. Nobody may have it open.
Result<bool> remove_stream(sql::Database& database, std::string_view name);

}  // namespace stroma::queue
