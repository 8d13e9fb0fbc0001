#include "sync/check.h"

namespace stroma::sync {

Result<CheckReport> check_both_sides(const SendSite& site,
                                     const std::function<void(std::int64_t bytes)>& tell,
                                     const std::stop_token& stop) {
    const SyncJob& job = site.job;
    const FolderScan scan = TRY(scan_folder(job, stop));
    const auto known = TRY(site.manifest.files(job.name));
    const auto destination = TRY(site.open(site.pace, stop));
    std::map<std::string, StoredObject> stored;
    TRY(destination->list(job.prefix, [&](const StoredObject& object) -> Result<void> {
        stored.emplace(object.key.substr(job.prefix.size()), object);
        return {};
    }));
    CheckReport report;
    for (const auto& [path, state] : scan.files) {
        const auto object = stored.find(path);
        const auto file = known.find(path);
        if (object == stored.end()) {
            report.only_here.push_back(path);
        } else if (file == known.end() || !file->second.is_sent || file->second.state != state) {
            report.unsent.push_back(path);
        } else {
            const auto digest =
                digest_of_file(fs::path(job.folder) / path, state, file->second.part_bytes, stop);
            if (!digest && digest.error().code == ErrorCode::cancelled) return fail(digest.error());
            const bool is_same = digest && *digest == file->second.sha256 &&
                                 object->second.etag == file->second.etag &&
                                 object->second.size == state.size;
            if (is_same)
                ++report.same;
            else
                report.differ.push_back(path);
        }
        report.bytes += static_cast<std::int64_t>(state.size);
        if (object != stored.end()) stored.erase(object);
        if (tell) tell(report.bytes);
    }
    for (const auto& [path, object] : stored) report.only_there.push_back(path);
    return report;
}

}  // namespace stroma::sync
