#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// What the faulty twins of stores, queues, streams and databases share: which of their calls
// fails, and how. For tests only.

namespace stroma {

struct CallFault {
    enum class Kind {
        fail_before,  ///< the call does nothing and fails
        fail_after,   ///< the call is done, its answer is lost: fails as if it were not
        torn,         ///< the call does the first half of what can be halved, and fails
        twice,        ///< a send or append is done twice, as an at-least-once network does
    };
    std::uint64_t at = 0;  ///< counts calls from 1; 0 is never
    bool ever_after = false;
    Kind kind = Kind::fail_before;
    ErrorCode code = ErrorCode::unavailable;
};

/// A test's plan for one twin, and the count of the twin's calls. Any thread.
class CallFaults {
public:
    using Hook = std::function<void(std::string_view call)>;

    void plan(const CallFault& fault);  ///< counts anew
    /// Called before each call with its name ("commit", "read_at" …): to be slow, or to act
    /// between two calls. Not called from inside itself.
    void before_each_call(Hook hook);
    /// The same, before each call's answer is given: for an answer that comes late.
    void after_each_call(Hook hook);
    std::uint64_t calls_made() const;

    /// For twins: counts a call; the fault that it meets, if any.
    std::optional<CallFault> meet(std::string_view call);
    void tell_done(std::string_view call);
    static Error error_of(const CallFault& fault, std::string_view call);
    /// For twins: makes a call that has no halves.
    template <class T>
    Result<T> run(std::string_view call, const std::function<Result<T>()>& make) {
        return answer<T>(call, meet(call), make);
    }
    /// The same for a call that an at-least-once network may do twice.
    template <class T>
    Result<T> run_or_repeat(std::string_view call, const std::function<Result<T>()>& make) {
        auto fault = meet(call);
        if (fault && fault->kind == CallFault::Kind::twice) {
            (void)make();
            fault.reset();
        }
        return answer<T>(call, fault, make);
    }

private:
    template <class T>
    Result<T> answer(std::string_view call, const std::optional<CallFault>& fault,
                     const std::function<Result<T>()>& make) {
        if (!fault) {
            auto made = make();
            tell_done(call);
            return made;
        }
        if (fault->kind == CallFault::Kind::fail_after) (void)make();
        return fail(error_of(*fault, call));
    }

    mutable std::mutex mutex_;
    CallFault fault_;
    std::uint64_t calls_ = 0;
    Hook before_, after_;
};

}  // namespace stroma
