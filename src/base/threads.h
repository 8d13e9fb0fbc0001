#pragma once

#include <cstddef>
#include <functional>

#include "base/result.h"

namespace stroma {

/// How many threads a kernel uses: the processors this process may run on, or STROMA_THREADS.
std::size_t thread_count();

/// Runs work(0) … work(count - 1) on at most thread_count() threads, taking the next number as
/// each is done, and returns the first error in number order among those that ran; after an error
/// no new number is started. The caller's thread takes part.
Result<void> parallel_for(std::size_t count, const std::function<Result<void>(std::size_t)>& work);

}  // namespace stroma
