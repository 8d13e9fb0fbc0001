#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "sql/embedded_database.h"

namespace stroma::redshift {

/// One statement that was run, for stl_query and its like.
struct LoggedQuery {
    std::int64_t query = 0, transaction = 0;
    std::int32_t process = 0;
    std::string user, database, label, text;
    std::int64_t started_us = 0, ended_us = 0;  ///< since 1970 UTC; ended 0 while it runs
    std::int64_t rows = 0;
    std::string state, error;  ///< "running", "success", "failed", "canceled"
};

/// The statements run last, of all sessions, in memory. Any thread.
class QueryLog {
public:
    static constexpr std::size_t kept_max = 10'000;
    explicit QueryLog(std::int64_t first) : next_(first) {}
    /// Gives its number.
    std::int64_t begin(LoggedQuery query);
    /// A statement that runs has begun its transaction; nothing for one that has ended.
    void set_transaction(std::int64_t query, std::int64_t transaction);
    void end(std::int64_t query, std::int64_t ended_us, std::int64_t rows, std::string state,
             std::string error);
    /// As a relation: query, xid, pid, username, database, label, querytxt, starttime, endtime
    /// (microseconds), rows, state, error.
    std::shared_ptr<sql::TableScan> scan() const;

private:
    LoggedQuery* find(std::int64_t query);  ///< with the mutex held; null when it is forgotten

    mutable std::mutex mutex_;
    std::int64_t next_;
    std::deque<LoggedQuery> queries_;
};

}  // namespace stroma::redshift
