#include "app/terminal/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace stroma::app {
namespace {

std::atomic<int> signal_that_came{0};

/// Waits for the signals in a thread, where a stop_source may be used; a handler could not.
void wait_for_signals(const sigset_t& signals, std::stop_source& source) {
    for (;;) {
        int number = 0;
        if (sigwait(&signals, &number) != 0) continue;
        if (signal_that_came.exchange(number) == SIGINT && number == SIGINT) _exit(130);
        source.request_stop();
    }
}

}  // namespace

std::stop_token catch_interrupts() {
    // Both live until the process ends: the waiting thread may never be joined.
    static auto* const source = new std::stop_source;
    static sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread([] { wait_for_signals(signals, *source); }).detach();
    return source->get_token();
}

}  // namespace stroma::app
