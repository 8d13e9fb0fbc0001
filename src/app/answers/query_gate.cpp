#include "app/answers/query_gate.h"

#include <algorithm>

namespace stroma::app {

bool QueryGate::may_run(const std::string& who) {
    return all_.running < bounds_.running_max && each_[who].running < bounds_.running_max_each;
}

void QueryGate::forget_when_idle(const std::string& who) {
    const auto found = each_.find(who);
    if (found != each_.end() && found->second.running == 0 && found->second.waiting == 0)
        each_.erase(found);
}

Result<QueryGate::Turn> QueryGate::enter(const std::string& who, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!may_run(who)) {
        const bool is_full = all_.waiting >= bounds_.waiting_max ||
                             each_[who].waiting >= std::max(1, bounds_.waiting_max / 2);
        if (is_full) {
            forget_when_idle(who);
            return fail(ErrorCode::exhausted,
                        "too many statements run and wait already; ask again in a moment");
        }
        ++all_.waiting;
        ++each_[who].waiting;
        const bool has_turn =
            changed_.wait_for(lock, stop, bounds_.wait, [&] { return may_run(who); });
        --all_.waiting;
        --each_[who].waiting;
        if (!has_turn) {
            forget_when_idle(who);
            if (stop.stop_requested())
                return fail(ErrorCode::cancelled, "the client left while its statement waited");
            return fail(ErrorCode::exhausted,
                        "the statements that run didn't end in time; ask again in a moment");
        }
    }
    ++all_.running;
    ++each_[who].running;
    return Turn(*this, who);
}

void QueryGate::leave(const std::string& who) {
    {
        const std::lock_guard lock(mutex_);
        --all_.running;
        --each_[who].running;
        forget_when_idle(who);
    }
    changed_.notify_all();
}

}  // namespace stroma::app
