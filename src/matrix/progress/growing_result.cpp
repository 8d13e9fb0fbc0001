#include "matrix/progress/growing_result.h"

namespace stroma::matrix {

void GrowingResult::settle(const fs::path& working, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (view_.file == nullptr) {
        auto file = File::open_to_read(working);
        if (!file) return;
        view_.file = std::make_shared<const File>(*std::move(file));
    }
    view_.bytes = bytes;
    changed_.notify_all();
}

void GrowingResult::end() {
    const std::lock_guard lock(mutex_);
    view_.ended = true;
    changed_.notify_all();
}

GrowingResult::View GrowingResult::wait_past(std::uint64_t offset, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, std::move(stop),
                  [&] { return view_.ended || (view_.file != nullptr && view_.bytes > offset); });
    return view_;
}

GrowingResults::Attempt::Attempt(GrowingResults& all, std::string_view job, std::string key)
    : all_(all), job_(job), result_(std::make_shared<GrowingResult>(std::move(key))) {
    const std::lock_guard lock(all_.mutex_);
    all_.by_job_[job_] = result_;
    all_.changed_.notify_all();
}

GrowingResults::Attempt::~Attempt() {
    {
        const std::lock_guard lock(all_.mutex_);
        // Another attempt may have taken the place of one that lost its lease.
        if (const auto at = all_.by_job_.find(job_);
            at != all_.by_job_.end() && at->second == result_)
            all_.by_job_.erase(at);
    }
    result_->end();
}

std::shared_ptr<GrowingResult> GrowingResults::wait_for(std::string_view job, Milliseconds wait,
                                                        std::stop_token stop) {
    std::unique_lock lock(mutex_);
    const auto find = [&] { return by_job_.find(job); };
    changed_.wait_for(lock, std::move(stop), wait, [&] { return find() != by_job_.end(); });
    const auto found = find();
    return found == by_job_.end() ? nullptr : found->second;
}

}  // namespace stroma::matrix
