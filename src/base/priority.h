#pragma once

namespace stroma {

/// Lets the calling thread, and those that it starts, run only where others leave the processors
/// free, or nearly so (nice 10). For good: a thread can't raise itself again.
void lower_thread_priority();

}  // namespace stroma
