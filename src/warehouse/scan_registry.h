#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "sql/embedded_database.h"

namespace stroma::warehouse {

/// Scans that running statements read by a ticket: FROM stroma_scan('ticket').
class ScanRegistry {
public:
    /// Holds a scan open for statements until it goes.
    class Ticket {
    public:
        Ticket(ScanRegistry& registry, std::shared_ptr<sql::TableScan> scan);
        Ticket(Ticket&& other) noexcept;
        Ticket& operator=(Ticket&&) = delete;
        ~Ticket();
        /// "stroma_scan('17')"
        std::string relation() const;

    private:
        ScanRegistry* registry_;
        std::uint64_t number_;
    };

    Result<std::shared_ptr<sql::TableScan>> find(std::string_view number);

private:
    std::mutex mutex_;
    std::uint64_t next_ = 1;
    std::map<std::uint64_t, std::shared_ptr<sql::TableScan>> scans_;
};

}  // namespace stroma::warehouse
