#pragma once

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace stroma::expression {

/// A file or folder that is being written under a temporary name beside its own. It gets its own
/// name at the end (`commit`) or is removed: an error, or a crash and a rerun, leave nothing half.
class PendingOutput {
public:
    /// errors  already_exists  there is something at `path`
    static Result<PendingOutput> start(const fs::path& path);
    PendingOutput(PendingOutput&& other) noexcept;
    PendingOutput& operator=(PendingOutput&&) = delete;
    ~PendingOutput();

    /// Where to write: ".<name>.partial" in the same folder.
    const fs::path& working_path() const { return working_; }
    /// Makes a folder and its parents at or beneath the working path. Any thread.
    Result<void> make_folders(const fs::path& folder) const;
    /// Gives the output its name. durable: the name, too, survives a power loss.
    Result<void> commit(bool durable);

private:
    PendingOutput(fs::path path, fs::path working);
    fs::path path_, working_;
};

/// Writes a whole small file.
Result<void> write_new_file(const fs::path& path, ByteSpan bytes, bool durable);

}  // namespace stroma::expression
