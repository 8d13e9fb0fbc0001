#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "base/file.h"
#include "sync/sync_job.h"

namespace stroma::sync {

/// What tells that a file was changed.
struct FileState {
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;  ///< unix time
    bool operator==(const FileState&) const = default;
};

/// A folder as it is now. Symbolic links and what is no file (pipes, sockets) aren't followed.
struct FolderScan {
    std::map<std::string, FileState> files;  ///< by path in the folder, with slashes
    std::int64_t excluded = 0;               ///< by the job's patterns
    std::int64_t unready = 0;                ///< no marker yet
    std::int64_t links = 0;                  ///< symbolic links and special files
    std::vector<std::string> problems;  ///< folders that can't be read, names that aren't UTF-8
};

/// errors  unavailable, denied  the folder itself can't be read; cancelled
Result<FolderScan> scan_folder(const SyncJob& job, const std::stop_token& stop);

/// errors  not_found when it is gone, invalid_input when it is no file any more
Result<FileState> state_of(const File& file);

/// Whether a process has the file open to write (a read lease is refused then). False where the
/// file system has no leases.
bool is_being_written(const File& file);

}  // namespace stroma::sync
