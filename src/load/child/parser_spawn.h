#pragma once

#include <sys/types.h>

#include "base/file.h"

namespace stroma::loading {

// Which descriptors a parser child finds open, beside standard error.
constexpr int spawned_socket = 3;
constexpr int spawned_output = 4;
constexpr int spawned_scratch = 5;

/// A parser child as its parent holds it: killed and reaped when it goes.
class SpawnedParser {
public:
    /// Said by main's first question (is_parser_child). A program whose main doesn't ask would run
    /// itself anew as its own child, and so on.
    static void allow();
    /// Starts this program anew with an empty environment and those descriptors only.
    static Result<SpawnedParser> start(const File& socket, const File& output, const File& scratch);
    SpawnedParser(SpawnedParser&& other) noexcept : process_(std::exchange(other.process_, -1)) {}
    SpawnedParser& operator=(SpawnedParser&&) = delete;
    ~SpawnedParser();

    void kill();
    /// Waits for its end; the status as waitpid gives it.
    int wait();

private:
    explicit SpawnedParser(pid_t process) : process_(process) {}
    pid_t process_ = -1;
};

}  // namespace stroma::loading
