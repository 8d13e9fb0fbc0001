#include "sync/sync_job.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/json.h"
#include "event/schedule.h"
#include "sync/bandwidth.h"

namespace stroma::sync {
namespace {

constexpr std::uint64_t part_bytes_min = 5u << 20, part_bytes_max = 5ull << 30;
constexpr std::int64_t connections_max = 64;

Result<void> check_name(const std::string& name) {
    constexpr std::string_view letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (!name.empty() && name.size() <= 100 && name.find_first_not_of(letters) == name.npos)
        return {};
    return fail(ErrorCode::invalid_input,
                fmt::format("'{}' is no name: up to 100 letters, digits, '-', '_' and '.'", name));
}

}  // namespace

Result<void> SyncJob::complete() {
    TRY(check_name(name));
    std::error_code problem;
    const std::filesystem::path whole = std::filesystem::canonical(folder, problem);
    if (problem || !std::filesystem::is_directory(whole, problem))
        return fail(ErrorCode::not_found, fmt::format("'{}' is not a folder", folder));
    folder = whole.string();
    if (bucket.empty())
        return fail(ErrorCode::invalid_input, "--to names a bucket: BUCKET or BUCKET/PREFIX");
    if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
    while (endpoint.ends_with('/')) endpoint.pop_back();
    if (!endpoint.empty() && !endpoint.starts_with("http://") && !endpoint.starts_with("https://"))
        return fail(
            ErrorCode::invalid_input,
            fmt::format("endpoint '{}' begins with neither http:// nor https://", endpoint));
    if (!schedule.empty()) TRY_WITH(event::Schedule::read(schedule), "schedule");
    TRY(Timetable::read(bandwidth));
    if (part_bytes < part_bytes_min || part_bytes > part_bytes_max)
        return fail(ErrorCode::invalid_input, "a part is 5 MiB to 5 GiB");
    if (connections < 1 || connections > connections_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("connections are 1 to {}", connections_max));
    return {};
}

std::string SyncJob::json() const {
    return Json{
        {"name", name},
        {"folder", folder},
        {"bucket", bucket},
        {"prefix", prefix},
        {"endpoint", endpoint},
        {"region", region},
        {"includes", filter.includes},
        {"excludes", filter.excludes},
        {"schedule", schedule},
        {"bandwidth", bandwidth},
        {"ready_marker", ready_marker},
        {"settle_ms", settle_ms},
        {"rescan_ms", rescan_ms},
        {"part_bytes", part_bytes},
        {"connections", connections},
        {"deletes", deletes == DeletePolicy::mirror ? "mirror" : "keep"},
        {"verification", verification == Verification::transferred ? "transferred" : "transport"}}
        .dump();
}

Result<SyncJob> SyncJob::from_json(const std::string& text) {
    const Json json = TRY(parse_json(text));
    SyncJob job;
    job.name = json.value("name", "");
    job.folder = json.value("folder", "");
    job.bucket = json.value("bucket", "");
    job.prefix = json.value("prefix", "");
    job.endpoint = json.value("endpoint", "");
    job.region = json.value("region", "");
    job.filter.includes = json.value("includes", std::vector<std::string>());
    job.filter.excludes = json.value("excludes", std::vector<std::string>());
    job.schedule = json.value("schedule", "");
    job.bandwidth = json.value("bandwidth", "");
    job.ready_marker = json.value("ready_marker", "");
    job.settle_ms = json.value("settle_ms", job.settle_ms);
    job.rescan_ms = json.value("rescan_ms", job.rescan_ms);
    job.part_bytes = json.value("part_bytes", job.part_bytes);
    job.connections = json.value("connections", job.connections);
    job.deletes = json.value("deletes", "") == "mirror" ? DeletePolicy::mirror : DeletePolicy::keep;
    job.verification = json.value("verification", "") == "transport" ? Verification::transport
                                                                     : Verification::transferred;
    return job;
}

}  // namespace stroma::sync
