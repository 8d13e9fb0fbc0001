#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "base/context.h"
#include "base/file.h"

namespace stroma::sync {

/// Tells that something in a folder, or below it, changed (inotify). It hastens walks and replaces
/// none: events get lost, and network file systems give none. Used by one thread.
class FolderWatch {
public:
    /// errors  unavailable, exhausted  there are too many folders for the system's limit
    static Result<FolderWatch> open(const fs::path& folder);
    ~FolderWatch();
    FolderWatch(FolderWatch&&) noexcept;

    /// Waits until something changed, the time is over (false), or the stop. errors  cancelled
    Result<bool> wait(Milliseconds time, const std::stop_token& stop);

private:
    struct State;
    explicit FolderWatch(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::sync
