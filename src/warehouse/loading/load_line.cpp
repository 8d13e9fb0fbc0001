#include "warehouse/loading/load_line.h"

#include <utility>

#include "warehouse/state.h"

namespace stroma::warehouse {

std::shared_ptr<LoadLine> make_load_line() { return std::make_shared<LoadLine>(); }

void LoadLine::pass(Load& load, const Write& write) {
    Place mine{&load};
    std::unique_lock lock(mutex_);
    waiting_.push_back(&mine);
    changed_.wait(lock, [&] { return mine.is_written || !is_writing_; });
    if (mine.is_written) return;
    is_writing_ = true;
    const auto together = std::exchange(waiting_, {});
    lock.unlock();
    std::vector<Load*> loads;
    for (const Place* place : together) loads.push_back(place->load);
    write(loads);
    lock.lock();
    for (Place* place : together) place->is_written = true;
    is_writing_ = false;
    lock.unlock();
    changed_.notify_all();
}

std::size_t LoadLine::waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
}

}  // namespace stroma::warehouse
