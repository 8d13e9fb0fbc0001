#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "sync/path_filter.h"

namespace stroma::sync {

/// What becomes of an object whose file is gone.
enum class DeletePolicy {
    keep,
    mirror,  ///< removed, when this agent sent it
};

/// What is compared when a file is sent.
enum class Verification {
    transport,    ///< each request's SHA-256, by the store
    transferred,  ///< and the file, read once more, with what was sent
};

/// One folder that is kept in a bucket.
struct SyncJob {
    std::string name;
    std::string folder;          ///< absolute
    std::string bucket, prefix;  ///< the prefix is empty or ends with a slash
    std::string endpoint;        ///< of an S3 store; "" is the server of the data directory
    std::string region = "us-east-1";
    PathFilter filter;
    std::string schedule;      ///< "" is always; else as event::Schedule reads it
    std::string bandwidth;     ///< as Timetable reads it
    std::string ready_marker;  ///< a file that must lie in a folder, or above it, before it is sent
    std::int64_t settle_ms = 60'000;   ///< a file is left alone until unchanged for so long
    std::int64_t rescan_ms = 900'000;  ///< the folder is walked at least this often
    std::uint64_t part_bytes = 16u << 20;
    std::int64_t connections = 4;
    DeletePolicy deletes = DeletePolicy::keep;
    Verification verification = Verification::transferred;

    /// Checks and completes what a user gave: the folder is one, the prefix ends with a slash, the
    /// schedule, bandwidth and limits can be read. errors  invalid_input, not_found
    Result<void> complete();
    std::string key_of(const std::string& path) const { return prefix + path; }

    std::string json() const;
    static Result<SyncJob> from_json(const std::string& text);
};

}  // namespace stroma::sync
