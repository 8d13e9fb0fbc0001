#include "redshift/monitor/session_log.h"

#include "sql/value_scan.h"

namespace stroma::redshift {

std::int64_t SessionLog::begin(LoggedSession session) {
    const std::lock_guard lock(mutex_);
    open_.emplace(next_, std::move(session));
    return next_++;
}

void SessionLog::end(std::int64_t number, std::int64_t ended_us) {
    const std::lock_guard lock(mutex_);
    auto found = open_.extract(number);
    if (found.empty()) return;
    found.mapped().ended_us = ended_us;
    ended_.push_back(std::move(found.mapped()));
    if (ended_.size() > ended_max) ended_.pop_front();
}

std::shared_ptr<sql::TableScan> SessionLog::scan() const {
    std::vector<std::vector<sql::Value>> rows;
    const auto add = [&](const LoggedSession& session) {
        rows.push_back({std::int64_t{session.process}, session.user, session.database,
                        session.application, session.remote, session.started_us, session.ended_us,
                        session.driver, session.system});
    };
    const std::lock_guard lock(mutex_);
    for (const LoggedSession& session : ended_) add(session);
    for (const auto& [number, session] : open_) add(session);
    return sql::scan_of({{"process", sql::Type::integer},
                         {"username", sql::Type::text},
                         {"database", sql::Type::text},
                         {"application", sql::Type::text},
                         {"remote", sql::Type::text},
                         {"started_us", sql::Type::integer},
                         {"ended_us", sql::Type::integer},
                         {"driver", sql::Type::text},
                         {"os", sql::Type::text}},
                        std::move(rows));
}

void UnloadLog::add(LoggedUnload file) {
    const std::lock_guard lock(mutex_);
    files_.push_back(std::move(file));
    if (files_.size() > kept_max) files_.pop_front();
}

std::shared_ptr<sql::TableScan> UnloadLog::scan() const {
    std::vector<std::vector<sql::Value>> rows;
    const std::lock_guard lock(mutex_);
    for (const LoggedUnload& file : files_)
        rows.push_back({file.query, file.path, file.format, file.rows, file.bytes, file.ended_us});
    return sql::scan_of({{"query", sql::Type::integer},
                         {"path", sql::Type::text},
                         {"file_format", sql::Type::text},
                         {"rows", sql::Type::integer},
                         {"bytes", sql::Type::integer},
                         {"ended_us", sql::Type::integer}},
                        std::move(rows));
}

}  // namespace stroma::redshift
