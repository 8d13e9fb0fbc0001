#include "pipeline/job_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "pipeline/job_records.h"
#include "sql/migrations.h"

namespace stroma::pipeline {

std::span<const sql::Migration> migrations();

namespace {

constexpr Milliseconds poll_interval{100};

Error no_job(std::string_view id) {
    return {ErrorCode::not_found,
            fmt::format("there is no job '{}'; the list of jobs shows their ids", id)};
}

}  // namespace

JobStore::JobStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
JobStore::~JobStore() = default;

void JobStore::route(std::string_view stage, queue::Queue& queue) {
    state_->routes.insert_or_assign(std::string(stage), state_->line_of(queue));
}

Result<std::unique_ptr<JobStore>> JobStore::open(sql::Database& database, queue::Queue& queue,
                                                 const Clock& clock, IdSource& ids,
                                                 JobLimits limits) {
    TRY(sql::migrate(database, "pipeline", migrations()));
    return std::unique_ptr<JobStore>(
        new JobStore(std::make_unique<State>(database, queue, clock, ids, std::move(limits))));
}

Result<Job> JobStore::submit(const NewJob& job) {
    const std::string id = state_->ids.uuid();
    std::optional<Job> kept;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        if (!job.idempotency_key.empty()) {
            const auto rows = TRY(connection.execute(
                "SELECT id FROM jobs WHERE idempotency_key = ? AND idempotency_key <> '' "
                "AND state IN ('queued', 'running', 'succeeded')",
                {job.idempotency_key}));
            if (TRY(rows->next())) {
                kept = TRY(state_->find(connection, rows->text(0)));
                return {};
            }
        }
        if (job.is_bounded) TRY(state_->check_room(connection, job.owner));
        TRY(connection.change(
            "INSERT INTO jobs VALUES(?, ?, ?, ?, 'queued', 0, 0, '', 0, 0, '', ?, '', '', '', ?, "
            "?, 0, 0, 1, ?, '')",
            {id, job.stage, job.owner, job.title, job.inputs, false, state_->clock.unix_ms(),
             job.idempotency_key}));
        TRY(state_->send_in(connection, job.stage, id));
        kept = TRY(state_->find(connection, id));
        return {};
    };
    TRY(state_->in_transaction(work));
    if (kept->id == id) TRY(state_->sent(job.stage, id));
    return *std::move(kept);
}

Result<std::optional<Job>> JobStore::find(std::string_view id) {
    const auto connection = TRY(state_->pool.take());
    return state_->find(*connection, id);
}

Result<std::string> JobStore::id_beginning(std::string_view beginning) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT id FROM jobs WHERE substr(id, 1, ?) = ? ORDER BY created_ms DESC LIMIT 2",
        {static_cast<std::int64_t>(beginning.size()), std::string(beginning)}));
    if (beginning.empty() || !TRY(rows->next())) return fail(no_job(beginning));
    std::string id = rows->text(0);
    if (TRY(rows->next()))
        return fail(ErrorCode::conflict,
                    fmt::format("several jobs begin with '{}', like {} and {}; give more of the id",
                                beginning, id, rows->text(0)));
    return id;
}

Result<std::vector<JobLogLine>> JobStore::log_lines(std::string_view id, std::int64_t after_ms) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT at_ms, level, text FROM job_log WHERE job = ? AND at_ms > ? ORDER BY number",
        {std::string(id), after_ms}));
    std::vector<JobLogLine> lines;
    while (TRY(rows->next())) lines.push_back({rows->integer(0), rows->text(1), rows->text(2)});
    return lines;
}

Result<Job> JobStore::cancel(std::string_view id) {
    std::optional<Job> job;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const std::string key(id);
        TRY(connection.change(
            "UPDATE jobs SET state = 'cancelled', cancel_asked = ?, ended_ms = ?, "
            "version = version + 1 WHERE id = ? AND state = 'queued'",
            {true, state_->clock.unix_ms(), key}));
        TRY(
            // Its key is free at once: who submits the same work now isn't given what goes down.
            connection.change("UPDATE jobs SET cancel_asked = ?, idempotency_key = '', "
                              "version = version + 1 "
                              "WHERE id = ? AND state = 'running' AND cancel_asked = ?",
                              {true, key, false}));
        job = TRY(state_->find(connection, id));
        return {};
    };
    TRY(state_->in_transaction(work));
    if (!job) return fail(no_job(id));
    state_->changed();
    return *std::move(job);
}

Result<Job> JobStore::retry(std::string_view id) {
    std::optional<Job> job;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        job = TRY(state_->find(connection, id));
        if (!job) return fail(no_job(id));
        if (job->state != JobState::failed && job->state != JobState::cancelled)
            return fail(ErrorCode::conflict,
                        fmt::format("job '{}' is {}; only failed and cancelled jobs are retried",
                                    id, name_of(job->state)));
        const auto changed = connection.change(
            "UPDATE jobs SET state = 'queued', attempt_base = attempt, cancel_asked = ?, "
            "error_code = '', error = '', outputs = '', step = '', done = 0, total = 0, unit = '', "
            "started_ms = 0, ended_ms = 0, version = version + 1 WHERE id = ?",
            {false, job->id});
        if (!changed && changed.error().code == ErrorCode::already_exists)
            return fail(ErrorCode::conflict,
                        "the same work was submitted again meanwhile: look "
                        "for the newer job");
        if (!changed) return fail(changed.error());
        TRY(state_->send_in(connection, job->stage, job->id));
        job = TRY(state_->find(connection, id));
        return {};
    };
    TRY(state_->in_transaction(work));
    TRY(state_->sent(job->stage, job->id));
    return *std::move(job);
}

Result<Job> JobStore::wait_for_change(std::string_view id, std::int64_t version,
                                      Milliseconds wait) {
    using std::chrono::steady_clock;
    const auto deadline = steady_clock::now() + wait;
    for (;;) {
        const std::uint64_t generation = state_->channel->generation();
        auto job = TRY(find(id));
        if (!job) return fail(no_job(id));
        const auto left = std::chrono::ceil<Milliseconds>(deadline - steady_clock::now());
        if (job->version > version || left <= Milliseconds{0}) return *std::move(job);
        state_->channel->wait_past(generation, std::min(left, poll_interval));
    }
}

std::uint64_t JobStore::wait_for_any_change(std::uint64_t seen, Milliseconds wait) {
    state_->channel->wait_past(seen, wait);
    return state_->channel->generation();
}

}  // namespace stroma::pipeline
