#include "queue/faulty/faulty_queue.h"

#include <string>

namespace stroma::queue {

void FaultyQueue::plan(const QueueFault& fault) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    calls_ = 0;
}

void FaultyQueue::before_each_call(std::function<void(std::string_view)> hook) {
    const std::lock_guard lock(mutex_);
    before_ = std::move(hook);
}

void FaultyQueue::after_each_call(std::function<void(std::string_view)> hook) {
    const std::lock_guard lock(mutex_);
    after_ = std::move(hook);
}

std::uint64_t FaultyQueue::calls_made() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

std::optional<QueueFault> FaultyQueue::meet(std::string_view name) {
    std::function<void(std::string_view)> hook;
    std::optional<QueueFault> met;
    {
        const std::lock_guard lock(mutex_);
        ++calls_;
        hook = before_;
        const bool now = calls_ == fault_.at || (fault_.ever_after && calls_ > fault_.at);
        if (fault_.at != 0 && now) met = fault_;
    }
    if (hook) hook(name);
    return met;
}

void FaultyQueue::tell_done(std::string_view name) {
    std::function<void(std::string_view)> hook;
    {
        const std::lock_guard lock(mutex_);
        hook = after_;
    }
    if (hook) hook(name);
}

template <class T>
Result<T> FaultyQueue::run(std::string_view name, const std::function<Result<T>()>& call) {
    const auto fault = meet(name);
    if (!fault) {
        auto answer = call();
        tell_done(name);
        return answer;
    }
    if (fault->kind != QueueFault::Kind::fail_before) {
        auto done = call();
        if (fault->kind == QueueFault::Kind::twice) return name == "send" ? call() : done;
    }
    return fail(fault->code, "planned fault in " + std::string(name));
}

Result<std::string> FaultyQueue::send(std::string_view body, const SendOptions& options) {
    return run<std::string>("send", [&] { return queue_.send(body, options); });
}

Result<std::vector<Message>> FaultyQueue::receive(int most, Milliseconds wait,
                                                  std::optional<Milliseconds> lease) {
    return run<std::vector<Message>>("receive", [&] { return queue_.receive(most, wait, lease); });
}

Result<void> FaultyQueue::acknowledge(std::string_view receipt) {
    return run<void>("acknowledge", [&] { return queue_.acknowledge(receipt); });
}

Result<void> FaultyQueue::extend(std::string_view receipt, Milliseconds lease) {
    return run<void>("extend", [&] { return queue_.extend(receipt, lease); });
}

Result<void> FaultyQueue::give_back(std::string_view receipt, Milliseconds delay) {
    return run<void>("give_back", [&] { return queue_.give_back(receipt, delay); });
}

Result<void> FaultyQueue::bury(std::string_view receipt, std::string_view reason) {
    return run<void>("bury", [&] { return queue_.bury(receipt, reason); });
}

Result<std::vector<DeadLetter>> FaultyQueue::dead_letters(int most) {
    return run<std::vector<DeadLetter>>("dead_letters", [&] { return queue_.dead_letters(most); });
}

Result<std::int64_t> FaultyQueue::redrive() {
    return run<std::int64_t>("redrive", [&] { return queue_.redrive(); });
}

Result<std::int64_t> FaultyQueue::purge() {
    return run<std::int64_t>("purge", [&] { return queue_.purge(); });
}

Result<QueueStats> FaultyQueue::stats() {
    return run<QueueStats>("stats", [&] { return queue_.stats(); });
}

}  // namespace stroma::queue
