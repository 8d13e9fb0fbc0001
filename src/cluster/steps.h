#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"

namespace stroma::cluster {

/// How the steps tell how far they are and ask whether to stop; both may be empty.
struct Steps {
    std::function<void(std::string_view step, double done, double total)> tell;
    std::function<bool()> cancelled;

    /// errors  cancelled
    Result<void> at(std::string_view step, double done, double total) const {
        if (tell) tell(step, done, total);
        if (cancelled && cancelled()) return fail(ErrorCode::cancelled, "it was cancelled");
        return {};
    }
};

}  // namespace stroma::cluster
