#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/context.h"
#include "sync/destination.h"
#include "sync/manifest.h"

namespace stroma::sync {

/// A settled file to be sent, in the state that it had when it was looked at.
struct PlannedFile {
    std::string path;
    FileState state;
    std::string upload;  ///< begun before for this state, or ""
    std::uint64_t part_bytes = 0;
};

/// What has gone so far; read while others add.
struct SendCounts {
    std::atomic<std::int64_t> files = 0, bytes = 0;
    std::atomic<std::int64_t> resumed_parts = 0, resumed_bytes = 0;
    std::atomic<std::int64_t> waiting = 0;  ///< that turned out to be written at the moment
};

struct SendProblem {
    std::string path;
    Error error;
};

/// What sending needs; all of it outlives the call.
struct SendSite {
    const SyncJob& job;
    Manifest& manifest;
    const OpenDestination& open;
    Pace& pace;
    const Clock& clock;
};

/// Sends the files over the job's connections, whole or in parts, several parts of one file at
/// once; notes each part and each file as it is done, so that another call goes on where this one
/// was cut. A file that fails doesn't hold up the others; what no file could do better with (no
/// such bucket, wrong keys) ends the call.
/// errors  denied, not_found, cancelled, unavailable
Result<void> send_files(const SendSite& site, const std::vector<PlannedFile>& files,
                        SendCounts& counts, std::vector<SendProblem>& problems,
                        const std::stop_token& stop);

/// How large parts of a file are: as the job says, more where 10,000 of them would be too few.
std::uint64_t part_bytes_for(std::uint64_t size, std::uint64_t wanted);

/// A file's digest as the manifest keeps it, of its parts' digests.
std::string digest_of_parts(const std::vector<std::string>& sha256s);
/// The same, by reading the file. errors  conflict  it is no longer in that state
Result<std::string> digest_of_file(const fs::path& path, const FileState& state,
                                   std::uint64_t part_bytes, const std::stop_token& stop);

}  // namespace stroma::sync
