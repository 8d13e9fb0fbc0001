#include "app/sync/run_sync.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>

#include "app/sync/s3_destination.h"
#include "app/terminal/progress_line.h"
#include "app/terminal/text_table.h"
#include "base/json.h"
#include "sql/sqlite/sqlite_database.h"
#include "sync/agent.h"
#include "sync/check.h"
#include "sync/line_plan.h"
#include "sync/quantity.h"

namespace stroma::app {
namespace {

/// A pass writes how far it is at least this often; older words are of a process that ended.
constexpr std::int64_t live_ms_max = 10'000;

/// The agent's memory in the data directory, beside whatever else lies there.
struct SyncMemory {
    std::unique_ptr<sql::SqliteDatabase> database;
    std::unique_ptr<sync::Manifest> manifest;

    static Result<SyncMemory> open(const Invocation& invocation) {
        TRY(make_folders(invocation.data));
        SyncMemory memory;
        memory.database = TRY(sql::SqliteDatabase::open(fs::path(invocation.data) / "sync.sqlite"));
        // After a loss of power at worst something is sent once more.
        memory.database->let_commits_wait_for_disk(false);
        memory.manifest = TRY(sync::Manifest::open(*memory.database));
        return memory;
    }
};

/// One agent at a time sends from a data directory.
Result<File> take_agent_lock(const Invocation& invocation) {
    File lock = TRY(File::open_to_write(fs::path(invocation.data) / "sync.lock"));
    if (flock(lock.descriptor(), LOCK_EX | LOCK_NB) != 0)
        return fail(ErrorCode::unavailable,
                    fmt::format("another 'stroma sync run' works with {}", invocation.data));
    return lock;
}

std::string environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

FindAccess access_of(const sync::SyncJob& job, const Invocation& invocation,
                     const std::string& user) {
    if (job.endpoint.empty()) return [&invocation, user] { return access_for(invocation, user); };
    return [job]() -> Result<AwsAccess> {
        AwsAccess access{.url = job.endpoint,
                         .region = job.region,
                         .account = "",
                         .id = environment("AWS_ACCESS_KEY_ID"),
                         .secret = environment("AWS_SECRET_ACCESS_KEY"),
                         .token = environment("AWS_SESSION_TOKEN")};
        if (access.id.empty() || access.secret.empty())
            return fail(ErrorCode::denied, fmt::format("no keys for {}: set AWS_ACCESS_KEY_ID and "
                                                       "AWS_SECRET_ACCESS_KEY",
                                                       job.endpoint));
        return access;
    };
}

/// All that a job needs to be sent; stays where it is.
struct JobSite {
    JobSite(sync::SyncJob its_job, sync::Timetable timetable, sync::Manifest& manifest,
            const Invocation& invocation, const std::string& user)
        : job(std::move(its_job)),
          pace(std::move(timetable), system_clock()),
          open(s3_destinations(access_of(job, invocation, user), job.bucket, system_clock())),
          site{job, manifest, open, pace, system_clock()} {}
    JobSite(const JobSite&) = delete;

    const sync::SyncJob job;
    sync::Pace pace;
    const sync::OpenDestination open;
    const sync::SendSite site;
};

Result<std::vector<std::unique_ptr<JobSite>>> chosen_jobs(const std::vector<std::string>& names,
                                                          const std::string& user,
                                                          sync::Manifest& manifest,
                                                          const Invocation& invocation) {
    std::vector<sync::JobStatus> chosen;
    if (names.empty()) chosen = TRY(manifest.jobs());
    for (const std::string& name : names) chosen.push_back(TRY(manifest.status(name)));
    std::vector<std::unique_ptr<JobSite>> sites;
    for (const sync::JobStatus& status : chosen)
        sites.push_back(std::make_unique<JobSite>(status.job,
                                                  TRY(sync::Timetable::read(status.job.bandwidth)),
                                                  manifest, invocation, user));
    if (sites.empty())
        return fail(ErrorCode::not_found,
                    "there is no folder to send; 'stroma sync add' begins one");
    return sites;
}

std::string text_of(const sync::PassReport& report) {
    if (report.is_dry) {
        std::string text;
        for (const std::string& path : report.would_send) text += "would send    " + path + "\n";
        for (const std::string& path : report.would_delete) text += "would remove  " + path + "\n";
        return text + fmt::format("{} to send, {} to remove, {} unchanged, {} not settled yet\n",
                                  report.would_send.size(), report.would_delete.size(),
                                  report.unchanged, report.waiting);
    }
    std::string text = fmt::format(
        "{} files sent, {} in {}", report.sent_files,
        short_bytes(static_cast<double>(report.sent_bytes)),
        short_duration(static_cast<double>(report.ended_ms - report.started_ms) / 1000));
    const auto add = [&](std::int64_t count, std::string_view words) {
        if (count > 0) text += fmt::format(", {} {}", count, words);
    };
    add(report.resumed_parts, "parts were there from before");
    add(report.unchanged, "unchanged");
    add(report.waiting, "not settled yet");
    add(report.unready, "without their marker");
    add(report.links, "links left out");
    add(report.deleted, "removed");
    add(report.failed, "failed");
    text += "\n";
    for (const auto& [path, message] : report.problems) text += fmt::format("  {}\n", message);
    return text;
}

Json progress_json(const sync::PassProgress& progress) {
    return {{"files_done", progress.files_done},
            {"files_total", progress.files_total},
            {"bytes_done", progress.bytes_done},
            {"bytes_total", progress.bytes_total}};
}

/// One pass over each, in turn. Fails when one of them did.
Result<void> run_once(const std::vector<std::unique_ptr<JobSite>>& sites,
                      const SyncOptions& options, Invocation& invocation) {
    Json reports = Json::object();
    std::string first_error;
    for (const auto& site : sites) {
        ProgressLine line(*invocation.terminal, system_clock(), site->job.name);
        const sync::PassOptions pass{
            .is_dry = options.dry_run,
            .may_delete_most = options.delete_most,
            .watch = [&](const sync::PassProgress& progress) {
                line.update(
                    {fmt::format("{} of {} files", progress.files_done, progress.files_total),
                     static_cast<double>(progress.bytes_done),
                     static_cast<double>(progress.bytes_total), "bytes"});
                static_cast<void>(site->site.manifest.set_live(
                    site->job.name, progress_json(progress).dump(), system_clock().unix_ms()));
            }};
        const sync::PassReport report = sync::run_pass(site->site, pass, invocation.stop);
        line.clear();
        TRY(site->site.manifest.set_live(site->job.name, "{}", 0));
        if (invocation.json)
            reports[site->job.name] = TRY(parse_json(report.json()));
        else
            invocation.terminal->print(site->job.name + ": " + text_of(report));
        if (first_error.empty() && !report.error.empty())
            first_error = site->job.name + ": " + report.error;
        if (first_error.empty() && report.failed > 0)
            first_error = fmt::format("{}: {} files failed", site->job.name, report.failed);
        if (invocation.stop.stop_requested()) break;
    }
    if (invocation.json) invocation.terminal->print(reports.dump() + "\n");
    if (invocation.stop.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
    if (!first_error.empty()) return fail(ErrorCode::unavailable, first_error);
    return {};
}

/// Each folder on a thread of its own, so that a large slide of one holds up no other.
Result<void> run_agent(const std::vector<std::unique_ptr<JobSite>>& sites, Invocation& invocation) {
    std::mutex mutex;
    std::optional<Error> first_error;
    const sync::AgentEvents events{
        .progressed = {}, .passed = [&](const sync::SyncJob& job, const sync::PassReport& report) {
            const std::lock_guard lock(mutex);
            if (invocation.json)
                invocation.terminal->print(fmt::format("{{\"name\":{},\"report\":{}}}\n",
                                                       Json(job.name).dump(), report.json()));
            else if (report.sent_files + report.deleted + report.failed > 0)
                invocation.terminal->print(fmt::format("{}  {}: {}", iso_time(report.ended_ms),
                                                       job.name, text_of(report)));
            if (!report.error.empty() && !invocation.stop.stop_requested())
                invocation.terminal->say(job.name + ": " + report.error);
        }};
    {
        std::vector<std::jthread> threads;
        for (const auto& site : sites)
            threads.emplace_back([&, job = site.get()] {
                const auto kept = sync::keep_in_step(job->site, events, invocation.stop);
                const std::lock_guard lock(mutex);
                if (!kept && !first_error) first_error = kept.error();
            });
    }
    if (first_error) return fail(*first_error);
    return {};
}

Json status_json(const sync::JobStatus& status, std::int64_t now_ms) {
    Json json = Json::parse(status.job.json());
    json["is_paused"] = status.is_paused;
    json["known_files"] = status.known_files;
    json["sent_files"] = status.sent_files;
    json["sent_bytes"] = status.sent_bytes;
    const bool is_live = now_ms - status.live_ms < live_ms_max && status.live != "{}";
    json["now"] = is_live ? Json::parse(status.live) : Json(nullptr);
    json["last_pass"] = status.last_pass ? Json::parse(status.last_pass->json()) : Json(nullptr);
    return json;
}

std::string state_text(const sync::JobStatus& status, std::int64_t now_ms) {
    const Json json = status_json(status, now_ms);
    if (!json["now"].is_null()) {
        const Json& now = json["now"];
        std::string text =
            fmt::format("sending {} of {}", short_bytes(now.value("bytes_done", 0.0)),
                        short_bytes(now.value("bytes_total", 0.0)));
        if (now.contains("seconds_left"))
            text += fmt::format(", {} left", short_duration(now.value("seconds_left", 0.0)));
        return text;
    }
    if (status.is_paused) return "paused";
    if (!status.last_pass) return "not yet run";
    if (!status.last_pass->error.empty()) return status.last_pass->error;
    if (status.last_pass->failed > 0) return fmt::format("{} failed", status.last_pass->failed);
    return "in step at " + iso_time(status.last_pass->ended_ms);
}

Result<double> positive_number(const std::string& text, std::string_view option) {
    double number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size() || !(number > 0) ||
        !std::isfinite(number))
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} '{}' is not a number above 0", option, text));
    return number;
}

}  // namespace

Result<void> run_sync_add(const SyncAddOptions& options, Invocation& invocation) {
    const std::size_t slash = std::min(options.to.find('/'), options.to.size());
    sync::SyncJob job{.name = options.name.empty()
                                  ? fs::path(options.folder).lexically_normal().filename().string()
                                  : options.name,
                      .folder = options.folder,
                      .bucket = options.to.substr(0, slash),
                      .prefix = options.to.substr(std::min(slash + 1, options.to.size())),
                      .endpoint = options.endpoint,
                      .region = options.region,
                      .filter = {options.includes, options.excludes},
                      .schedule = options.schedule,
                      .bandwidth = options.bandwidth,
                      .ready_marker = options.ready_marker,
                      .settle_ms = TRY_WITH(sync::read_duration(options.settle), "--settle"),
                      .rescan_ms = TRY_WITH(sync::read_duration(options.rescan), "--rescan"),
                      .part_bytes = TRY_WITH(sync::read_bytes(options.part_size), "--part-size"),
                      .connections = options.connections,
                      .deletes = options.deletes == "mirror" ? sync::DeletePolicy::mirror
                                                             : sync::DeletePolicy::keep,
                      .verification = options.verify == "transport"
                                          ? sync::Verification::transport
                                          : sync::Verification::transferred};
    TRY(job.complete());
    const SyncMemory memory = TRY(SyncMemory::open(invocation));
    TRY(memory.manifest->add(job, system_clock().unix_ms()));
    if (invocation.json)
        invocation.terminal->print(job.json() + "\n");
    else
        invocation.terminal->print(fmt::format("{}: {} goes to {}/{}; 'stroma sync run' sends it\n",
                                               job.name, job.folder, job.bucket, job.prefix));
    return {};
}

Result<void> run_sync_list(Invocation& invocation) {
    const SyncMemory memory = TRY(SyncMemory::open(invocation));
    const std::int64_t now_ms = system_clock().unix_ms();
    Json list = Json::array();
    TextTable table({{"name"},
                     {"folder"},
                     {"to"},
                     {"files", TextTable::Align::right},
                     {"sent", TextTable::Align::right},
                     {"state"}});
    for (const sync::JobStatus& status : TRY(memory.manifest->jobs())) {
        list.push_back(status_json(status, now_ms));
        table.add({status.job.name, status.job.folder, status.job.bucket + "/" + status.job.prefix,
                   std::to_string(status.known_files),
                   short_bytes(static_cast<double>(status.sent_bytes)),
                   state_text(status, now_ms)});
    }
    invocation.terminal->print(invocation.json ? list.dump() + "\n"
                                               : table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_sync_show(const SyncOptions& options, Invocation& invocation) {
    const SyncMemory memory = TRY(SyncMemory::open(invocation));
    const sync::JobStatus status = TRY(memory.manifest->status(options.name));
    const std::int64_t now_ms = system_clock().unix_ms();
    Json json = status_json(status, now_ms);
    constexpr int passes_shown = 20;
    const auto passes = TRY(memory.manifest->passes(options.name, passes_shown));
    json["passes"] = Json::array();
    for (const sync::PassReport& pass : passes) json["passes"].push_back(Json::parse(pass.json()));
    if (invocation.json) {
        invocation.terminal->print(json.dump() + "\n");
        return {};
    }
    std::string text = fmt::format(
        "{}  {}\n  {} -> {}/{}\n  {} of {} files sent, {}\n", status.job.name,
        state_text(status, now_ms), status.job.folder, status.job.bucket, status.job.prefix,
        status.sent_files, status.known_files, short_bytes(static_cast<double>(status.sent_bytes)));
    for (const sync::PassReport& pass : passes)
        text += fmt::format("  {}  {}", iso_time(pass.started_ms), text_of(pass));
    invocation.terminal->print(text);
    return {};
}

Result<void> run_sync_remove(const SyncOptions& options, Invocation& invocation) {
    const SyncMemory memory = TRY(SyncMemory::open(invocation));
    return memory.manifest->remove(options.name);
}

Result<void> run_sync_pause(const SyncOptions& options, bool is_paused, Invocation& invocation) {
    const SyncMemory memory = TRY(SyncMemory::open(invocation));
    return memory.manifest->pause(options.name, is_paused);
}

Result<void> run_sync_run(const SyncOptions& options, Invocation& invocation) {
    const SyncMemory memory = TRY(SyncMemory::open(invocation));
    const auto sites = TRY(chosen_jobs(options.names, options.user, *memory.manifest, invocation));
    if (options.dry_run) return run_once(sites, options, invocation);
    const File lock = TRY(take_agent_lock(invocation));
    return options.once ? run_once(sites, options, invocation) : run_agent(sites, invocation);
}

Result<void> run_sync_check(const SyncOptions& options, Invocation& invocation) {
    const SyncMemory memory = TRY(SyncMemory::open(invocation));
    const auto sites = TRY(chosen_jobs({options.name}, options.user, *memory.manifest, invocation));
    ProgressLine line(*invocation.terminal, system_clock(), options.name);
    const sync::CheckReport report = TRY(sync::check_both_sides(
        sites.front()->site,
        [&](std::int64_t bytes) {
            line.update({"comparing", static_cast<double>(bytes), 0, "bytes"});
        },
        invocation.stop));
    line.clear();
    if (invocation.json) {
        invocation.terminal->print(Json{{"same", report.same},
                                        {"bytes", report.bytes},
                                        {"only_here", report.only_here},
                                        {"only_there", report.only_there},
                                        {"differ", report.differ},
                                        {"unsent", report.unsent}}
                                       .dump() +
                                   "\n");
    } else {
        std::string text;
        const auto add = [&](const std::vector<std::string>& paths, std::string_view words) {
            for (const std::string& path : paths) text += fmt::format("{:<11} {}\n", words, path);
        };
        add(report.only_here, "only here");
        add(report.only_there, "only there");
        add(report.differ, "differs");
        add(report.unsent, "not sent");
        invocation.terminal->print(text +
                                   fmt::format("{} files, {}, are the same\n", report.same,
                                               short_bytes(static_cast<double>(report.bytes))));
    }
    if (!report.is_clean())
        return fail(ErrorCode::conflict, options.name + ": folder and bucket differ");
    return {};
}

Result<void> run_sync_plan(const SyncPlanOptions& options, Invocation& invocation) {
    const sync::LineDemand demand{
        .arrival_a_week = TRY_WITH(sync::read_arrival(options.arrival), "--arrival"),
        .line_rate = TRY_WITH(sync::read_rate(options.line), "--line"),
        .efficiency = TRY(positive_number(options.efficiency, "--efficiency")),
        .compression = TRY(positive_number(options.compression, "--compression")),
        .backlog = options.backlog.empty() ? 0.0
                                           : static_cast<double>(TRY_WITH(
                                                 sync::read_bytes(options.backlog), "--backlog")),
        .timetable = TRY(sync::Timetable::read(options.bandwidth))};
    if (demand.line_rate <= 0) return fail(ErrorCode::invalid_input, "--line is 0: nothing goes");
    const sync::LinePlan plan = sync::plan_line(demand);
    constexpr double terabyte = 1e12, megabyte = 1e6;
    if (invocation.json) {
        invocation.terminal->print(
            Json{{"usable_bytes_a_second", plan.usable_rate},
                 {"capacity_bytes_a_day", plan.capacity_a_day},
                 {"capacity_bytes_a_week", plan.capacity_a_week},
                 {"busy_share", plan.busy_share},
                 {"hours_for_a_week", plan.hours_for_a_week},
                 {"backlog_days",
                  std::isfinite(plan.backlog_days) ? Json(plan.backlog_days) : Json(nullptr)}}
                .dump() +
            "\n");
        return {};
    }
    std::string text = fmt::format(
        "{:.0f} MB/s carry files: {:.1f} TB a day, {:.1f} TB a week\n"
        "{:.1f} TB a week need {:.1f} hours of the line and keep it busy for {:.0f} % of what it "
        "may carry\n",
        plan.usable_rate / megabyte, plan.capacity_a_day / terabyte,
        plan.capacity_a_week / terabyte, demand.arrival_a_week / terabyte, plan.hours_for_a_week,
        100 * plan.busy_share);
    if (plan.busy_share > 1 || plan.capacity_a_week <= 0)
        text += "The line is too thin: what waits grows without end.\n";
    else if (demand.backlog > 0)
        text += fmt::format("{:.1f} TB that wait are sent in {:.1f} days beside what arrives\n",
                            demand.backlog / terabyte, plan.backlog_days);
    invocation.terminal->print(text);
    return {};
}

}  // namespace stroma::app
