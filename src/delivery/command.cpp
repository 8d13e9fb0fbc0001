#include "delivery/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

extern char** environ;

namespace stroma::delivery {
namespace {

struct Pipe {
    int ends[2] = {-1, -1};
    ~Pipe() {
        close_end(0);
        close_end(1);
    }
    bool open() { return ::pipe2(ends, O_CLOEXEC) == 0; }
    void close_end(int end) {
        if (ends[end] >= 0) ::close(ends[end]);
        ends[end] = -1;
    }
};

Result<pid_t> start(const Command& command, const Pipe& input, const Pipe& output) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input.ends[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, output.ends[1], 1);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t usual;
    ::sigemptyset(&usual);
    ::posix_spawnattr_setsigmask(&attributes, &usual);
    sigset_t defaults;
    ::sigemptyset(&defaults);
    ::sigaddset(&defaults, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes, &defaults);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::string path = command.program.string();
    std::vector<std::string> words = command.arguments;
    std::vector<char*> arguments{path.data()};
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    char* const no_environment[] = {nullptr};
    pid_t child = 0;
    const int failed = ::posix_spawn(&child, path.c_str(), &actions, &attributes, arguments.data(),
                                     command.with_environment ? environ : no_environment);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (failed != 0) return fail(error_from_errno("starting", path, failed));
    return child;
}

/// Feeds and reads until the program closes its output.
Result<std::string> exchange(Pipe& to, Pipe& from, std::string_view input, std::size_t output_max,
                             Milliseconds most) {
    const auto until = std::chrono::steady_clock::now() + most;
    ::fcntl(to.ends[1], F_SETFL, O_NONBLOCK);
    std::string output;
    char bytes[64 << 10];
    for (;;) {
        const auto left =
            std::chrono::duration_cast<Milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return fail(ErrorCode::cancelled, "it took too long");
        if (input.empty()) to.close_end(1);
        pollfd watched[2] = {{from.ends[0], POLLIN, 0}, {to.ends[1], POLLOUT, 0}};
        if (::poll(watched, to.ends[1] >= 0 ? 2 : 1, static_cast<int>(left.count())) < 0 &&
            errno != EINTR)
            return fail(error_from_errno("waiting for", "a command", errno));
        if (to.ends[1] >= 0 && (watched[1].revents & (POLLOUT | POLLERR)) != 0) {
            const ssize_t put = ::write(to.ends[1], input.data(), input.size());
            if (put > 0) input.remove_prefix(static_cast<std::size_t>(put));
            // It may answer without having read everything.
            if (put < 0 && errno != EAGAIN && errno != EINTR) input = {};
        }
        if ((watched[0].revents & (POLLIN | POLLHUP)) == 0) continue;
        const ssize_t got = ::read(from.ends[0], bytes, sizeof bytes);
        if (got == 0) return output;
        if (got < 0) continue;
        output.append(bytes, static_cast<std::size_t>(got));
        if (output.size() > output_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("it writes more than {} bytes", output_max));
    }
}

}  // namespace

Result<std::string> run_command(const Command& command, std::string_view input,
                                std::size_t output_max, Milliseconds most) {
    Pipe to, from;
    if (!to.open() || !from.open()) return fail(error_from_errno("making", "a pipe", errno));
    const pid_t child = TRY(start(command, to, from));
    to.close_end(0);
    from.close_end(1);
    auto output = exchange(to, from, input, output_max, most);
    if (!output) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const std::string name = command.program.filename().string();
    if (!output) return fail(std::move(output.error()).with(name));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(ErrorCode::unavailable,
                    fmt::format("{} ended with {}", name,
                                WIFEXITED(status) ? fmt::format("code {}", WEXITSTATUS(status))
                                                  : fmt::format("signal {}", WTERMSIG(status))));
    return output;
}

}  // namespace stroma::delivery
