#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "redshift/statement.h"
#include "statement/result_file.h"
#include "statement/sql_text.h"
#include "statement/statements_state.h"

namespace stroma::statement {
namespace {

using redshift::refuse;

constexpr std::int64_t kept_ms = 24 * 3'600'000;  // what is over is told of for a day
constexpr const char* cancelled_text = "Query cancelled on user's request";
constexpr std::string_view ended_text =
    "ERROR: the server was stopped while the statement ran; nothing of it was kept";

std::string error_text(const redshift::Failure& failure) {
    std::string text = "ERROR: " + failure.message;
    if (!failure.detail.empty()) text += "\n  Detail: " + failure.detail;
    if (!failure.hint.empty()) text += "\n  Hint: " + failure.hint;
    return text;
}

}  // namespace

redshift::Answer<std::unique_ptr<redshift::Session>> Statements::State::open_session(
    const catalog::Principal& principal, const std::string& database) {
    redshift::SessionOptions asked;
    asked.principal = principal;
    asked.user = principal.id == catalog::local_administrator().id ? "admin" : principal.name;
    asked.database = database;
    asked.application = "redshift-data";
    {
        const std::lock_guard lock(mutex);
        asked.process = next_process++;
    }
    return connect(std::move(asked));
}

bool Statements::State::is_called_off(Live& one) {
    const std::lock_guard lock(mutex);
    return one.is_called_off || is_stopping;
}

void Statements::State::show(Live& one, const Statement& statement) {
    const std::lock_guard lock(mutex);
    one.statement = statement;
}

void Statements::State::finish(Live& one, Statement statement) {
    const std::int64_t now = clock.unix_ms();
    statement.updated_ms = now;
    statement.expires_ms = now + kept_ms;
    const auto kept = writes.run([&](sql::Connection& connection) -> Result<void> {
        TRY(keep(connection, statement));
        return options.tell ? options.tell(connection, statement) : Result<void>{};
    });
    if (!kept)
        log(LogLevel::error, "what became of a statement could not be kept",
            {{"statement", statement.id}, {"error", kept.error().message}});
    const std::lock_guard lock(mutex);
    one.statement = std::move(statement);
    one.session = nullptr;
    if (one.kept) {
        one.kept->current.reset();
        one.kept->expires_ms = now + one.kept->keep_ms;
    }
    // Erases the last name of `one` but its runner's.
    live.erase(one.statement.id);
    changed.notify_all();
}

void Statements::State::fail_start(Live& one, const redshift::Failure& failure) {
    Statement statement = one.statement;
    statement.status = Status::failed;
    statement.error = error_text(failure);
    for (Part& part : statement.parts) part.status = Status::aborted;
    statement.parts.front().status = Status::failed;
    statement.parts.front().error = statement.error;
    finish(one, std::move(statement));
}

redshift::Answer<void> Statements::State::run_part(Live& one, redshift::Session& session,
                                                   Statement& statement, std::size_t at) {
    Part& part = statement.parts[at];
    auto bound = bind_parameters(part.sql, statement.parameters);
    if (!bound) return fail(redshift::Failure(bound.error()));
    const auto split = TRY(redshift::split(bound->sql));
    const std::vector<sql::Value> values(bound->values.begin(), bound->values.end());
    const auto prepared = TRY(session.prepare(split.front()));
    if (is_called_off(one)) return refuse("57014", cancelled_text);
    const auto cursor = TRY(session.open(*prepared, values));
    part.query = session.query_number();
    if (cursor->columns().empty()) {
        part.rows = cursor->rows();
        return {};
    }
    auto writer = TRY(ResultWriter::create(
        result_path(statement.id, at + 1), statement.format, cursor->columns(),
        {options.result_bytes_max, options.row_bytes_max, options.page_bytes}));
    while (TRY(cursor->next())) {
        TRY(writer.add(*cursor));
        if (is_called_off(one)) return refuse("57014", cancelled_text);
    }
    part.rows = cursor->rows();
    part.bytes = TRY(writer.finish());
    part.has_result = true;
    return {};
}

void Statements::State::run_parts(Live& one, redshift::Session& session, Statement& statement) {
    const bool is_grouped = statement.is_batch && statement.one_transaction;
    session.mark(statement.id);
    if (is_grouped) session.open_group();
    std::optional<redshift::Failure> failed;
    std::size_t at = 0;
    for (; at < statement.parts.size() && !failed; ++at) {
        Part& part = statement.parts[at];
        part.status = Status::started;
        part.updated_ms = clock.unix_ms();
        show(one, statement);
        const std::int64_t begun = clock.steady_ms();
        redshift::Answer<void> ran = refuse("57014", cancelled_text);
        if (!is_called_off(one)) ran = run_part(one, session, statement, at);
        // The group's commit is its last statement's.
        if (ran && is_grouped && at + 1 == statement.parts.size()) ran = session.close_group();
        part.duration_ns = (clock.steady_ms() - begun) * 1'000'000;
        part.updated_ms = clock.unix_ms();
        part.status = ran ? Status::finished : Status::failed;
        if (ran) continue;
        part.error = error_text(ran.error());
        failed = std::move(ran.error());
    }
    session.mark("");
    statement.status = Status::finished;
    if (!failed) return;
    if (is_grouped) session.roll_back();
    Part& broken = statement.parts[at - 1];
    const bool is_ended = failed->sqlstate == "57P01" || is_stopping;
    if (is_ended) broken.error = ended_text;
    statement.status = failed->sqlstate == "57014" && !is_ended ? Status::aborted : Status::failed;
    broken.status = statement.status;
    for (std::size_t later = at; later < statement.parts.size(); ++later)
        statement.parts[later].status = Status::aborted;
    statement.error = statement.is_batch ? fmt::format("Query #{} failed with {}", at, broken.error)
                                         : broken.error;
}

void Statements::State::run(Live& one, redshift::Session& session) {
    {
        const std::lock_guard lock(mutex);
        one.session = &session;
    }
    Statement statement = one.statement;
    statement.status = Status::started;
    statement.process = session.options().process;
    statement.updated_ms = clock.unix_ms();
    // From here on it may have done something.
    const auto kept = writes.run(
        [&](sql::Connection& connection) -> Result<void> { return keep(connection, statement); });
    if (!kept) return fail_start(one, redshift::Failure(kept.error()));
    show(one, statement);
    const std::int64_t begun = clock.steady_ms();
    run_parts(one, session, statement);
    statement.duration_ns = (clock.steady_ms() - begun) * 1'000'000;
    static_cast<void>(session.take_notices());
    finish(one, std::move(statement));
}

void Statements::State::run_alone(Live& one) {
    auto session = open_session(one.principal, one.statement.target.database);
    if (!session) return fail_start(one, session.error());
    run(one, **session);
}

void Statements::State::work(const std::stop_token& stop) {
    for (;;) {
        std::shared_ptr<Live> next;
        {
            std::unique_lock lock(mutex);
            changed.wait(lock, stop, [&] { return !waiting.empty() || is_stopping; });
            if (stop.stop_requested() || is_stopping) return;
            next = std::move(waiting.front());
            waiting.pop_front();
            next->statement.status = Status::picked;
        }
        run_alone(*next);
    }
}

void Statements::State::serve(const std::stop_token& stop,
                              const std::shared_ptr<KeptSession>& kept) {
    for (;;) {
        std::shared_ptr<Live> next;
        {
            std::unique_lock lock(mutex);
            const auto is_due = [&] { return kept->current != nullptr || is_stopping; };
            while (!is_due() && !stop.stop_requested()) {
                const std::int64_t left = kept->expires_ms - clock.unix_ms();
                if (left <= 0 && !kept->is_reserved) break;
                changed.wait_for(lock, stop, Milliseconds(std::max<std::int64_t>(left, 10)),
                                 is_due);
            }
            next = is_stopping || stop.stop_requested() ? nullptr : kept->current;
            if (next == nullptr) {
                if (const auto mine = sessions.find(kept->id); mine != sessions.end()) {
                    ended.push_back(mine->second);
                    sessions.erase(mine);
                }
            } else {
                next->statement.status = Status::picked;
            }
        }
        if (next == nullptr) break;
        if (kept->session == nullptr) {
            auto opened = open_session(next->principal, kept->database);
            if (!opened) {
                fail_start(*next, opened.error());
                continue;
            }
            kept->session = std::move(*opened);
        }
        run(*next, *kept->session);
    }
    kept->session.reset();
}

}  // namespace stroma::statement
