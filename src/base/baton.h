#pragma once

#include <semaphore.h>

#include <cassert>
#include <cerrno>

namespace stroma {

/// One thread waits until another has passed it on, once. Who waits sleeps at once: GCC's
/// std::binary_semaphore first yields the processor again and again, which among many that wait
/// takes it from the one that works. May be destroyed as soon as wait() has returned.
class Baton {
public:
    Baton() {
        const int made = ::sem_init(&semaphore_, 0, 0);
        assert(made == 0);
        (void)made;
    }
    ~Baton() { ::sem_destroy(&semaphore_); }
    Baton(const Baton&) = delete;
    Baton& operator=(const Baton&) = delete;

    void pass() { ::sem_post(&semaphore_); }
    void wait() {
        while (::sem_wait(&semaphore_) != 0) assert(errno == EINTR);
    }

private:
    sem_t semaphore_;
};

}  // namespace stroma
