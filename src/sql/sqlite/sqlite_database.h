#pragma once

#include <memory>

#include "base/context.h"
#include "base/file.h"
#include "sql/database.h"

namespace stroma::sql {

struct SqliteOptions {
    /// How long a statement waits for another writer (of this or another process) before it
    /// fails with conflict.
    Milliseconds busy_wait{10'000};
};

/// One SQLite file in WAL mode, synchronous=FULL: a commit has reached the disk when it returns.
/// Readers never wait and see the snapshot of their transaction's begin; writers take turns,
/// inside the process without polling. Other processes may have the file open too. Any thread;
/// the database must outlive its connections.
///
/// Integers, text, reals and bytes are stored as SQLite stores them; a column declared BOOLEAN
/// reads as bool.
class SqliteDatabase final : public Database {
public:
    /// Makes the file, mode 0600, when it is absent; its folder must be there.
    /// errors  corrupt  the file is not a SQLite database
    static Result<std::unique_ptr<SqliteDatabase>> open(const fs::path& path,
                                                        const SqliteOptions& options = {});
    /// The same engine on a file in the memory file system (or the temporary folder where there
    /// is none), never synced, gone with this object. For tests and throwaway work.
    static Result<std::unique_ptr<SqliteDatabase>> open_in_memory(
        const SqliteOptions& options = {});
    ~SqliteDatabase() override;

    Result<std::unique_ptr<Connection>> connect() override;
    Abilities abilities() const override;

    /// False: from the next transaction on a commit has survived the end of this process when it
    /// returns, however that comes, but not a loss of power; the file stays whole, as of an earlier
    /// commit. For work whose records nobody was promised.
    void let_commits_wait_for_disk(bool wait);

    /// Copies one snapshot to a new file at `path`, replacing it at once when whole, while others
    /// go on reading and writing.
    Result<void> backup_to(const fs::path& path);
    /// Walks every page, index and foreign key. Cost: reads the whole file.
    /// errors  corrupt  names what is wrong first
    Result<void> verify();
    const fs::path& path() const;

    struct State;

private:
    explicit SqliteDatabase(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace stroma::sql
