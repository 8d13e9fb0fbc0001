#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace stroma {

std::size_t thread_count() {
    static const std::size_t count = [] {
        if (const char* text = std::getenv("STROMA_THREADS")) {
            const long asked = std::strtol(text, nullptr, 10);
            if (asked > 0 && asked <= 1024) return static_cast<std::size_t>(asked);
        }
        cpu_set_t set;
        if (sched_getaffinity(0, sizeof set, &set) == 0)
            return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
        return std::size_t{std::max(1u, std::thread::hardware_concurrency())};
    }();
    return count;
}

Result<void> parallel_for(std::size_t count, const std::function<Result<void>(std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    std::mutex mutex;
    std::optional<std::pair<std::size_t, Error>> first_error;

    const auto run = [&] {
        for (std::size_t i = next++; i < count && !failed; i = next++) {
            Result<void> done = work(i);
            if (done) continue;
            failed = true;
            const std::lock_guard lock(mutex);
            if (!first_error || i < first_error->first) first_error = {i, std::move(done.error())};
        }
    };
    {
        const std::size_t helpers = std::min(thread_count(), count) - (count > 0 ? 1 : 0);
        std::vector<std::jthread> team;
        for (std::size_t i = 0; i < helpers; ++i) team.emplace_back(run);
        run();
    }
    if (first_error) return fail(std::move(first_error->second));
    return {};
}

}  // namespace stroma
