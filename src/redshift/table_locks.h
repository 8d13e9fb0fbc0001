#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "redshift/failure.h"
#include "sql/embedded_database.h"

namespace stroma::redshift {

/// One writer for each table: others wait for its transaction to end. Any thread.
class TableLocks {
public:
    /// Waits until the table is the holder's. A holder may take it again.
    /// errors  40P01  waiting would be for ever: the other waits for us
    ///         57014  called_off turned true (call wake() after changing it)
    ///         55P03  not within `timeout_ms`, 0 for any time
    Answer<void> take(std::uint64_t holder, const std::string& table,
                      const std::function<bool()>& called_off, std::int64_t timeout_ms);
    /// Ends the holder's transaction; whether what it held has changed.
    void release(std::uint64_t holder, bool changed);
    void wake();
    /// Rises with every transaction that changed a table.
    std::uint64_t now() const;
    /// now() as the table's last change made it, and its holder's number; 0 for none.
    struct Change {
        std::uint64_t at = 0, by = 0;
    };
    Change last_change(const std::string& table) const;
    /// Who has which table and who waits for one, as a relation: xid, table_name, granted.
    std::shared_ptr<sql::TableScan> scan() const;

private:
    bool waits_for(std::uint64_t holder, std::uint64_t other) const;

    mutable std::mutex mutex_;
    std::condition_variable freed_;
    std::map<std::string, std::uint64_t> owners_;
    std::map<std::uint64_t, std::string> waiting_;  ///< holder → table
    std::map<std::string, Change> changes_;
    std::uint64_t now_ = 1;
};

}  // namespace stroma::redshift
