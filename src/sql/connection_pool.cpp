#include "sql/connection_pool.h"

#include <utility>

namespace stroma::sql {

ConnectionPool::Lease::~Lease() {
    if (!connection_) return;
    connection_->rollback();
    const std::lock_guard lock(pool_->mutex_);
    pool_->idle_.push_back(std::move(connection_));
}

Result<ConnectionPool::Lease> ConnectionPool::take() {
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back());
            idle_.pop_back();
            return Lease(*this, std::move(connection));
        }
    }
    return Lease(*this, TRY(database_.connect()));
}

}  // namespace stroma::sql
