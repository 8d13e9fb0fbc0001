#include "app/redshift/auto_copy.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "app/redshift/user_database.h"
#include "base/log.h"
#include "redshift/lexer.h"
#include "redshift/statement.h"

namespace stroma::app {
namespace {

constexpr Milliseconds again_after{2'000};

/// What another try may mend.
bool is_passing(const redshift::Failure& failure) {
    return failure.sqlstate.starts_with("40") || failure.sqlstate.starts_with("55") ||
           failure.sqlstate.starts_with("53");
}

}  // namespace

struct AutoCopy::State {
    State(Site& the_site, redshift::Engine& the_engine) : site(the_site), engine(the_engine) {}

    void work(const std::stop_token& stop);
    Result<std::optional<catalog::Principal>> principal_of(const std::string& id);
    /// False when it is to be tried again.
    bool run(const redshift::CopyJob& job);
    void load_jobs();

    Site& site;
    redshift::Engine& engine;
    std::mutex mutex;
    std::condition_variable_any changed;
    bool has_new_jobs = true;
    std::vector<redshift::CopyJob> jobs;
    std::set<std::string> due;  ///< names
    std::jthread thread;
};

Result<std::optional<catalog::Principal>> AutoCopy::State::principal_of(const std::string& id) {
    if (id == catalog::local_administrator().id) return catalog::local_administrator();
    return site.catalog().find_principal(id);
}

bool AutoCopy::State::run(const redshift::CopyJob& job) {
    const auto ran = [&]() -> redshift::Answer<void> {
        const auto principal = TRY(principal_of(job.owner));
        if (!principal) return redshift::refuse("42501", "its owner isn't known any more");
        redshift::SessionOptions asked;
        asked.principal = *principal;
        asked.user = job.owner == catalog::local_administrator().id ? "admin" : principal->name;
        asked.application = "copy job";
        const auto session = TRY(connect_user(site, engine, std::move(asked)));
        const auto statement =
            TRY(redshift::split("COPY JOB RUN " + redshift::quoted_name(job.name) + " AUTO"));
        TRY(session->run(statement.front()));
        for (const auto& notice : session->take_notices())
            if (notice.severity == "WARNING")
                log(LogLevel::warning, "a copy job left objects out",
                    {{"job", job.name}, {"reason", notice.message}});
        return {};
    }();
    if (ran) return true;
    if (is_passing(ran.error())) return false;
    log(LogLevel::warning, "a copy job could not run",
        {{"job", job.name}, {"error", ran.error().message}});
    return true;
}

void AutoCopy::State::load_jobs() {
    auto found = engine.copy_jobs();
    if (!found)
        log(LogLevel::warning, "the copy jobs could not be read",
            {{"error", found.error().message}});
    const std::lock_guard lock(mutex);
    std::set<std::int64_t> known;
    for (const auto& job : jobs) known.insert(job.id);
    jobs = found.value_or(std::vector<redshift::CopyJob>());
    for (const auto& job : jobs)
        if (!known.contains(job.id)) due.insert(job.name);
}

void AutoCopy::State::work(const std::stop_token& stop) {
    std::set<std::string> later;  // to be tried again
    for (;;) {
        redshift::CopyJob next;
        bool reads = false;
        {
            std::unique_lock lock(mutex);
            const auto is_due = [&] { return has_new_jobs || !due.empty(); };
            if (later.empty())
                changed.wait(lock, stop, is_due);
            else if (!changed.wait_for(lock, stop, again_after, is_due))
                due.merge(later);
            if (stop.stop_requested()) return;
            reads = std::exchange(has_new_jobs, false);
            if (!reads && !due.empty()) {
                const std::string name = *due.begin();
                due.erase(due.begin());
                for (const auto& job : jobs)
                    if (job.name == name) next = job;
            }
        }
        if (reads)
            load_jobs();
        else if (!next.name.empty() && !run(next))
            later.insert(next.name);
    }
}

AutoCopy::AutoCopy(Site& site, redshift::Engine& engine)
    : state_(std::make_unique<State>(site, engine)) {}

AutoCopy::~AutoCopy() { stop(); }

void AutoCopy::start() {
    State& state = *state_;
    state.engine.follow_copy_jobs([&state] {
        const std::lock_guard lock(state.mutex);
        state.has_new_jobs = true;
        state.changed.notify_all();
    });
    state.thread = std::jthread([&state](const std::stop_token& stop) { state.work(stop); });
}

void AutoCopy::ask_to_stop() {
    state_->engine.follow_copy_jobs({});
    state_->thread.request_stop();
}

void AutoCopy::stop() {
    ask_to_stop();
    state_->thread = {};
}

void AutoCopy::note(const std::string& bucket, const std::string& key) {
    const std::string url = "s3://" + bucket + "/" + key;
    const std::lock_guard lock(state_->mutex);
    for (const auto& job : state_->jobs)
        if (url.starts_with(job.source)) {
            state_->due.insert(job.name);
            state_->changed.notify_all();
        }
}

}  // namespace stroma::app
