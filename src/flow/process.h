#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"

namespace stroma::flow {

struct ProcessOrder {
    std::vector<std::string> command;      ///< the program is found along PATH
    fs::path folder;                       ///< that it runs in
    std::vector<std::string> environment;  ///< "NAME=value", all of it
    /// In its environment as STROMA_TASK_MARK: whatever it starts is found by that, also after
    /// this process has died.
    std::string mark;
    std::uint64_t memory_bytes = 0;  ///< of it and all it starts, what they write to
    Milliseconds timeout{0};
    fs::path log;  ///< what it writes to both outputs, but progress; cut at log_bytes_max
    std::uint64_t log_bytes_max = 4u << 20;
};

/// How a process ended.
struct ProcessEnd {
    int exit_code = 0;  ///< when signal is 0
    int signal = 0;
    bool timed_out = false, cancelled = false, over_memory = false;  ///< why it was ended by us
    double core_seconds = 0;
    std::uint64_t peak_bytes = 0;  ///< the most that was seen
    std::string error_tail;        ///< the last lines of its standard error
};

/// Runs it as a session of its own without a terminal and without our files and secrets, ends it
/// and everything it started when it is cancelled (asked ten times a second), takes too long or
/// too much memory, and when it ends by itself leaves nothing of it behind. It dies with this
/// process. `on_line` gets each line of its standard output.
/// errors  unavailable  it could not be started
Result<ProcessEnd> run_process(const ProcessOrder& order, const std::function<bool()>& cancelled,
                               const std::function<void(std::string_view)>& on_line);

/// Kills every process of this user whose mark begins so, and waits for their ends (for up to five
/// seconds each); gives how many there were.
int kill_marked(std::string_view beginning);

}  // namespace stroma::flow
