#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/log.h"
#include "loader/loader.h"

namespace stroma::loader {
namespace {

/// "s3://b/x/dt=2021-01-01/hour=5" → those of the pairs whose names are columns of the table.
std::vector<std::pair<std::string, std::string>> partition_in(const std::string& path) {
    std::vector<std::pair<std::string, std::string>> made;
    for (std::size_t at = 5; at < path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        const std::string part = path.substr(at, end - at);
        const auto sign = part.find('=');
        if (sign != std::string::npos && sign > 0)
            made.emplace_back(part.substr(0, sign), form_decoded(part.substr(sign + 1)));
        at = end + 1;
    }
    return made;
}

std::string with_slash(std::string path) {
    if (!path.ends_with('/')) path += '/';
    return path;
}

Json answer_of(const BulkPath& path, const LoadReport& report, bool is_unchanged) {
    std::int64_t known = 0, missing = 0;
    Json refused = Json::array();
    for (const ObjectOutcome& outcome : report.objects) {
        known += outcome.state == ObjectState::known ? 1 : 0;
        missing += outcome.state == ObjectState::missing ? 1 : 0;
        if (outcome.state == ObjectState::refused)
            refused.push_back(
                {{"object", "s3://" + outcome.notice.bucket + "/" + outcome.notice.key},
                 {"reason", outcome.reason}});
    }
    const LoadCounts& counts = report.counts;
    return {{"s3_path", path.path},        {"table", path.table},
            {"unchanged", is_unchanged},   {"files", counts.files},
            {"rows", counts.read},         {"inserted", counts.inserted},
            {"updated", counts.updated},   {"merged", counts.merged},
            {"rejected", counts.rejected}, {"known", known},
            {"missing", missing},          {"refused", refused}};
}

}  // namespace

// What lies below the path as a folder, or is it; not what its last name only begins.
Result<std::vector<Notice>> Loader::listed(const std::string& path, bool is_exact) {
    const auto address = redshift::parse_address(path);
    if (!address) return fail(redshift::error_of(address.error()));
    auto& lake = *parts_.load.engine.options().lake;
    std::vector<Notice> found;
    for (const auto& object : TRY(lake.list(catalog::local_administrator(), *address))) {
        const std::string& key = object.address.key;
        const bool is_below = address->key.empty() || address->key.ends_with('/') ||
                              key == address->key || key.starts_with(address->key + "/");
        if (is_exact && !is_below) continue;
        if (key.ends_with('/') && object.size == 0) continue;
        found.push_back({object.address.bucket, key, object.etag, object.modified_ms, true});
    }
    return found;
}

Result<std::string> Loader::run_path(const BulkPath& path, const BulkConfig& bulk,
                                     const BulkRow& row, std::stop_token stop) {
    const bool is_open = path.path.ends_with('*');
    const std::string place = is_open ? path.path.substr(0, path.path.size() - 1) : path.path;
    auto objects = TRY(listed(place, !is_open));
    // Manifests of Hadoop's committers and the like hold no rows.
    std::erase_if(objects, [](const Notice& notice) {
        const auto name = notice.key.substr(notice.key.rfind('/') + 1);
        return name.starts_with('_') || name.starts_with('.');
    });
    if (objects.empty() && !path.replaces)
        return fail(ErrorCode::not_found, fmt::format("{}: no object lies there", path.path));
    const auto principal = catalog::local_administrator();
    const std::string target = TRY(bulk_load_.target_of(principal, path.table));
    LoadOrder order;
    order.table = path.table;
    order.source = "bulk " + row.id;
    order.manifest_bucket = TRY([&]() -> Result<std::string> {
        const auto address = redshift::parse_address(place);
        if (!address) return fail(redshift::error_of(address.error()));
        return address->bucket;
    }());
    order.manifest_prefix = "_stroma/manifests/";
    order.copy_options = path.copy_options;
    order.role = path.role;
    order.cluster = bulk.cluster;
    order.database = bulk.database;
    order.merge = path.merge;
    order.drift = path.drift;
    order.principal = principal;
    bool is_unchanged = false;
    if (path.replaces) {
        order.replaces = true;
        order.replaced_path = is_open ? place : with_slash(place);
        order.partition = path.partition;
        if (!path.replaces_all && order.partition.empty()) {
            order.partition = partition_in(place);
            if (order.partition.empty())
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}: which rows are replaced? Write \"replace\": "
                                        "{{\"column\": \"value\"}}, or \"table\" for all",
                                        path.path));
        }
        Reconciliation same;
        same.sources.push_back({order.manifest_bucket,
                                order.replaced_path.substr(6 + order.manifest_bucket.size()), ""});
        std::vector<Notice> absent;
        TRY(compare(same, target, absent));
        is_unchanged = absent.empty() && same.gone == 0 && same.objects > 0;
    }
    LoadReport report;
    if (!is_unchanged) report = TRY(bulk_load_.run(order, objects, stop));
    count_load(target, report);
    return answer_of(path, report, is_unchanged).dump();
}

Result<void> Loader::run_bulk(BulkRow row, std::stop_token stop) {
    auto& engine = parts_.load.engine;
    const auto now = [&] { return parts_.load.clock.unix_ms(); };
    const auto bulk = read_bulk(row.document, "bulk", row.role);
    if (!bulk) {
        row.state = "FAILED";
        row.error = bulk.error().message;
        return keep_bulk(engine, row, now());
    }
    row.state = "RUNNING";
    row.paths = static_cast<std::int64_t>(bulk->paths.size());
    TRY(keep_bulk(engine, row, now()));
    Json answers = TRY(parse_json(row.answer.empty() ? "[]" : row.answer));
    while (row.paths_done < row.paths) {
        const BulkPath& path = bulk->paths[static_cast<std::size_t>(row.paths_done)];
        const auto done = run_path(path, *bulk, row, stop);
        if (!done) {
            if (is_stopping_) return {};  // goes on at the next start
            row.state = stop.stop_requested() ? "ABORTED" : "FAILED";
            row.error = stop.stop_requested() ? "it was cancelled" : done.error().message;
            return keep_bulk(engine, row, now());
        }
        answers.push_back(TRY(parse_json(*done)));
        row.answer = answers.dump();
        ++row.paths_done;
        TRY(keep_bulk(engine, row, now()));
    }
    row.state = "FINISHED";
    return keep_bulk(engine, row, now());
}

Result<void> Loader::work_on_bulks(std::stop_token stop) {
    for (;;) {
        auto rows = TRY(kept_bulks(parts_.load.engine));
        std::erase_if(rows, [](const BulkRow& row) { return row.is_over(); });
        if (rows.empty() || stop.stop_requested()) return {};
        std::stop_token running;
        {
            const std::lock_guard lock(bulk_mutex_);
            running_bulk_ = rows.back().id;  // the oldest
            running_stop_ = std::stop_source();
            running = running_stop_.get_token();
        }
        const std::stop_callback also(stop, [&] {
            const std::lock_guard lock(bulk_mutex_);
            running_stop_.request_stop();
        });
        TRY(run_bulk(rows.back(), running));
        const std::lock_guard lock(bulk_mutex_);
        running_bulk_.clear();
    }
}

Result<std::string> Loader::begin_bulk(const std::string& document) {
    const auto bulk = TRY(read_bulk(document, "bulk", options_.role));
    BulkRow row;
    row.id = parts_.load.ids.uuid();
    row.document = document;
    row.role = options_.role;
    row.state = "QUEUED";
    row.answer = "[]";
    row.paths = static_cast<std::int64_t>(bulk.paths.size());
    row.given_ms = parts_.load.clock.unix_ms();
    TRY(keep_bulk(parts_.load.engine, row, row.given_ms));
    const std::lock_guard lock(bulk_mutex_);
    has_bulks_ = true;
    bulk_wakes_.notify_all();
    return row.id;
}

Result<std::vector<BulkRow>> Loader::bulks(const std::string& id) {
    return kept_bulks(parts_.load.engine, id);
}

Result<void> Loader::cancel_bulk(const std::string& id) {
    auto rows = TRY(kept_bulks(parts_.load.engine, id));
    if (rows.empty() || rows.front().is_over())
        return fail(ErrorCode::not_found, fmt::format("no bulk load {} waits or runs", id));
    {
        const std::lock_guard lock(bulk_mutex_);
        if (running_bulk_ == id) {
            running_stop_.request_stop();
            bulk_load_.cancel();
            return {};
        }
    }
    rows.front().state = "ABORTED";
    rows.front().error = "it was cancelled";
    return keep_bulk(parts_.load.engine, rows.front(), parts_.load.clock.unix_ms());
}

}  // namespace stroma::loader
