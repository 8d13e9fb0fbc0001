#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/baton.h"
#include "sql/database.h"

namespace stroma::sql {

/// Small writes that come while others are being committed wait for each other and are committed
/// together: one sync of the disk serves all of them. Each runs inside a savepoint of the common
/// transaction, so that its failure takes back what it did and nothing else. Nobody waits for
/// company: a write that finds no other runs at once. Any thread; the database must outlive it.
///
/// A work runs on the thread of whoever leads its batch, before other works of the batch and after
/// others, and sees what those before it wrote. It must not wait for anything, nor call run().
class WriteGroup {
public:
    using Work = std::function<Result<void>(Connection&)>;

    explicit WriteGroup(Database& database) : database_(database) {}
    WriteGroup(const WriteGroup&) = delete;
    WriteGroup& operator=(const WriteGroup&) = delete;

    /// Runs the work and returns when its changes have reached the disk.
    /// errors  the work's own: nothing of it is left, the others of its batch go on
    ///         the commit's: nothing of the batch is left, everyone in it gets the same error
    Result<void> run(const Work& work);

    /// The same for a work that gives something: run([&](Connection& c) -> Result<int> {…}).
    template <class Function>
    requires(!std::is_same_v<std::invoke_result_t<Function&, Connection&>, Result<void>>) auto run(
        Function&& function) -> std::invoke_result_t<Function&, Connection&> {
        std::optional<typename std::invoke_result_t<Function&, Connection&>::value_type> made;
        const Work work = [&](Connection& connection) -> Result<void> {
            made = TRY(function(connection));
            return {};
        };
        TRY(run(work));
        return std::move(*made);
    }

    /// To be called inside a work: `then` is called once its changes are on the disk, on the thread
    /// that called run(), before run() returns; never if they don't get there.
    void when_committed(std::function<void()> then);

    Database& database() const { return database_; }
    /// How many works wait for their turn.
    std::size_t waiting() const;

private:
    struct Place {
        const Work& work;
        Result<void> done = {};
        bool is_over = false;
        std::vector<std::function<void()>> after = {};
        /// Its turn has come. Shared, since it is told after the lock is let go: who is woken while
        /// the lock is held has to go to sleep again.
        std::shared_ptr<Baton> turn = {};
    };
    void lead(Place& mine, std::unique_lock<std::mutex>& lock);
    void write(const std::vector<Place*>& batch);
    Result<void> write_all(const std::vector<Place*>& batch);
    Result<void> write_one(Place& place);

    Database& database_;
    mutable std::mutex mutex_;
    std::vector<Place*> waiting_;
    bool is_led_ = false;
    std::unique_ptr<Connection> connection_;  ///< the leader's
    Place* running_ = nullptr;                ///< the leader's
};

}  // namespace stroma::sql
