#include "statement/statements.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/priority.h"
#include "redshift/statement.h"
#include "sql/migrations.h"
#include "statement/result_file.h"
#include "statement/sql_text.h"
#include "statement/statements_state.h"

namespace stroma::statement {

std::span<const sql::Migration> migrations();

namespace {

constexpr std::int64_t token_ms = 8 * 3'600'000;
constexpr std::int64_t never_ms = std::int64_t{1} << 60;
constexpr Milliseconds expiry_interval{600'000};

bool is_control(redshift::StatementKind kind) {
    return kind == redshift::StatementKind::begin || kind == redshift::StatementKind::commit ||
           kind == redshift::StatementKind::rollback;
}

/// Each text must be one statement, with every parameter in one of them.
Result<void> check_sqls(const Order& order) {
    std::set<std::string> used;
    for (const std::string& sql : order.sqls) {
        const auto split = redshift::split(sql);
        // What the dialect can't read fails when it runs, as AWS has it; a text that isn't one
        // statement is refused here.
        if (!split) return fail(ErrorCode::invalid_input, split.error().message);
        if (split->size() != 1 || split->front().kind == redshift::StatementKind::empty)
            return fail(ErrorCode::invalid_input,
                        split->size() > 1
                            ? "Multiple SQL statements in one text are not supported; use "
                              "BatchExecuteStatement"
                            : "SQL text must hold a statement");
        if (order.is_batch && order.one_transaction && is_control(split->front().kind))
            return fail(ErrorCode::invalid_input,
                        "BEGIN, COMMIT and ROLLBACK are not allowed in a batch, which is one "
                        "transaction");
        const Bound bound = TRY(bind_parameters(sql, order.parameters));
        for (const auto& [name, value] : order.parameters)
            if (std::find(bound.unused.begin(), bound.unused.end(), name) == bound.unused.end())
                used.insert(name);
    }
    std::string unused;
    for (const auto& [name, value] : order.parameters)
        if (!used.contains(name)) unused += (unused.empty() ? "" : ", ") + name;
    if (!unused.empty())
        return fail(ErrorCode::invalid_input,
                    fmt::format("Parameters list contains unused parameters. Unused parameters: "
                                "[{}]",
                                unused));
    return {};
}

/// The principal of an order that came before a restart.
Result<std::optional<catalog::Principal>> principal_of(const StatementsOptions& options,
                                                       const std::string& id) {
    if (id == catalog::local_administrator().id) return catalog::local_administrator();
    if (!options.find_principal) return std::nullopt;
    return options.find_principal(id);
}

}  // namespace

fs::path Statements::State::result_path(std::string_view id, std::size_t part) const {
    return options.folder / fmt::format("{}.{}", id, part);
}

Result<void> Statements::State::keep(sql::Connection& connection, const Statement& statement) {
    TRY(connection.change(
        "UPDATE statements SET status = ?, expires_ms = ?, record = ? WHERE id = ?",
        {std::string(name_of(statement.status)),
         is_over(statement.status) ? statement.expires_ms : never_ms, record_of(statement),
         statement.id}));
    return {};
}

/// One that a stopped process had begun.
Result<void> Statements::State::settle(Statement statement, bool took_effect) {
    Live one;
    one.statement = statement;
    const bool is_whole = !statement.is_batch || statement.one_transaction;
    if (took_effect && is_whole) {
        statement.status = Status::finished;
        for (Part& part : statement.parts) part.status = Status::finished;
    } else {
        statement.status = Status::failed;
        statement.error =
            took_effect ? "ERROR: the server ended while the batch ran; a part of it was committed"
                        : "ERROR: the server ended while the statement ran; nothing of it was kept";
        for (Part& part : statement.parts)
            if (!is_over(part.status)) part.status = Status::aborted;
        statement.parts.front().error = statement.error;
    }
    finish(one, std::move(statement));
    return {};
}

Result<void> Statements::State::recover() {
    std::vector<Statement> begun;
    {
        const auto connection = TRY(readers.take());
        const auto rows = TRY(connection->execute(
            "SELECT record, status FROM statements WHERE status IN ('SUBMITTED', 'PICKED', "
            "'STARTED') ORDER BY position"));
        while (TRY(rows->next())) {
            Statement statement = TRY(statement_of(rows->text(0)));
            statement.status = status_named(rows->text(1)).value_or(Status::submitted);
            begun.push_back(std::move(statement));
        }
    }
    const auto marks = options.marks ? TRY(options.marks()) : std::vector<std::string>();
    const std::set<std::string> took_effect(marks.begin(), marks.end());
    for (Statement& statement : begun) {
        // A backup holds the tables of a moment after its statements': one that waits there may
        // have run by then.
        const bool is_marked = took_effect.contains(statement.id);
        if (statement.status == Status::started || is_marked) {
            TRY(settle(std::move(statement), is_marked));
            continue;
        }
        auto one = std::make_shared<Live>();
        one->statement = statement;
        one->statement.status = Status::submitted;
        auto principal = TRY(principal_of(options, statement.owner));
        if (!principal || !statement.session.empty()) {
            fail_start(*one, redshift::Failure(
                                 "08003", principal ? "the session ended with the server"
                                                    : "whoever asked for it isn't known any more"));
            continue;
        }
        one->principal = std::move(*principal);
        live[statement.id] = one;
        waiting.push_back(std::move(one));
    }
    if (options.drop_marks && !marks.empty()) TRY(options.drop_marks(marks));
    return {};
}

Statements::Statements(std::unique_ptr<State> state) : state_(std::move(state)) {}
Statements::~Statements() { stop(); }

Result<std::unique_ptr<Statements>> Statements::open(sql::WriteGroup& writes, Connect connect,
                                                     const Clock& clock, IdSource& ids,
                                                     StatementsOptions options) {
    TRY(sql::migrate(writes.database(), "statement", migrations()));
    TRY(make_folders(options.folder));
    auto state =
        std::make_unique<State>(writes, std::move(connect), clock, ids, std::move(options));
    TRY(state->recover());
    return std::unique_ptr<Statements>(new Statements(std::move(state)));
}

void Statements::start() {
    State& state = *state_;
    for (std::size_t n = 0; n < state.options.at_once; ++n)
        state.workers.emplace_back([&state](const std::stop_token& stop) {
            // Nobody waits at a door for what runs here: who submits more is answered first.
            lower_thread_priority();
            state.work(stop);
        });
    state.keeper = std::jthread([this](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any woken;
        std::unique_lock lock(mutex);
        do {
            if (const auto done = expire(); !done)
                log(LogLevel::warning, "statements that are over could not be removed",
                    {{"error", done.error().message}});
        } while (!woken.wait_for(lock, stop, expiry_interval, [] { return false; }) &&
                 !stop.stop_requested());
    });
}

void Statements::stop() {
    State& state = *state_;
    std::vector<std::shared_ptr<KeptSession>> kept;
    {
        const std::lock_guard lock(state.mutex);
        state.is_stopping = true;
        for (const auto& [id, one] : state.live)
            if (one->session != nullptr) one->session->cancel();
        for (const auto& [id, session] : state.sessions) kept.push_back(session);
        state.changed.notify_all();
    }
    state.keeper = {};
    state.workers.clear();  // stops and joins
    kept.insert(kept.end(), state.ended.begin(), state.ended.end());
    for (const auto& session : kept) session->thread = {};
    const std::lock_guard lock(state.mutex);
    state.ended.clear();
    state.sessions.clear();
}

Result<std::shared_ptr<KeptSession>> Statements::State::session_for(const Order& order, Live& one) {
    std::vector<std::shared_ptr<KeptSession>> over;
    const std::lock_guard lock(mutex);
    over.swap(ended);
    for (const auto& gone : over)
        if (gone->thread.get_id() != std::this_thread::get_id()) gone->thread = {};
    if (!order.session.empty()) {
        const auto found = sessions.find(order.session);
        if (found == sessions.end() || found->second->owner != order.principal.id)
            return fail(ErrorCode::invalid_input,
                        fmt::format("Session {} is not available", order.session));
        if (found->second->current != nullptr || found->second->is_reserved)
            return fail(ErrorCode::invalid_input,
                        fmt::format("Session {} is busy: one statement at a time runs in it",
                                    order.session));
        if (order.keep_session_s >= 0) found->second->keep_ms = order.keep_session_s * 1000;
        found->second->is_reserved = true;
        one.statement.target.database = found->second->database;
        return found->second;
    }
    if (order.keep_session_s <= 0) return nullptr;
    if (sessions.size() >= options.sessions_max)
        return fail(ErrorCode::exhausted, "too many sessions are open");
    auto kept = std::make_shared<KeptSession>();
    kept->id = ids.uuid();
    kept->owner = order.principal.id;
    kept->database = order.target.database;
    kept->created_ms = clock.unix_ms();
    kept->keep_ms = order.keep_session_s * 1000;
    kept->expires_ms = kept->created_ms + kept->keep_ms;
    kept->is_reserved = true;
    sessions[kept->id] = kept;
    return kept;
}

Result<Statement> Statements::State::insert(Order& order, const Statement& made, bool& is_known) {
    return writes.run([&](sql::Connection& connection) -> Result<Statement> {
        if (!order.token.empty()) {
            const auto rows = TRY(connection.execute(
                "SELECT record FROM statements WHERE owner = ? AND token = ? AND created_ms > ?",
                {order.principal.id, order.token, made.created_ms - token_ms}));
            if (TRY(rows->next())) {
                is_known = true;
                return statement_of(rows->text(0));
            }
        }
        TRY(connection.change(
            "INSERT INTO statements(id, owner, name, status, token, created_ms, expires_ms, "
            "record) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
            {made.id, made.owner, made.name, std::string(name_of(made.status)), order.token,
             made.created_ms, never_ms, record_of(made)}));
        return made;
    });
}

Result<Statement> Statements::submit(Order order) {
    State& state = *state_;
    TRY(check_sqls(order));
    auto one = std::make_shared<Live>();
    Statement& made = one->statement;
    one->principal = order.principal;
    made.id = state.ids.uuid();
    made.owner = order.principal.id;
    made.owner_name = order.principal.name;
    made.name = order.name;
    made.target = order.target;
    made.is_batch = order.is_batch;
    made.one_transaction = order.one_transaction;
    made.tells = order.tells;
    made.format = order.format;
    made.parameters = order.parameters;
    made.keep_session_s = order.keep_session_s;
    made.created_ms = made.updated_ms = state.clock.unix_ms();
    for (const std::string& sql : order.sqls) {
        Part part;
        part.sql = without_secrets(sql);
        part.created_ms = part.updated_ms = made.created_ms;
        made.parts.push_back(std::move(part));
    }
    {
        const std::lock_guard lock(state.mutex);
        if (state.live.size() >= state.options.active_max)
            return fail(ErrorCode::exhausted, "too many statements are active");
    }
    one->kept = TRY(state.session_for(order, *one));
    if (one->kept) made.session = one->kept->id;
    bool is_known = false;
    // In the list before its row is there: who learns its id finds it.
    {
        const std::lock_guard lock(state.mutex);
        state.live[made.id] = one;
    }
    const Statement before = made;
    auto kept = state.insert(order, before, is_known);
    const std::lock_guard lock(state.mutex);
    if (one->kept) one->kept->is_reserved = false;
    if (!kept || is_known) {
        state.live.erase(before.id);
        // A session that was opened for it goes when its time is over.
        if (one->kept && order.session.empty()) state.sessions.erase(one->kept->id);
        return kept;
    }
    if (one->kept) {
        one->kept->current = one;
        if (!one->kept->thread.joinable())
            one->kept->thread =
                std::jthread([&state, session = one->kept](const std::stop_token& stop) {
                    lower_thread_priority();
                    state.serve(stop, session);
                });
    } else {
        state.waiting.push_back(one);
    }
    state.changed.notify_all();
    return kept;
}

Result<std::optional<Statement>> Statements::find(std::string_view id) {
    {
        const std::lock_guard lock(state_->mutex);
        if (const auto found = state_->live.find(id); found != state_->live.end())
            return std::optional(found->second->statement);
    }
    const auto connection = TRY(state_->readers.take());
    const auto rows =
        TRY(connection->execute("SELECT record FROM statements WHERE id = ?", {std::string(id)}));
    if (!TRY(rows->next())) return std::optional<Statement>();
    return std::optional(TRY(statement_of(rows->text(0))));
}

namespace {

bool is_of(const Target& target, const ListQuery& query) {
    return (query.cluster.empty() || query.cluster == target.cluster) &&
           (query.workgroup.empty() || query.workgroup == target.workgroup) &&
           (query.database.empty() || query.database == target.database);
}

}  // namespace

Result<ListAnswer> Statements::list(const ListQuery& query) {
    const auto connection = TRY(state_->readers.take());
    const std::string status = query.status ? std::string(name_of(*query.status)) : "";
    const auto rows = TRY(connection->execute(
        "SELECT position, record FROM statements WHERE (? = '' OR owner = ?) AND (? = 0 OR "
        "position < ?) AND (? = '' OR status = ?) AND substr(name, 1, length(?)) = ? "
        "ORDER BY position DESC",
        {query.owner, query.owner, query.before, query.before, status, status, query.name,
         query.name}));
    ListAnswer answer;
    std::int64_t last = 0;
    while (TRY(rows->next())) {
        Statement statement = TRY(statement_of(rows->text(1)));
        if (!is_of(statement.target, query)) continue;
        if (answer.statements.size() == query.limit) {
            answer.next = last;
            break;
        }
        last = rows->integer(0);
        const std::lock_guard lock(state_->mutex);
        const auto found = state_->live.find(statement.id);
        answer.statements.push_back(found == state_->live.end() ? std::move(statement)
                                                                : found->second->statement);
    }
    return answer;
}

Result<bool> Statements::cancel(std::string_view id) {
    State& state = *state_;
    std::shared_ptr<Live> queued;
    {
        const std::lock_guard lock(state.mutex);
        const auto found = state.live.find(id);
        if (found == state.live.end()) return false;
        Live& one = *found->second;
        one.is_called_off = true;
        if (one.session != nullptr) one.session->cancel();
        const auto place = std::find(state.waiting.begin(), state.waiting.end(), found->second);
        if (place == state.waiting.end()) return true;
        queued = *place;
        state.waiting.erase(place);
    }
    Statement statement = queued->statement;
    statement.status = Status::aborted;
    statement.error = "ERROR: Query cancelled on user's request";
    for (Part& part : statement.parts) part.status = Status::aborted;
    state.finish(*queued, std::move(statement));
    return true;
}

Result<std::optional<Statement>> Statements::wait(std::string_view id, Milliseconds time,
                                                  const std::stop_token& left) {
    {
        std::unique_lock lock(state_->mutex);
        state_->changed.wait_for(lock, left, time, [&] {
            return state_->live.find(id) == state_->live.end() || state_->is_stopping;
        });
    }
    return find(id);
}

Result<Page> Statements::page(const Statement& statement, std::size_t part, std::uint64_t at) {
    if (part == 0 || part > statement.parts.size() || !statement.parts[part - 1].has_result)
        return fail(ErrorCode::not_found, "the statement has no result");
    return read_page(state_->result_path(statement.id, part), at);
}

Result<Statements::TextRows> Statements::ask(const catalog::Principal& principal,
                                             const std::string& database, const std::string& sql,
                                             const std::vector<std::string>& values) {
    const auto answer = [&]() -> redshift::Answer<TextRows> {
        const auto session = TRY(state_->open_session(principal, database));
        const auto split = TRY(redshift::split(sql));
        const auto prepared = TRY(session->prepare(split.front()));
        const auto cursor =
            TRY(session->open(*prepared, std::vector<sql::Value>(values.begin(), values.end())));
        TextRows rows;
        while (TRY(cursor->next())) {
            std::vector<std::optional<std::string>> row;
            for (std::size_t at = 0; at < cursor->columns().size(); ++at) {
                const sql::Value value = cursor->value(at);
                if (std::holds_alternative<std::monostate>(value))
                    row.emplace_back();
                else if (const auto* text = std::get_if<std::string>(&value))
                    row.emplace_back(*text);
                else if (const auto* whole = std::get_if<std::int64_t>(&value))
                    row.emplace_back(std::to_string(*whole));
                else if (const auto* truth = std::get_if<bool>(&value))
                    row.emplace_back(*truth ? "true" : "false");
                else
                    row.emplace_back(fmt::format("{}", std::get<double>(value)));
            }
            rows.push_back(std::move(row));
        }
        return rows;
    }();
    if (!answer) return fail(redshift::error_of(answer.error()));
    return *answer;
}

Result<void> Statements::expire() {
    State& state = *state_;
    const std::int64_t now = state.clock.unix_ms();
    std::vector<std::pair<std::string, std::size_t>> over;
    {
        const auto connection = TRY(state.readers.take());
        const auto rows =
            TRY(connection->execute("SELECT record FROM statements WHERE expires_ms <= ?", {now}));
        while (TRY(rows->next())) {
            const Statement statement = TRY(statement_of(rows->text(0)));
            over.emplace_back(statement.id, statement.parts.size());
        }
    }
    const auto remove = [&](sql::Connection& connection) -> Result<void> {
        for (const auto& [id, parts] : over)
            TRY(connection.change("DELETE FROM statements WHERE id = ?", {id}));
        return {};
    };
    if (!over.empty()) TRY(state.writes.run(sql::WriteGroup::Work(remove)));
    for (const auto& [id, parts] : over)
        for (std::size_t part = 1; part <= parts; ++part)
            TRY(remove_file(state.result_path(id, part)));
    if (!state.options.marks || !state.options.drop_marks) return {};
    std::vector<std::string> marks = TRY(state.options.marks());
    {
        const std::lock_guard lock(state.mutex);
        std::erase_if(marks, [&](const std::string& id) { return state.live.contains(id); });
        // A round later, so that a backup that has the statement as waiting gets its mark.
        std::set<std::string> over_now(marks.begin(), marks.end());
        std::erase_if(marks, [&](const std::string& id) { return !state.over_marks.contains(id); });
        state.over_marks = std::move(over_now);
    }
    return marks.empty() ? Result<void>{} : state.options.drop_marks(marks);
}

}  // namespace stroma::statement
