#include "load/child/parser_spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "load/child/parser_child.h"

namespace stroma::loading {
namespace {

constexpr int above_spawned = 10;  ///< copies up here can't be overwritten by the renumbering

struct SpawnPlan {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    SpawnPlan() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
};

void plan_signals(posix_spawnattr_t& attributes) {
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

std::atomic<bool> is_allowed = false;

}  // namespace

void SpawnedParser::allow() { is_allowed = true; }

Result<SpawnedParser> SpawnedParser::start(const File& socket, const File& output,
                                           const File& scratch) {
    if (!is_allowed) return fail(ErrorCode::unsupported, "this program parses no foreign files");
    SpawnPlan plan;
    plan_signals(plan.attributes);
    ::posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&plan.actions, 1, "/dev/null", O_WRONLY, 0);
    const std::pair<const File*, int> given[] = {
        {&socket, spawned_socket}, {&output, spawned_output}, {&scratch, spawned_scratch}};
    File copies[3];
    for (int i = 0; i < 3; ++i) {
        const int copy = ::fcntl(given[i].first->descriptor(), F_DUPFD_CLOEXEC, above_spawned);
        if (copy < 0) return fail(error_from_errno("preparing", "the parser", errno));
        copies[i] = File(copy, "");
        ::posix_spawn_file_actions_adddup2(&plan.actions, copy, given[i].second);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, spawned_scratch + 1);
    std::string program = "stroma", argument(parser_child_argument),
                parent = std::to_string(::getpid());
    char* const arguments[] = {program.data(), argument.data(), parent.data(), nullptr};
    char* const environment[] = {nullptr};
    pid_t process = -1;
    const int failed = ::posix_spawn(&process, "/proc/self/exe", &plan.actions, &plan.attributes,
                                     arguments, environment);
    if (failed != 0) return fail(error_from_errno("starting", "the parser", failed));
    return SpawnedParser(process);
}

SpawnedParser::~SpawnedParser() {
    if (process_ < 0) return;
    kill();
    wait();
}

void SpawnedParser::kill() {
    if (process_ >= 0) ::kill(process_, SIGKILL);
}

int SpawnedParser::wait() {
    int status = 0;
    while (process_ >= 0 && ::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    return status;
}

}  // namespace stroma::loading
