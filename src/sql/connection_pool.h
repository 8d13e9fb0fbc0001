#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "sql/database.h"

namespace stroma::sql {

/// Connections kept open between uses, as many as were ever in use at once. Any thread.
class ConnectionPool {
public:
    /// The database must outlive the pool.
    explicit ConnectionPool(Database& database) : database_(database) {}

    /// One connection, alone in the caller's hands; goes back when dropped, rolled back.
    class Lease {
    public:
        Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
            : pool_(&pool), connection_(std::move(connection)) {}
        Lease(Lease&&) noexcept = default;
        ~Lease();
        Connection* operator->() const { return connection_.get(); }
        Connection& operator*() const { return *connection_; }

    private:
        ConnectionPool* pool_;
        std::unique_ptr<Connection> connection_;
    };

    Result<Lease> take();
    Database& database() const { return database_; }

private:
    Database& database_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace stroma::sql
