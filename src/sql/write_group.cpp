#include "sql/write_group.h"

#include <algorithm>
#include <cassert>
#include <exception>

#include "base/log.h"

namespace stroma::sql {
namespace {

/// More than this in one transaction would keep the first of them waiting for nothing.
constexpr std::size_t batch_max = 512;

}  // namespace

Result<void> WriteGroup::run(const Work& work) {
    Place mine{work};
    std::unique_lock lock(mutex_);
    waiting_.push_back(&mine);
    if (std::exchange(is_led_, true)) {
        const auto turn = mine.turn = std::make_shared<Baton>();
        lock.unlock();
        turn->wait();
        if (!mine.is_over) lock.lock();  // told to lead
    }
    if (!mine.is_over) lead(mine, lock);
    if (mine.done)
        for (const auto& then : mine.after) then();
    return std::move(mine.done);
}

/// Writes what waits, `mine` among it, and hands the lead on. Lets the lock go.
void WriteGroup::lead(Place& mine, std::unique_lock<std::mutex>& lock) {
    const auto end =
        waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), batch_max));
    const std::vector<Place*> batch(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    lock.unlock();
    write(batch);
    std::vector<std::shared_ptr<Baton>> told;
    lock.lock();
    is_led_ = !waiting_.empty();
    if (is_led_) told.push_back(waiting_.front()->turn);
    lock.unlock();
    // A place may be gone as soon as its owner has been told.
    for (Place* place : batch) {
        place->is_over = true;
        if (place != &mine) told.push_back(place->turn);
    }
    for (const auto& turn : told) turn->pass();
}

void WriteGroup::when_committed(std::function<void()> then) {
    assert(running_ != nullptr);
    running_->after.push_back(std::move(then));
}

std::size_t WriteGroup::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
}

void WriteGroup::write(const std::vector<Place*>& batch) {
    const auto written = write_all(batch);
    if (written) return;
    if (connection_) connection_->rollback();
    connection_.reset();  // whatever ails it, the next batch starts afresh
    for (Place* place : batch)
        if (place->done) place->done = fail(written.error());
}

Result<void> WriteGroup::write_all(const std::vector<Place*>& batch) {
    if (!connection_) connection_ = TRY(database_.connect());
    TRY(connection_->begin(TransactionKind::write));
    for (Place* place : batch) TRY(write_one(*place));
    return connection_->commit();
}

/// Fails when the batch can't go on; the work's own failure is noted in its place.
Result<void> WriteGroup::write_one(Place& place) {
    TRY(connection_->execute("SAVEPOINT work"));
    running_ = &place;
    // A work that throws is a bug, and still not the others': who leads must go on to let the next
    // lead, or nobody would write any more.
    try {
        place.done = place.work(*connection_);
    } catch (const std::exception& error) {
        log(LogLevel::error, "a write threw; this is a bug", {{"what", error.what()}});
        place.done = fail(ErrorCode::corrupt, "the server failed at this write");
    }
    running_ = nullptr;
    if (!place.done) TRY(connection_->execute("ROLLBACK TO work"));
    TRY(connection_->execute("RELEASE work"));
    return {};
}

}  // namespace stroma::sql
