#pragma once

#include <functional>
#include <mutex>
#include <string_view>

#include "queue/queue.h"

namespace stroma::queue {

/// Which call of a FaultyQueue fails, and how.
struct QueueFault {
    enum class Kind {
        fail_before,  ///< the call does nothing and fails
        fail_after,   ///< the call is done, its answer is lost
        twice,        ///< a send is done twice, as an at-least-once network does
    };
    std::uint64_t at = 0;  ///< counts calls from 1; 0 is never
    bool ever_after = false;
    Kind kind = Kind::fail_before;
    ErrorCode code = ErrorCode::unavailable;
};

/// A queue that does as another does, but for the faults that a test plans. Any thread. The queue
/// must outlive this one.
class FaultyQueue final : public Queue {
public:
    explicit FaultyQueue(Queue& queue) : queue_(queue) {}

    void plan(const QueueFault& fault);
    /// Called before each call with its name: to be slow, or to act between two calls.
    void before_each_call(std::function<void(std::string_view)> hook);
    /// The same, before each call's answer is given: for an answer that comes late.
    void after_each_call(std::function<void(std::string_view)> hook);
    std::uint64_t calls_made() const;

    Result<std::string> send(std::string_view body, const SendOptions& options = {}) override;
    Result<std::vector<Message>> receive(int most = 1, Milliseconds wait = Milliseconds{0},
                                         std::optional<Milliseconds> lease = {}) override;
    Result<void> acknowledge(std::string_view receipt) override;
    Result<void> extend(std::string_view receipt, Milliseconds lease) override;
    Result<void> give_back(std::string_view receipt, Milliseconds delay) override;
    Result<void> bury(std::string_view receipt, std::string_view reason) override;
    Result<std::vector<DeadLetter>> dead_letters(int most) override;
    Result<std::int64_t> redrive() override;
    Result<std::int64_t> purge() override;
    Result<QueueStats> stats() override;

private:
    std::optional<QueueFault> meet(std::string_view name);
    void tell_done(std::string_view name);
    template <class T>
    Result<T> run(std::string_view name, const std::function<Result<T>()>& call);

    Queue& queue_;
    mutable std::mutex mutex_;
    QueueFault fault_;
    std::uint64_t calls_ = 0;
    std::function<void(std::string_view)> before_;
    std::function<void(std::string_view)> after_;
};

}  // namespace stroma::queue
