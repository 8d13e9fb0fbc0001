#include "redshift/table_locks.h"

#include <fmt/format.h>

#include <chrono>

#include "sql/value_scan.h"

namespace stroma::redshift {

bool TableLocks::waits_for(std::uint64_t holder, std::uint64_t other) const {
    for (std::size_t steps = 0; steps <= waiting_.size(); ++steps) {
        const auto waits = waiting_.find(holder);
        if (waits == waiting_.end()) return false;
        const auto owner = owners_.find(waits->second);
        if (owner == owners_.end()) return false;
        if (owner->second == other) return true;
        holder = owner->second;
    }
    return false;
}

Answer<void> TableLocks::take(std::uint64_t holder, const std::string& table,
                              const std::function<bool()>& called_off, std::int64_t timeout_ms) {
    std::unique_lock lock(mutex_);
    const auto is_free = [&] {
        const auto owner = owners_.find(table);
        return owner == owners_.end() || owner->second == holder;
    };
    if (!is_free()) {
        if (waits_for(owners_[table], holder))
            return refuse("40P01", fmt::format("deadlock detected: table {} is another "
                                               "transaction's, which waits for this one",
                                               table));
        waiting_[holder] = table;
        const auto done = [&] { return is_free() || called_off(); };
        bool in_time = true;
        if (timeout_ms > 0) {
            in_time = freed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), done);
        } else {
            freed_.wait(lock, done);
        }
        waiting_.erase(holder);
        if (!in_time)
            return refuse("55P03", fmt::format("table {} is another transaction's", table));
        if (!is_free()) return refuse("57014", "canceling statement due to user request");
    }
    owners_[table] = holder;
    return {};
}

void TableLocks::release(std::uint64_t holder, bool changed) {
    {
        const std::lock_guard lock(mutex_);
        if (changed) ++now_;
        for (auto at = owners_.begin(); at != owners_.end();) {
            if (at->second != holder) {
                ++at;
                continue;
            }
            if (changed) changes_[at->first] = {now_, holder};
            at = owners_.erase(at);
        }
    }
    freed_.notify_all();
}

void TableLocks::wake() {
    { const std::lock_guard lock(mutex_); }
    freed_.notify_all();
}

std::uint64_t TableLocks::now() const {
    const std::lock_guard lock(mutex_);
    return now_;
}

TableLocks::Change TableLocks::last_change(const std::string& table) const {
    const std::lock_guard lock(mutex_);
    const auto found = changes_.find(table);
    return found == changes_.end() ? Change{} : found->second;
}

std::shared_ptr<sql::TableScan> TableLocks::scan() const {
    std::vector<std::vector<sql::Value>> rows;
    const auto add = [&](std::uint64_t holder, const std::string& table, bool granted) {
        rows.push_back({static_cast<std::int64_t>(holder), table, granted});
    };
    const std::lock_guard lock(mutex_);
    for (const auto& [table, holder] : owners_) add(holder, table, true);
    for (const auto& [holder, table] : waiting_) add(holder, table, false);
    return sql::scan_of({{"xid", sql::Type::integer},
                         {"table_name", sql::Type::text},
                         {"granted", sql::Type::boolean}},
                        std::move(rows));
}

}  // namespace stroma::redshift
