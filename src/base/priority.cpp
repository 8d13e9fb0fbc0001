#include "base/priority.h"

#include <sys/resource.h>
#include <unistd.h>

namespace stroma {

void lower_thread_priority() {
    // On Linux a thread has its own value, whatever POSIX says of processes.
    static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10));
}

}  // namespace stroma
