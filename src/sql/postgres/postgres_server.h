#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace stroma::sql {

/// A PostgreSQL server of a test's own, behind a socket in a folder that goes with it. Nothing when
/// PostgreSQL isn't installed.
class PostgresServer {
public:
    static Result<std::unique_ptr<PostgresServer>> start();
    ~PostgresServer();
    /// Of a new, empty database.
    std::string new_database();

private:
    explicit PostgresServer(std::string folder) : folder_(std::move(folder)) {}
    std::string folder_;
    int databases_ = 0;
};

}  // namespace stroma::sql
