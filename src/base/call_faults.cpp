#include "base/call_faults.h"

#include <utility>

namespace stroma {

void CallFaults::plan(const CallFault& fault) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    calls_ = 0;
}

void CallFaults::before_each_call(Hook hook) {
    const std::lock_guard lock(mutex_);
    before_ = std::move(hook);
}

void CallFaults::after_each_call(Hook hook) {
    const std::lock_guard lock(mutex_);
    after_ = std::move(hook);
}

std::uint64_t CallFaults::calls_made() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

std::optional<CallFault> CallFaults::meet(std::string_view call) {
    Hook hook;
    std::optional<CallFault> met;
    {
        const std::lock_guard lock(mutex_);
        ++calls_;
        hook = before_;
        const bool now = calls_ == fault_.at || (fault_.ever_after && calls_ > fault_.at);
        if (fault_.at != 0 && now) met = fault_;
    }
    if (hook) hook(call);
    return met;
}

void CallFaults::tell_done(std::string_view call) {
    Hook hook;
    {
        const std::lock_guard lock(mutex_);
        hook = after_;
    }
    if (hook) hook(call);
}

Error CallFaults::error_of(const CallFault& fault, std::string_view call) {
    return {fault.code, "planned fault in " + std::string(call)};
}

}  // namespace stroma
