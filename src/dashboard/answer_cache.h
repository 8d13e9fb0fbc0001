#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/context.h"
#include "base/result.h"

namespace stroma::dashboard {

/// Answers by what was asked, so that a hundred viewers of one panel cost one statement: who comes
/// while it runs waits for it, who comes later gets its answer until that is too old. Any thread.
class AnswerCache {
public:
    /// The clock outlives it.
    AnswerCache(std::uint64_t bytes_max, const Clock& clock)
        : bytes_max_(bytes_max), clock_(clock) {}

    struct Kept {
        std::shared_ptr<const std::string> text;
        std::int64_t asked_ms = 0;  ///< when it was asked, since 1970
    };
    using Make = std::function<Result<std::string>()>;

    /// The answer to `key` if it isn't older than `age_max`, else what `make` gives. A refusal of
    /// the question is kept as long; what may pass by itself (busy, cancelled) isn't.
    /// errors  those of make;  cancelled  `stop` was asked while another one ran
    Result<Kept> get(const std::string& key, Milliseconds age_max, std::stop_token stop,
                     const Make& make);

private:
    struct Entry {
        bool is_running = false, has_answer = false;
        Result<Kept> answer = Kept{};
        std::int64_t steady_ms = 0;  ///< when it was asked
        std::list<std::string>::iterator place;
    };
    void keep(const std::string& key, Entry& entry, Result<Kept> answer, std::int64_t asked_at);
    void make_room();
    static std::uint64_t size_of(const std::string& key, const Entry& entry);

    const std::uint64_t bytes_max_;
    const Clock& clock_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::map<std::string, Entry, std::less<>> entries_;
    std::list<std::string> by_use_;  ///< the newest first
    std::uint64_t bytes_ = 0;
};

}  // namespace stroma::dashboard
