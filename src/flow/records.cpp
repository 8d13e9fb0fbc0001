#include "flow/records.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace stroma::flow::records {
namespace {

sql::Value whole(std::uint64_t value) { return static_cast<std::int64_t>(value); }

std::string tries_json(const std::map<Outcome, int>& tries) {
    Json json = Json::object();
    for (const auto& [outcome, count] : tries) json[std::string(name_of(outcome))] = count;
    return json.dump();
}

std::map<Outcome, int> tries_in(const std::string& text) {
    std::map<Outcome, int> tries;
    if (const auto json = parse_json(text); json && json->is_object())
        for (const auto& [name, count] : json->items())
            tries[outcome_named(name)] = count.get<int>();
    return tries;
}

std::vector<std::string> texts_in(const std::string& text) {
    const auto json = parse_json(text);
    return json && json->is_array() ? json->get<std::vector<std::string>>()
                                    : std::vector<std::string>{};
}

constexpr const char* run_columns =
    "id, name, owner, pipeline, version, definition, folder, changes, location, inputs, priority, "
    "state, error, created_ms, ended_ms";
constexpr const char* task_columns =
    "id, run, stage, item, coordinates, state, key, parts, why, cached, attempt, tries, lease, "
    "worker, not_before_ms, memory_bytes, timeout_ms, outcome, error, core_seconds, peak_bytes, "
    "bytes_in, ready_ms, started_ms, ended_ms";
constexpr const char* attempt_columns =
    "task, attempt, lease, worker, outcome, error, verdict, exit_code, signal, core_seconds, "
    "peak_bytes, memory_bytes, started_ms, ended_ms";

Task task_in(const sql::Rows& rows) {
    Task task;
    task.id = rows.integer(0);
    task.run = rows.text(1);
    task.stage = rows.text(2);
    task.item = rows.text(3);
    task.coordinates = rows.text(4);
    task.state = task_state_named(rows.text(5));
    task.key = rows.text(6);
    task.parts = rows.text(7);
    task.why = texts_in(rows.text(8));
    task.cached = rows.boolean(9);
    task.attempt = static_cast<int>(rows.integer(10));
    task.tries = tries_in(rows.text(11));
    task.lease = rows.integer(12);
    task.worker = rows.text(13);
    task.not_before_ms = rows.integer(14);
    task.memory_bytes = static_cast<std::uint64_t>(rows.integer(15));
    task.timeout = Milliseconds{rows.integer(16)};
    task.outcome = rows.text(17);
    task.error = rows.text(18);
    task.core_seconds = rows.real(19);
    task.peak_bytes = static_cast<std::uint64_t>(rows.integer(20));
    task.bytes_in = static_cast<std::uint64_t>(rows.integer(21));
    task.ready_ms = rows.integer(22);
    task.started_ms = rows.integer(23);
    task.ended_ms = rows.integer(24);
    return task;
}

}  // namespace

Result<std::int64_t> integer(sql::Connection& connection, std::string_view statement,
                             std::initializer_list<sql::Value> values) {
    const auto rows = TRY(connection.execute(statement, values));
    return TRY(rows->next()) ? rows->integer(0) : 0;
}

Result<void> put_run(sql::Connection& connection, const Run& run) {
    TRY(connection.change(
        fmt::format("INSERT INTO flow_runs({}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
                    "ON CONFLICT(id) DO UPDATE SET inputs = excluded.inputs, state = "
                    "excluded.state, error = excluded.error, ended_ms = excluded.ended_ms",
                    run_columns),
        {run.id, run.name, run.owner, run.pipeline, run.version, run.definition,
         run.folder.string(), run.changes, run.location.string(), run.inputs,
         std::int64_t{run.priority}, std::string(name_of(run.state)), run.error, run.created_ms,
         run.ended_ms}));
    return {};
}

Result<std::vector<Run>> runs(sql::Connection& connection, std::string_view where,
                              std::initializer_list<sql::Value> values) {
    const auto rows = TRY(
        connection.execute(fmt::format("SELECT {} FROM flow_runs {}", run_columns, where), values));
    std::vector<Run> list;
    while (TRY(rows->next())) {
        Run run;
        run.id = rows->text(0);
        run.name = rows->text(1);
        run.owner = rows->text(2);
        run.pipeline = rows->text(3);
        run.version = rows->text(4);
        run.definition = rows->text(5);
        run.folder = rows->text(6);
        run.changes = rows->text(7);
        run.location = rows->text(8);
        run.inputs = rows->text(9);
        run.priority = static_cast<int>(rows->integer(10));
        run.state = run_state_named(rows->text(11));
        run.error = rows->text(12);
        run.created_ms = rows->integer(13);
        run.ended_ms = rows->integer(14);
        list.push_back(std::move(run));
    }
    return list;
}

Result<void> put_task(sql::Connection& connection, const Task& task) {
    TRY(connection.change(
        fmt::format(
            "INSERT INTO flow_tasks({}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
            "ON CONFLICT(id) DO UPDATE SET state = excluded.state, key = excluded.key, parts = "
            "excluded.parts, why = excluded.why, cached = excluded.cached, attempt = "
            "excluded.attempt, tries = excluded.tries, lease = excluded.lease, worker = "
            "excluded.worker, not_before_ms = excluded.not_before_ms, memory_bytes = "
            "excluded.memory_bytes, timeout_ms = excluded.timeout_ms, outcome = "
            "excluded.outcome, error = excluded.error, core_seconds = excluded.core_seconds, "
            "peak_bytes = excluded.peak_bytes, bytes_in = excluded.bytes_in, ready_ms = "
            "excluded.ready_ms, started_ms = excluded.started_ms, ended_ms = excluded.ended_ms",
            task_columns),
        {task.id,
         task.run,
         task.stage,
         task.item,
         task.coordinates,
         std::string(name_of(task.state)),
         task.key,
         task.parts,
         Json(task.why).dump(),
         task.cached,
         std::int64_t{task.attempt},
         tries_json(task.tries),
         task.lease,
         task.worker,
         task.not_before_ms,
         whole(task.memory_bytes),
         std::int64_t{task.timeout.count()},
         task.outcome,
         task.error,
         task.core_seconds,
         whole(task.peak_bytes),
         whole(task.bytes_in),
         task.ready_ms,
         task.started_ms,
         task.ended_ms}));
    return {};
}

Result<std::vector<Task>> tasks(sql::Connection& connection, std::string_view where,
                                std::initializer_list<sql::Value> values) {
    const auto rows = TRY(connection.execute(
        fmt::format("SELECT {} FROM flow_tasks {}", task_columns, where), values));
    std::vector<Task> list;
    while (TRY(rows->next())) list.push_back(task_in(*rows));
    return list;
}

Result<void> add_attempt(sql::Connection& connection, const Attempt& attempt) {
    TRY(connection.change(
        fmt::format("INSERT INTO flow_attempts({}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
                    "ON CONFLICT(task, attempt) DO NOTHING",
                    attempt_columns),
        {attempt.task, std::int64_t{attempt.attempt}, attempt.lease, attempt.worker,
         std::string(name_of(attempt.end.outcome)), attempt.end.error, attempt.verdict,
         std::int64_t{attempt.end.exit_code}, std::int64_t{attempt.end.signal},
         attempt.end.core_seconds, whole(attempt.end.peak_bytes), whole(attempt.memory_bytes),
         attempt.started_ms, attempt.ended_ms}));
    return {};
}

Result<std::vector<Attempt>> attempts(sql::Connection& connection, std::string_view where,
                                      std::initializer_list<sql::Value> values) {
    const auto rows = TRY(connection.execute(
        fmt::format("SELECT {} FROM flow_attempts {}", attempt_columns, where), values));
    std::vector<Attempt> list;
    while (TRY(rows->next())) {
        Attempt attempt;
        attempt.task = rows->integer(0);
        attempt.attempt = static_cast<int>(rows->integer(1));
        attempt.lease = rows->integer(2);
        attempt.worker = rows->text(3);
        attempt.end.outcome = outcome_named(rows->text(4));
        attempt.end.error = rows->text(5);
        attempt.verdict = rows->text(6);
        attempt.end.exit_code = static_cast<int>(rows->integer(7));
        attempt.end.signal = static_cast<int>(rows->integer(8));
        attempt.end.core_seconds = rows->real(9);
        attempt.end.peak_bytes = static_cast<std::uint64_t>(rows->integer(10));
        attempt.memory_bytes = static_cast<std::uint64_t>(rows->integer(11));
        attempt.started_ms = rows->integer(12);
        attempt.ended_ms = rows->integer(13);
        list.push_back(std::move(attempt));
    }
    return list;
}

Result<void> put_output(sql::Connection& connection, const Output& output) {
    TRY(connection.change(
        "INSERT INTO flow_outputs(key, manifest, hash, bytes, task, core_seconds, ttl_ms, "
        "created_ms, used_ms, archive_ms) VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT(key) DO NOTHING",
        {output.key, output.manifest, output.hash, whole(output.bytes), output.task,
         output.core_seconds, std::int64_t{output.ttl.count()}, output.created_ms, output.used_ms,
         std::int64_t{output.archive.count()}}));
    return {};
}

Result<std::optional<Output>> find_output(sql::Connection& connection, const std::string& key) {
    const auto rows = TRY(connection.execute(
        "SELECT key, manifest, hash, bytes, task, core_seconds, ttl_ms, created_ms, used_ms, "
        "archive_ms, tier, stored_bytes, until_ms FROM flow_outputs WHERE key = ?",
        {key}));
    if (!TRY(rows->next())) return std::nullopt;
    return Output{rows->text(0),
                  rows->text(1),
                  rows->text(2),
                  static_cast<std::uint64_t>(rows->integer(3)),
                  rows->integer(4),
                  rows->real(5),
                  Milliseconds{rows->integer(6)},
                  rows->integer(7),
                  rows->integer(8),
                  Milliseconds{rows->integer(9)},
                  tier_named(rows->text(10)),
                  static_cast<std::uint64_t>(rows->integer(11)),
                  rows->integer(12)};
}

Result<void> add_review(sql::Connection& connection, const Review& review) {
    TRY(
        connection.change("INSERT INTO flow_reviews(run, stage, item, key, accepted, comment, "
                          "reviewer, at_ms) VALUES(?,?,?,?,?,?,?,?)",
                          {review.run, review.stage, review.item, review.key, review.accepted,
                           review.comment, review.reviewer, review.at_ms}));
    return {};
}

Result<std::vector<Review>> reviews(sql::Connection& connection, std::string_view where,
                                    std::initializer_list<sql::Value> values) {
    const auto rows = TRY(connection.execute(
        fmt::format("SELECT run, stage, item, key, accepted, comment, reviewer, at_ms "
                    "FROM flow_reviews {}",
                    where),
        values));
    std::vector<Review> list;
    while (TRY(rows->next()))
        list.push_back({rows->text(0), rows->text(1), rows->text(2), rows->text(3),
                        rows->boolean(4), rows->text(5), rows->text(6), rows->integer(7)});
    return list;
}

Result<void> add_edit(sql::Connection& connection, const Edit& edit, const std::string& owner,
                      const std::string& run) {
    TRY(connection.change(
        "INSERT INTO flow_edits(number, owner, key, files, kind, detail, author, run, at_ms) "
        "VALUES((SELECT coalesce(max(number), 0) + 1 FROM flow_edits), ?,?,?,?,?,?,?,?)",
        {owner, edit.key, Json(edit.files).dump(), edit.kind, edit.detail, edit.author, run,
         edit.at_ms}));
    return {};
}

Result<std::vector<Edit>> edits(sql::Connection& connection, const std::string& key,
                                const std::string& owner) {
    const auto rows = TRY(connection.execute(
        "SELECT number, files, kind, detail, author, at_ms FROM flow_edits WHERE key = ? AND "
        "owner = ? ORDER BY number",
        {key, owner}));
    std::vector<Edit> list;
    while (TRY(rows->next())) {
        Edit edit{rows->integer(0), key,           texts_in(rows->text(1)), rows->text(2),
                  rows->text(3),    rows->text(4), rows->integer(5),        false};
        if (edit.kind == "undo") {
            const auto last = std::find_if(list.rbegin(), list.rend(), [&](const Edit& one) {
                return !one.is_undone && one.kind != "undo" && one.files == edit.files;
            });
            if (last != list.rend()) last->is_undone = true;
        }
        list.push_back(std::move(edit));
    }
    return list;
}

Result<void> add_event(sql::Connection& connection, const RunEvent& event) {
    TRY(connection.change(
        "INSERT INTO flow_events(seq, at_ms, kind, run, stage, item, detail) "
        "VALUES((SELECT coalesce(max(seq), 0) + 1 FROM flow_events), ?,?,?,?,?,?)",
        {event.at_ms, event.kind, event.run, event.stage, event.item, event.detail}));
    return {};
}

Result<std::vector<RunEvent>> events(sql::Connection& connection, std::string_view where,
                                     std::initializer_list<sql::Value> values) {
    const auto rows = TRY(connection.execute(
        fmt::format("SELECT seq, at_ms, kind, run, stage, item, detail FROM flow_events {}", where),
        values));
    std::vector<RunEvent> list;
    while (TRY(rows->next()))
        list.push_back({rows->integer(0), rows->integer(1), rows->text(2), rows->text(3),
                        rows->text(4), rows->text(5), rows->text(6)});
    return list;
}

}  // namespace stroma::flow::records
