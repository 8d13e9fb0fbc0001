#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sql/database.h"
#include "sync/folder_scan.h"
#include "sync/pass_report.h"
#include "sync/sync_job.h"

namespace stroma::sync {

/// What the agent remembers of a file.
struct KnownFile {
    FileState state;
    std::int64_t seen_ms = 0;  ///< since when it has had that state
    bool is_sent = false;      ///< in that state
    std::string sha256;        ///< of the bytes, or of the parts' digests when there are several
    std::uint64_t part_bytes = 0;
    std::string etag;
    std::string upload;  ///< that was begun for that state and isn't complete
};

struct SentPart {
    std::string etag, sha256;
};

/// A job with how it stands.
struct JobStatus {
    SyncJob job;
    bool is_paused = false;
    std::string live;          ///< JSON: how far a pass is that runs now
    std::int64_t live_ms = 0;  ///< when that was written
    std::int64_t known_files = 0, sent_files = 0, sent_bytes = 0;
    std::optional<PassReport> last_pass;
};

/// The agent's memory: jobs, the files of their folders, parts that were sent, reports. Survives
/// the process at any moment; after a loss of power at worst something is sent once more.
/// Any thread.
class Manifest {
public:
    static Result<std::unique_ptr<Manifest>> open(sql::Database& database);

    Result<void> add(const SyncJob& job, std::int64_t now_ms);  ///< already_exists
    Result<void> remove(const std::string& name);               ///< not_found
    Result<void> pause(const std::string& name, bool is_paused);
    Result<JobStatus> status(const std::string& name);  ///< not_found
    Result<std::vector<JobStatus>> jobs();
    Result<std::vector<PassReport>> passes(const std::string& name, int limit);

    Result<std::map<std::string, KnownFile>> files(const std::string& job);
    /// Notes the states of files as seen now. One whose state differs from what is known is no
    /// longer sent, and what was begun for it is forgotten.
    Result<void> see(const std::string& job, const std::map<std::string, FileState>& files,
                     std::int64_t now_ms);
    Result<void> forget(const std::string& job, const std::string& path);
    Result<void> begin_upload(const std::string& job, const std::string& path,
                              const std::string& upload, std::uint64_t part_bytes);
    Result<void> add_part(const std::string& job, const std::string& path, int number,
                          const SentPart& part);
    Result<std::map<int, SentPart>> parts(const std::string& job, const std::string& path);
    Result<void> drop_upload(const std::string& job, const std::string& path);
    Result<void> set_sent(const std::string& job, const std::string& path, const KnownFile& file,
                          std::int64_t now_ms);
    Result<void> set_error(const std::string& job, const std::string& path,
                           const std::string& error);

    Result<void> set_live(const std::string& job, const std::string& json, std::int64_t now_ms);
    Result<void> add_pass(const std::string& job, const PassReport& report);

private:
    explicit Manifest(std::unique_ptr<sql::Connection> connection)
        : connection_(std::move(connection)) {}
    Result<std::vector<JobStatus>> statuses(const std::string& name);  ///< all of ""
    Result<void> add_counts(JobStatus& status);

    std::mutex mutex_;
    std::unique_ptr<sql::Connection> connection_;
};

}  // namespace stroma::sync
