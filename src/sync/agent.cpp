#include "sync/agent.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/json.h"
#include "event/schedule.h"
#include "sync/folder_watch.h"

namespace stroma::sync {
namespace {

/// A failed pass is tried again after this, however long the job's own times are.
constexpr std::int64_t retry_ms = 60'000;
/// Often enough to see that the job was paused or taken away.
constexpr std::int64_t wait_ms_max = 5'000;

class Agent {
public:
    Agent(const SendSite& site, const AgentEvents& events, const std::stop_token& stop)
        : site_(site), events_(events), stop_(stop) {}

    Result<void> run() {
        if (!site_.job.schedule.empty())
            schedule_ = TRY(event::Schedule::read(site_.job.schedule));
        else if (auto watch = FolderWatch::open(site_.job.folder))
            watch_.emplace(std::move(*watch));
        std::int64_t due_ms = first_due();
        while (!stop_.stop_requested()) {
            const auto status = site_.manifest.status(site_.job.name);
            if (!status && status.error().code == ErrorCode::not_found) return {};
            if (!status) return fail(status.error());
            if (!status->is_paused && site_.clock.unix_ms() >= due_ms) due_ms = TRY(pass());
            const std::int64_t next_ms =
                status->is_paused ? site_.clock.unix_ms() + wait_ms_max : due_ms;
            if (const auto waited = wait(next_ms); !waited) break;
            if (has_changed_)
                due_ms = std::min(due_ms, site_.clock.unix_ms() + site_.job.settle_ms);
            has_changed_ = false;
        }
        return {};
    }

private:
    std::int64_t first_due() const {
        const std::int64_t now_ms = site_.clock.unix_ms();
        return schedule_ ? schedule_->next_after(now_ms, now_ms).value_or(INT64_MAX) : now_ms;
    }

    /// Gives when the next one is due.
    Result<std::int64_t> pass() {
        const PassOptions options{.watch = [this](const PassProgress& progress) {
            note_live(progress);
            if (events_.progressed) events_.progressed(site_.job, progress);
        }};
        const PassReport report = run_pass(site_, options, stop_);
        TRY(site_.manifest.set_live(site_.job.name, "{}", site_.clock.unix_ms()));
        if (events_.passed) events_.passed(site_.job, report);
        const std::int64_t now_ms = site_.clock.unix_ms();
        if (schedule_) return schedule_->next_after(now_ms, report.started_ms).value_or(INT64_MAX);
        if (report.waiting > 0) return now_ms + std::max<std::int64_t>(site_.job.settle_ms, 1000);
        if (!report.error.empty() || report.failed > 0)
            return now_ms + std::min(site_.job.rescan_ms, retry_ms);
        return now_ms + site_.job.rescan_ms;
    }

    void note_live(const PassProgress& progress) {
        const std::int64_t now_ms = site_.clock.unix_ms();
        if (progress.bytes_done == 0 || live_began_ms_ == 0) live_began_ms_ = now_ms;
        const double seconds = std::max(0.001, static_cast<double>(now_ms - live_began_ms_) / 1000);
        const double rate = static_cast<double>(progress.bytes_done) / seconds;
        Json live{{"files_done", progress.files_done},
                  {"files_total", progress.files_total},
                  {"bytes_done", progress.bytes_done},
                  {"bytes_total", progress.bytes_total},
                  {"bytes_a_second", rate}};
        if (rate > 0)
            live["seconds_left"] =
                static_cast<double>(progress.bytes_total - progress.bytes_done) / rate;
        // How far it is matters less than going on.
        static_cast<void>(site_.manifest.set_live(site_.job.name, live.dump(), now_ms));
    }

    Result<void> wait(std::int64_t due_ms) {
        const std::int64_t left_ms =
            std::clamp<std::int64_t>(due_ms - site_.clock.unix_ms(), 0, wait_ms_max);
        if (watch_) {
            has_changed_ = TRY(watch_->wait(Milliseconds(left_ms), stop_));
            return {};
        }
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock(mutex);
        stopped.wait_for(lock, stop_, Milliseconds(left_ms), [] { return false; });
        return stop_.stop_requested() ? Result<void>(fail(ErrorCode::cancelled, "interrupted"))
                                      : Result<void>{};
    }

    const SendSite& site_;
    const AgentEvents& events_;
    const std::stop_token& stop_;
    std::optional<event::Schedule> schedule_;
    std::optional<FolderWatch> watch_;
    bool has_changed_ = false;
    std::int64_t live_began_ms_ = 0;
};

}  // namespace

Result<void> keep_in_step(const SendSite& site, const AgentEvents& events,
                          const std::stop_token& stop) {
    return Agent(site, events, stop).run();
}

}  // namespace stroma::sync
