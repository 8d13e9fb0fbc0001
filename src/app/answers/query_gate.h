#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>

#include "base/context.h"
#include "base/result.h"

namespace stroma::app {

/// Lets so many statements of users run at once, so that whoever asks most can neither fill the
/// machine nor the threads that answer requests. Any thread; outlives its turns.
class QueryGate {
public:
    struct Bounds {
        int running_max = 4;       ///< of all principals
        int running_max_each = 2;  ///< of one
        int waiting_max = 8;       ///< of all; one may be half of them
        Milliseconds wait{2'000};  ///< then there is no turn
    };
    explicit QueryGate(Bounds bounds) : bounds_(bounds) {}

    /// Held while a statement runs.
    class Turn {
    public:
        Turn(QueryGate& gate, std::string who) : gate_(&gate), who_(std::move(who)) {}
        Turn(Turn&& other) noexcept
            : gate_(std::exchange(other.gate_, nullptr)), who_(std::move(other.who_)) {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (gate_ != nullptr) gate_->leave(who_);
        }

    private:
        QueryGate* gate_;
        std::string who_;
    };
    /// Waits for a turn. errors  exhausted  too many run and wait, or none ended in time
    ///                           cancelled  `stop` was asked
    Result<Turn> enter(const std::string& who, std::stop_token stop);

private:
    struct Count {
        int running = 0, waiting = 0;
    };
    bool may_run(const std::string& who);
    void leave(const std::string& who);
    void forget_when_idle(const std::string& who);

    const Bounds bounds_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    Count all_;
    std::map<std::string, Count> each_;
};

}  // namespace stroma::app
