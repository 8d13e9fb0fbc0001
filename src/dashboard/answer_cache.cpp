#include "dashboard/answer_cache.h"

namespace stroma::dashboard {
namespace {

constexpr std::uint64_t entry_bytes = 200;  // of the maps, roughly

/// Asking the same again would give the same.
bool stays_true(const Result<AnswerCache::Kept>& answer) {
    return answer || answer.error().code == ErrorCode::invalid_input ||
           answer.error().code == ErrorCode::not_found;
}

}  // namespace

Result<AnswerCache::Kept> AnswerCache::get(const std::string& key, Milliseconds age_max,
                                           std::stop_token stop, const Make& make) {
    std::unique_lock lock(mutex_);
    while (true) {
        Entry& entry = entries_[key];
        const bool is_fresh =
            entry.has_answer && clock_.steady_ms() - entry.steady_ms < age_max.count();
        if (is_fresh) {
            by_use_.splice(by_use_.begin(), by_use_, entry.place);
            return entry.answer;
        }
        if (!entry.is_running) break;
        if (!changed_.wait(lock, stop, [&] {
                const auto found = entries_.find(key);
                return found == entries_.end() || !found->second.is_running;
            }))
            return fail(ErrorCode::cancelled, "the client left");
    }
    entries_[key].is_running = true;
    const std::int64_t asked_at = clock_.steady_ms(), asked_ms = clock_.unix_ms();
    lock.unlock();
    auto made = make();
    lock.lock();
    Result<Kept> answer =
        made ? Result<Kept>(Kept{std::make_shared<const std::string>(*std::move(made)), asked_ms})
             : Result<Kept>(fail(std::move(made.error())));
    Entry& entry = entries_[key];
    entry.is_running = false;
    keep(key, entry, answer, asked_at);
    changed_.notify_all();
    return answer;
}

std::uint64_t AnswerCache::size_of(const std::string& key, const Entry& entry) {
    const auto& answer = entry.answer;
    return 2 * key.size() + entry_bytes + (answer && answer->text ? answer->text->size() : 0);
}

void AnswerCache::keep(const std::string& key, Entry& entry, Result<Kept> answer,
                       std::int64_t asked_at) {
    if (entry.has_answer) {
        bytes_ -= size_of(key, entry);
        by_use_.erase(entry.place);
        entry.has_answer = false;
    }
    if (!stays_true(answer)) {
        entries_.erase(key);
        return;
    }
    entry.answer = std::move(answer);
    entry.steady_ms = asked_at;
    entry.has_answer = true;
    by_use_.push_front(key);
    entry.place = by_use_.begin();
    bytes_ += size_of(key, entry);
    make_room();
}

void AnswerCache::make_room() {
    while (bytes_ > bytes_max_ && !by_use_.empty()) {
        const auto oldest = entries_.find(by_use_.back());
        bytes_ -= size_of(oldest->first, oldest->second);
        by_use_.pop_back();
        oldest->second.has_answer = false;
        // Who asks it anew at this moment goes on with the entry.
        if (!oldest->second.is_running) entries_.erase(oldest);
    }
}

}  // namespace stroma::dashboard
