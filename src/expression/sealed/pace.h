#pragma once

#include <mutex>
#include <string_view>

#include "expression/annotated_data.h"

namespace stroma::expression {

/// Tells how far it is and asks whether to go on, from any thread.
class Pace {
public:
    Pace(const Watch& watch, std::size_t pieces, std::string_view unit)
        : watch_(watch), pieces_(pieces), unit_(unit) {}
    Result<void> begin_piece() {
        if (!watch_.cancelled && !watch_.progress) return {};
        const std::lock_guard lock(mutex_);
        if (watch_.cancelled && watch_.cancelled())
            return fail(ErrorCode::cancelled, "the reading of a matrix was stopped");
        if (watch_.progress)
            watch_.progress(static_cast<double>(done_), static_cast<double>(pieces_), unit_);
        ++done_;
        return {};
    }

private:
    const Watch& watch_;
    std::size_t pieces_, done_ = 0;
    std::string_view unit_;
    std::mutex mutex_;
};

}  // namespace stroma::expression
