#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "sql/embedded_database.h"

namespace stroma::redshift {

/// One session, for stv_sessions, stl_connection_log and their like.
struct LoggedSession {
    std::int32_t process = 0;
    std::string user, database, application, driver, system;
    std::string remote;                         ///< "127.0.0.1:50123"; "" where no client connected
    std::int64_t started_us = 0, ended_us = 0;  ///< since 1970 UTC; ended 0 while it is open
};

/// The sessions that are open, and those that ended last, in memory. Any thread.
class SessionLog {
public:
    static constexpr std::size_t ended_max = 10'000;
    /// Gives its number.
    std::int64_t begin(LoggedSession session);
    void end(std::int64_t number, std::int64_t ended_us);
    /// As a relation: process, username, database, application, remote, started_us, ended_us,
    /// driver, os.
    std::shared_ptr<sql::TableScan> scan() const;

private:
    mutable std::mutex mutex_;
    std::int64_t next_ = 1;
    std::map<std::int64_t, LoggedSession> open_;
    std::deque<LoggedSession> ended_;
};

/// A file that UNLOAD wrote, for stl_unload_log and its like.
struct LoggedUnload {
    std::int64_t query = 0;
    std::string path, format;
    std::int64_t rows = 0, bytes = 0;
    std::int64_t ended_us = 0;
};

/// The files that were written last, in memory. Any thread.
class UnloadLog {
public:
    static constexpr std::size_t kept_max = 10'000;
    void add(LoggedUnload file);
    /// As a relation: query, path, file_format, rows, bytes, ended_us.
    std::shared_ptr<sql::TableScan> scan() const;

private:
    mutable std::mutex mutex_;
    std::deque<LoggedUnload> files_;
};

}  // namespace stroma::redshift
