#include "sync/pass.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

namespace stroma::sync {
namespace {

constexpr std::int64_t deletions_always_allowed = 10;
constexpr Milliseconds watched_every{500};

class Pass {
public:
    Pass(const SendSite& site, const PassOptions& options, const std::stop_token& stop)
        : site_(site), options_(options), stop_(stop) {
        report_.started_ms = site.clock.unix_ms();
        report_.is_dry = options.is_dry;
    }

    PassReport run() {
        if (const auto done = work(); !done) report_.error = done.error().message;
        report_.ended_ms = site_.clock.unix_ms();
        return std::move(report_);
    }

private:
    Result<void> work() {
        const FolderScan scan = TRY(scan_folder(site_.job, stop_));
        report_.files = static_cast<std::int64_t>(scan.files.size());
        report_.excluded = scan.excluded;
        report_.unready = scan.unready;
        report_.links = scan.links;
        for (const std::string& problem : scan.problems) report_.add_problem("", problem);
        known_ = TRY(site_.manifest.files(site_.job.name));
        const std::vector<PlannedFile> planned = TRY(plan(scan));
        const std::vector<std::string> gone = TRY(find_gone(scan));
        if (options_.is_dry) {
            for (const PlannedFile& file : planned) report_.would_send.push_back(file.path);
            report_.would_delete = gone;
            return {};
        }
        if (!planned.empty()) TRY(send(planned));
        return remove(gone);
    }

    /// Settled files that aren't sent as they are now, the oldest first.
    Result<std::vector<PlannedFile>> plan(const FolderScan& scan) {
        const std::int64_t now_ms = site_.clock.unix_ms();
        std::map<std::string, FileState> news;
        std::vector<PlannedFile> planned;
        for (const auto& [path, state] : scan.files) {
            report_.bytes += static_cast<std::int64_t>(state.size);
            const auto found = known_.find(path);
            const bool is_known = found != known_.end() && found->second.state == state;
            if (is_known && found->second.is_sent) {
                ++report_.unchanged;
                continue;
            }
            if (!is_known) news.emplace(path, state);
            const std::int64_t since_ms =
                std::min(is_known ? found->second.seen_ms : now_ms, state.modified_ns / 1'000'000);
            if (now_ms - since_ms < site_.job.settle_ms) {
                ++report_.waiting;
                continue;
            }
            planned.push_back({.path = path, .state = state});
            if (is_known) {
                planned.back().upload = found->second.upload;
                planned.back().part_bytes = found->second.part_bytes;
            }
        }
        if (!options_.is_dry) {
            abandon_uploads_of(news);
            TRY(site_.manifest.see(site_.job.name, news, now_ms));
        }
        std::ranges::stable_sort(planned, {},
                                 [](const PlannedFile& file) { return file.state.modified_ns; });
        return planned;
    }

    /// Of files that have changed since. What can't be abandoned now is left to the store's own
    /// rules for uploads that are never completed.
    void abandon_uploads_of(const std::map<std::string, FileState>& changed) {
        std::unique_ptr<Destination> destination;
        for (const auto& [path, state] : changed) {
            const auto known = known_.find(path);
            if (known == known_.end() || known->second.upload.empty()) continue;
            if (!destination) {
                auto opened = site_.open(site_.pace, stop_);
                if (!opened) return;
                destination = std::move(*opened);
            }
            if (const auto abandoned =
                    destination->abandon_upload(site_.job.key_of(path), known->second.upload);
                !abandoned)
                report_.add_problem(path, abandoned.error().message);
        }
    }

    Result<void> send(const std::vector<PlannedFile>& planned) {
        PassProgress total{.files_total = static_cast<std::int64_t>(planned.size())};
        for (const PlannedFile& file : planned)
            total.bytes_total += static_cast<std::int64_t>(file.state.size);
        SendCounts counts;
        std::vector<SendProblem> problems;
        const Result<void> sent = [&] {
            const std::jthread watcher(
                [&](const std::stop_token& end) { watch_until(end, counts, total); });
            return send_files(site_, planned, counts, problems, stop_);
        }();
        tell(counts, total);
        report_.sent_files = counts.files;
        report_.sent_bytes = counts.bytes;
        report_.resumed_parts = counts.resumed_parts;
        report_.resumed_bytes = counts.resumed_bytes;
        report_.waiting += counts.waiting;
        for (const SendProblem& problem : problems) {
            report_.add_problem(problem.path, problem.error.message);
            TRY(site_.manifest.set_error(site_.job.name, problem.path, problem.error.message));
        }
        return sent;
    }

    void watch_until(const std::stop_token& end, const SendCounts& counts,
                     const PassProgress& total) {
        std::mutex mutex;
        std::condition_variable_any ended;
        std::unique_lock lock(mutex);
        while (!end.stop_requested()) {
            tell(counts, total);
            ended.wait_for(lock, end, watched_every, [] { return false; });
        }
    }

    void tell(const SendCounts& counts, PassProgress progress) const {
        if (!options_.watch) return;
        progress.files_done = counts.files;
        progress.bytes_done = counts.bytes + counts.resumed_bytes;
        options_.watch(progress);
    }

    /// What was sent and is gone from the folder; a file that the patterns leave out now is not.
    Result<std::vector<std::string>> find_gone(const FolderScan& scan) {
        std::vector<std::string> gone;
        if (site_.job.deletes == DeletePolicy::keep) return gone;
        std::int64_t sent = 0;
        for (const auto& [path, file] : known_) {
            sent += file.is_sent ? 1 : 0;
            std::error_code problem;
            if (scan.files.contains(path) || !file.is_sent ||
                fs::exists(fs::symlink_status(fs::path(site_.job.folder) / path, problem)))
                continue;
            gone.push_back(path);
        }
        const auto count = static_cast<std::int64_t>(gone.size());
        if (count > deletions_always_allowed && count * 2 > sent && !options_.may_delete_most)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} of {} files that were sent are gone from {}; nothing was "
                                    "done, for it may not be mounted. With --delete-most they are "
                                    "removed from the bucket, too",
                                    count, sent, site_.job.folder));
        return gone;
    }

    Result<void> remove(const std::vector<std::string>& gone) {
        if (gone.empty()) return {};
        const auto destination = TRY(site_.open(site_.pace, stop_));
        for (const std::string& path : gone) {
            if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
            TRY(destination->remove(site_.job.key_of(path)));
            TRY(site_.manifest.forget(site_.job.name, path));
            ++report_.deleted;
        }
        return {};
    }

    const SendSite& site_;
    const PassOptions& options_;
    const std::stop_token& stop_;
    PassReport report_;
    std::map<std::string, KnownFile> known_;
};

}  // namespace

PassReport run_pass(const SendSite& site, const PassOptions& options, const std::stop_token& stop) {
    PassReport report = Pass(site, options, stop).run();
    if (options.is_dry) return report;
    if (const auto kept = site.manifest.add_pass(site.job.name, report); !kept)
        report.error = kept.error().message;
    return report;
}

}  // namespace stroma::sync
