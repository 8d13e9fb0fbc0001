#include "pipeline/job_records.h"

#include <fmt/format.h>

#include <algorithm>

namespace stroma::pipeline {
namespace {

constexpr std::size_t log_line_bytes_max = 4096;
constexpr std::int64_t log_lines_max = 10'000;

constexpr std::string_view job_columns =
    "id, stage, owner, title, state, attempt, step, done, total, unit, inputs, outputs, "
    "error_code, error, cancel_asked, created_ms, started_ms, ended_ms, version";

Result<Job> job_in(const sql::Rows& row) {
    Job job;
    job.id = row.text(0);
    job.stage = row.text(1);
    job.owner = row.text(2);
    job.title = row.text(3);
    const auto state = job_state_named(row.text(4));
    if (!state)
        return fail(ErrorCode::corrupt, fmt::format("job {}: its state is damaged", job.id));
    job.state = *state;
    job.attempt = static_cast<int>(row.integer(5));
    job.progress = {
        .step = row.text(6), .done = row.real(7), .total = row.real(8), .unit = row.text(9)};
    job.inputs = row.text(10);
    job.outputs = row.text(11);
    job.error_code = row.text(12);
    job.error = row.text(13);
    job.cancel_asked = row.boolean(14);
    job.created_ms = row.integer(15);
    job.started_ms = row.integer(16);
    job.ended_ms = row.integer(17);
    job.version = row.integer(18);
    return job;
}

std::string where_of(const JobFilter& filter, std::vector<sql::Value>& parameters) {
    std::string where = " WHERE 1 = 1";
    if (!filter.owner.empty()) {
        where += " AND owner = ?";
        parameters.emplace_back(filter.owner);
    }
    if (!filter.stage.empty()) {
        where += " AND stage = ?";
        parameters.emplace_back(filter.stage);
    }
    if (filter.state) {
        where += " AND state = ?";
        parameters.emplace_back(std::string(name_of(*filter.state)));
    }
    return where;
}

}  // namespace

JobStore::State::State(sql::Database& database, queue::Queue& jobs_queue, const Clock& the_clock,
                       IdSource& the_ids, JobLimits the_limits)
    : pool(database),
      line(line_of(jobs_queue)),
      clock(the_clock),
      ids(the_ids),
      limits(std::move(the_limits)),
      channel(queue::wake_channel(&database, "jobs")) {}

JobStore::State::Line JobStore::State::line_of(queue::Queue& queue) {
    auto* stored = dynamic_cast<queue::TransactionalQueue*>(&queue);
    const bool is_ours = stored != nullptr && &stored->database() == &pool.database();
    return {&queue, is_ours ? stored : nullptr};
}

const JobStore::State::Line& JobStore::State::line_for(std::string_view stage) const {
    const auto found = routes.find(stage);
    return found == routes.end() ? line : found->second;
}

Result<void> JobStore::State::check_room(sql::Connection& connection, const std::string& owner) {
    const auto rows = TRY(connection.execute(
        "SELECT count(*), count(CASE WHEN owner = ? THEN 1 END) FROM jobs WHERE state = 'queued'",
        {owner}));
    TRY(rows->next());
    const std::int64_t all = rows->integer(0), own = rows->integer(1);
    const auto& shared = limits.shared_owners;
    const bool is_one = std::find(shared.begin(), shared.end(), owner) == shared.end();
    if (is_one && own >= limits.of_one)
        return fail(ErrorCode::exhausted,
                    fmt::format("{} of your jobs are waiting (jobs.queued_of_one); try again when "
                                "one of them has begun",
                                own));
    if (all >= limits.of_all)
        return fail(ErrorCode::exhausted,
                    fmt::format("{} jobs are waiting (jobs.queued_max); try again later", all));
    return {};
}

Result<void> JobStore::State::in_transaction(
    const std::function<Result<void>(sql::Connection&)>& work) {
    const auto connection = TRY(pool.take());
    return connection->in_transaction([&] { return work(*connection); });
}

Result<std::optional<Job>> JobStore::State::find(sql::Connection& connection, std::string_view id) {
    const auto rows = TRY(connection.execute(
        fmt::format("SELECT {} FROM jobs WHERE id = ?", job_columns), {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return TRY(job_in(*rows));
}

Result<std::vector<Job>> JobStore::list(const JobFilter& filter) {
    const auto connection = TRY(state_->pool.take());
    std::vector<sql::Value> parameters;
    const std::string where = where_of(filter, parameters);
    parameters.emplace_back(std::int64_t{filter.limit});
    const auto rows = TRY(connection->execute(
        fmt::format("SELECT {} FROM jobs{} ORDER BY created_ms DESC, id LIMIT ?", job_columns,
                    where),
        std::span<const sql::Value>(parameters)));
    std::vector<Job> jobs;
    while (TRY(rows->next())) jobs.push_back(TRY(job_in(*rows)));
    return jobs;
}

Result<std::vector<Job>> JobStore::ended_after(std::int64_t ended_ms, std::string_view id,
                                               int most) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        fmt::format("SELECT {} FROM jobs WHERE ended_ms >= ? AND (ended_ms > ? OR id > ?) AND "
                    "ended_ms > 0 ORDER BY ended_ms, id LIMIT ?",
                    job_columns),
        {ended_ms, ended_ms, std::string(id), std::int64_t{most}}));
    std::vector<Job> jobs;
    while (TRY(rows->next())) jobs.push_back(TRY(job_in(*rows)));
    return jobs;
}

Result<void> JobStore::State::send_in(sql::Connection& connection, std::string_view stage,
                                      const std::string& id) {
    std::string message;
    if (auto* queue = line_for(stage).same_database) message = TRY(queue->send_in(connection, id));
    TRY(connection.change("UPDATE jobs SET message = ? WHERE id = ?", {message, id}));
    return {};
}

Result<void> JobStore::State::sent(std::string_view stage, const std::string& id) {
    const Line& to = line_for(stage);
    if (to.same_database != nullptr)
        to.same_database->wake();
    else
        TRY(to.queue->send(id));
    changed();
    return {};
}

Result<std::optional<Job>> JobStore::State::start_attempt(const queue::Message& message) {
    std::optional<Job> started;
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto rows = TRY(
            connection.execute("SELECT id FROM jobs WHERE id = ? AND (message = ? OR message = '')",
                               {message.body, message.id}));
        if (!TRY(rows->next())) return {};
        const auto job = TRY(find(connection, message.body));
        if (!job || is_final(job->state)) return {};
        if (job->cancel_asked) {
            TRY(
                connection.change("UPDATE jobs SET state = 'cancelled', ended_ms = ?, "
                                  "version = version + 1 WHERE id = ?",
                                  {clock.unix_ms(), job->id}));
            return {};
        }
        TRY(connection.change(
            "UPDATE jobs SET state = 'running', attempt = attempt + 1, step = '', done = 0, "
            "total = 0, unit = '', error_code = '', error = '', started_ms = ?, ended_ms = 0, "
            "version = version + 1 WHERE id = ?",
            {clock.unix_ms(), job->id}));
        started = TRY(find(connection, job->id));
        return {};
    };
    TRY(in_transaction(work));
    changed();
    return started;
}

Result<int> JobStore::State::attempts_made(std::string_view id) {
    const auto connection = TRY(pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT attempt - attempt_base FROM jobs WHERE id = ?", {std::string(id)}));
    return TRY(rows->next()) ? static_cast<int>(rows->integer(0)) : 0;
}

Result<bool> JobStore::State::finish(const Job& job, const End& end) {
    std::int64_t changes = 0;
    const auto told = [&](auto member) -> sql::Value {
        return end.progress ? sql::Value((*end.progress).*member) : sql::Value();
    };
    {
        const auto connection = TRY(pool.take());
        changes = TRY(connection->change(
            "UPDATE jobs SET state = ?, outputs = ?, error_code = ?, error = ?, ended_ms = ?, "
            "step = coalesce(?, step), done = coalesce(?, done), total = coalesce(?, total), "
            "unit = coalesce(?, unit), version = version + 1 "
            "WHERE id = ? AND attempt = ? AND state = 'running'",
            {std::string(name_of(end.state)), std::string(end.outputs), std::string(end.error_code),
             std::string(end.error), clock.unix_ms(), told(&Progress::step), told(&Progress::done),
             told(&Progress::total), told(&Progress::unit), job.id, std::int64_t{job.attempt}}));
    }
    changed();
    return changes > 0;
}

Result<bool> JobStore::State::requeue(const Job& job, Requeue how) {
    std::int64_t changes = 0;
    {
        const auto connection = TRY(pool.take());
        const std::int64_t uncounted = how == Requeue::not_counted ? 1 : 0;
        changes = TRY(connection->change(
            "UPDATE jobs SET state = 'queued', attempt_base = attempt_base + ?, "
            "version = version + 1 WHERE id = ? AND attempt = ? AND state = 'running'",
            {uncounted, job.id, std::int64_t{job.attempt}}));
    }
    changed();
    return changes > 0;
}

Result<void> JobStore::State::set_progress(const Job& job, const Progress& progress) {
    {
        const auto connection = TRY(pool.take());
        TRY(connection->change(
            "UPDATE jobs SET step = ?, done = ?, total = ?, unit = ?, version = version + 1 "
            "WHERE id = ? AND attempt = ? AND state = 'running'",
            {progress.step, progress.done, progress.total, progress.unit, job.id,
             std::int64_t{job.attempt}}));
    }
    changed();
    return {};
}

Result<void> JobStore::State::add_log_line(std::string_view id, std::string_view level,
                                           std::string_view text) {
    const auto work = [&](sql::Connection& connection) -> Result<void> {
        const auto rows = TRY(connection.execute(
            "SELECT coalesce(max(number), 0) FROM job_log WHERE job = ?", {std::string(id)}));
        TRY(rows->next());
        const std::int64_t number = rows->integer(0) + 1;
        if (number > log_lines_max) return {};
        const std::string kept = number == log_lines_max
                                     ? fmt::format("the log ends here: {} lines", log_lines_max)
                                     : std::string(text.substr(0, log_line_bytes_max));
        TRY(connection.change(
            "INSERT INTO job_log VALUES(?, ?, ?, ?, ?)",
            {std::string(id), number, clock.unix_ms(), std::string(level), kept}));
        TRY(connection.change("UPDATE jobs SET version = version + 1 WHERE id = ?",
                              {std::string(id)}));
        return {};
    };
    TRY(in_transaction(work));
    changed();
    return {};
}

Result<bool> JobStore::State::cancel_asked(std::string_view id) {
    const auto connection = TRY(pool.take());
    const auto rows =
        TRY(connection->execute("SELECT cancel_asked FROM jobs WHERE id = ?", {std::string(id)}));
    return TRY(rows->next()) && rows->boolean(0);
}

Result<std::int64_t> JobStore::State::requeue_all_running() {
    std::int64_t changes = 0;
    {
        const auto connection = TRY(pool.take());
        changes = TRY(connection->change(
            "UPDATE jobs SET state = 'queued', version = version + 1 WHERE state = 'running'"));
    }
    changed();
    return changes;
}

}  // namespace stroma::pipeline
