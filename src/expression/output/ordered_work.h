#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>

#include "base/result.h"
#include "expression/annotated_data.h"

namespace stroma::expression {

/// How many pieces of about that size may be in memory at once: two a thread, at most 96 MiB in
/// all, at least two.
std::size_t slots_for(std::uint64_t piece_bytes);

/// Makes pieces 0 … count - 1 on all cores and takes them one at a time in rising order, so a
/// file that is only appended to has the same bytes on any number of threads. Piece i lives in
/// slot i % slots from its `make` to the end of its `take`.
/// errors  cancelled  when the watch says so; else the first error of a piece
Result<void> run_in_order(std::size_t count, std::size_t slots, const Watch& watch,
                          const std::function<Result<void>(std::size_t, std::size_t)>& make,
                          const std::function<Result<void>(std::size_t, std::size_t)>& take);

/// Tells a Watch how many of a known number of cells are written. Any thread.
class Progress {
public:
    Progress(const Watch& watch, double total) : watch_(watch), total_(total) {}
    void add(double cells);
    /// errors  cancelled
    Result<void> check() const;

private:
    const Watch& watch_;
    double total_, done_ = 0;
    std::mutex mutex_;
};

}  // namespace stroma::expression
