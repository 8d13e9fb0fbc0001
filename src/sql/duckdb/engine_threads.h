#pragma once

#include <duckdb.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace stroma::sql {

/// The threads that help with statements, in the place of the engine's own: those help with every
/// statement alike and can't be held back. Any thread.
class EngineThreads {
public:
    /// Helpers of a database that was opened with as many external threads as it has threads.
    EngineThreads(duckdb_database database, std::size_t count);
    ~EngineThreads();  ///< ends them; before the database is closed

    /// No helper begins to work on any statement before release() was called as often as hold().
    /// What a helper has begun it ends, so that nobody waits for a long statement here.
    void hold();
    void release();

private:
    struct Round;
    void help();

    duckdb_database database_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<Round> round_;   ///< null while held
    std::shared_ptr<Round> ending_;  ///< the one before, while held
    std::size_t holds_ = 0;
    bool closing_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace stroma::sql
