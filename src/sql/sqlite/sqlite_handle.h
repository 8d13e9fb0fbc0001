#pragma once

#include <sqlite3.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "sql/database.h"

// Private to this driver: what a connection and the rows it gave share.

namespace stroma::sql {

/// Lets one writer of the process through at a time. Not tied to the thread that entered.
class WriterGate {
public:
    bool enter(Milliseconds wait);
    void leave();

    /// Whether a commit is on the disk when it returns; else it is with the kernel.
    std::atomic<bool> commits_reach_disk{true};

private:
    std::mutex mutex_;
    std::condition_variable left_;
    bool taken_ = false;
};

/// The error of that result code, with the engine's own words.
Error error_from_sqlite(sqlite3* database, int code, std::string_view doing);

/// Opens one connection on the file and sets what every connection must have.
Result<sqlite3*> open_sqlite(const fs::path& path, Milliseconds busy_wait, bool durable);

/// One open SQLite connection with its idle prepared statements. One thread at a time.
class SqliteHandle {
public:
    SqliteHandle(sqlite3* database, std::shared_ptr<WriterGate> gate, Milliseconds busy_wait);
    ~SqliteHandle();
    SqliteHandle(const SqliteHandle&) = delete;
    SqliteHandle& operator=(const SqliteHandle&) = delete;

    sqlite3* database() const { return database_; }
    /// The statement, from the idle ones or newly prepared; give it back with put_back.
    Result<sqlite3_stmt*> prepare(std::string_view text);
    void put_back(sqlite3_stmt* statement);
    Result<void> run(const char* statement);
    /// Enters the writers' gate unless this connection is in it.
    Result<void> enter_gate();
    void leave_gate();

    /// Remembers the first failure inside a transaction, so that commit fails; gives it back.
    Error failed(Error error);

    enum class Inside { nothing, read, write } inside = Inside::nothing;
    std::optional<Error> first_failure;

private:
    static constexpr std::size_t idle_max = 128;
    sqlite3* database_;
    std::shared_ptr<WriterGate> gate_;
    Milliseconds busy_wait_;
    bool in_gate_ = false;
    bool reaches_disk_ = true;
    std::unordered_map<std::string, sqlite3_stmt*> idle_;
};

/// Open connections that nobody uses: another would read the whole schema anew. Any thread.
class IdleHandles {
public:
    /// Null when there is none.
    std::shared_ptr<SqliteHandle> take();
    void put(std::shared_ptr<SqliteHandle> handle);

private:
    static constexpr std::size_t most = 16;
    std::mutex mutex_;
    std::vector<std::shared_ptr<SqliteHandle>> handles_;
};

/// At its end the handle goes to the idle ones, unless they are gone or rows still read from it.
std::unique_ptr<Connection> make_sqlite_connection(std::shared_ptr<SqliteHandle> handle,
                                                   std::weak_ptr<IdleHandles> idle);

}  // namespace stroma::sql
