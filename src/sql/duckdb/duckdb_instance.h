#pragma once

#include <duckdb.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "sql/duckdb/engine_threads.h"
#include "sql/embedded_database.h"

namespace stroma::sql {

/// Lets one writer in at a time; waiting ends when it is free or when it was called off.
class WriteTurn {
public:
    /// False when `called_off` turned true (call wake() after changing it).
    bool enter(const std::function<bool()>& called_off);
    void leave();
    void wake();
    /// Lets everybody in, from now on.
    void open_wide() { is_wide_ = true; }
    bool is_wide() const { return is_wide_; }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool taken_ = false;
    bool is_wide_ = false;
};

/// The open engine: lives until the last connection and the last rows are gone.
struct DuckDbInstance {
    duckdb_database database = nullptr;
    std::string name;  ///< for messages: the file's path or "memory"
    fs::path file;
    WriteTurn writers;
    std::unique_ptr<EngineThreads> helpers;
    /// Kept open on purpose: closing any descriptor of the file would drop the engine's lock.
    std::vector<File> kept_open;
    std::mutex backup_mutex;

    ~DuckDbInstance();
};

/// Connects; the connection keeps the instance.
Result<std::unique_ptr<Connection>> connect_duckdb(std::shared_ptr<DuckDbInstance> instance);
/// EmbeddedDatabase::execute_named.
Result<std::unique_ptr<Rows>> execute_duckdb(Connection& connection, std::string_view statement,
                                             const NamedValues& values);
/// The engine's own handle of a connection made by connect_duckdb.
duckdb_connection handle_of(Connection& connection);

/// A statement's answer; keeps whatever `owner` keeps, and calls nothing of it.
std::unique_ptr<Rows> rows_from_duckdb(duckdb_result result, std::string statement,
                                       std::shared_ptr<void> owner);

Result<std::unique_ptr<Appender>> append_duckdb(duckdb_connection connection,
                                                std::string_view table, std::shared_ptr<void> owner,
                                                std::function<void()> failed);

/// Registers a function in the engine behind the connection.
Result<void> register_table_function(duckdb_connection connection, const std::string& name,
                                     TableFunction function);

}  // namespace stroma::sql
