#include "base/process_fence.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fcntl.h>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/threads.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STROMA_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STROMA_SANITIZED 1
#endif
#endif

namespace stroma {
namespace {

#ifdef STROMA_SANITIZED
constexpr bool is_sanitized = true;  // reserves terabytes of addresses
#else
constexpr bool is_sanitized = false;
#endif

constexpr std::size_t thread_stack_bytes = 2u << 20;

tl::unexpected<Error> refused(const char* what) {
    return fail(error_from_errno("fencing in a child process:", what, errno));
}

Result<void> limit(decltype(RLIMIT_AS) which, std::uint64_t soft, std::uint64_t hard,
                   const char* name) {
    const rlimit value{soft, hard};
    if (::setrlimit(which, &value) != 0) return refused(name);
    return {};
}

/// What the program takes already: addresses in all, and those that are its own to write.
struct Taken {
    std::uint64_t addresses = 0, data = 0;
};

Taken taken_bytes() {
    unsigned long long size = 0, data = 0;
    if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
        if (std::fscanf(file, "%llu %*u %*u %*u %*u %llu", &size, &data) != 2) size = data = 0;
        std::fclose(file);
    }
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return {size * page, data * page};
}

Result<void> set_limits(const FenceLimits& limits) {
    // Further arenas of malloc read a setting of the kernel when they shrink, which the fence would
    // kill; they and the stacks also take addresses, which are what is limited.
    ::mallopt(M_ARENA_MAX, 1);
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, thread_stack_bytes);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);

    // Memory is what it may write. The sealed file, which it maps to turn it, is the disk's: it
    // counts as addresses only.
    const Taken taken = taken_bytes();
    const std::uint64_t memory = limits.memory_bytes + thread_count() * thread_stack_bytes;
    const std::uint64_t data = taken.data + memory;
    const std::uint64_t addresses = taken.addresses + memory + limits.output_bytes;
    if (!is_sanitized) {
        TRY(limit(RLIMIT_DATA, data, data, "RLIMIT_DATA"));
        TRY(limit(RLIMIT_AS, addresses, addresses, "RLIMIT_AS"));
    }
    // The parent watches the clock; this holds should the parent hang.
    const std::uint64_t seconds =
        (static_cast<std::uint64_t>(limits.time.count()) / 1000 + 1) * thread_count();
    TRY(limit(RLIMIT_CPU, seconds, seconds + 5, "RLIMIT_CPU"));
    TRY(limit(RLIMIT_FSIZE, limits.output_bytes, limits.output_bytes, "RLIMIT_FSIZE"));
    TRY(limit(RLIMIT_NOFILE, 256, 256, "RLIMIT_NOFILE"));
    return limit(RLIMIT_CORE, 0, 0, "RLIMIT_CORE");
}

struct ReleaseFilter {
    void operator()(void* filter) const { ::seccomp_release(filter); }
};

constexpr int allowed_calls[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(readv),
    SCMP_SYS(preadv),
    SCMP_SYS(write),
    SCMP_SYS(pwrite64),
    SCMP_SYS(writev),
    SCMP_SYS(pwritev),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(sync_file_range),
    SCMP_SYS(fadvise64),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(msync),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getcpu),
    SCMP_SYS(membarrier),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    SCMP_SYS(sysinfo),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(recvfrom),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
};

/// Calls that are allowed with certain arguments only.
int add_conditional_rules(scmp_filter_ctx filter) {
    const auto allow = [&](int call, scmp_arg_cmp condition) {
        return ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &condition);
    };
    const auto self = static_cast<scmp_datum_t>(::getpid());
    int failed = 0;
    // No new code. Memory without a file isn't shared, since RLIMIT_DATA doesn't count such.
    for (const int kind : {MAP_SHARED, MAP_ANONYMOUS}) {
        const scmp_arg_cmp conditions[] = {
            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
            SCMP_A3(SCMP_CMP_MASKED_EQ, static_cast<scmp_datum_t>(kind), 0)};
        failed |= ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, conditions);
    }
    failed |= allow(SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    // Threads, no processes. clone3 hides its flags in memory, so libc must take clone.
    failed |= allow(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    failed |= ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    // abort() signals its own thread.
    failed |= allow(SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, self));
    // fstat is this call with an empty name.
    failed |= allow(SCMP_SYS(newfstatat), SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
    // Reading limits, setting none.
    failed |= allow(SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
    failed |= allow(SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    failed |= allow(SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_GETFL));
    failed |= allow(SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC));
    return failed;
}

Result<void> allow_few_calls() {
    const std::unique_ptr<void, ReleaseFilter> filter(::seccomp_init(SCMP_ACT_KILL_PROCESS));
    if (filter == nullptr) return refused("seccomp");
    int failed = add_conditional_rules(filter.get());
    for (const int call : allowed_calls)
        failed |= ::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
    if (failed != 0 || ::seccomp_load(filter.get()) != 0) return refused("seccomp");
    return {};
}

}  // namespace

Result<void> fence_in(const FenceLimits& limits) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("PR_SET_NO_NEW_PRIVS");
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return refused("PR_SET_DUMPABLE");
    // Containers often forbid it. What counts is below: without sockets there is no network.
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0) errno = 0;
    TRY(set_limits(limits));
    return allow_few_calls();
}

}  // namespace stroma
