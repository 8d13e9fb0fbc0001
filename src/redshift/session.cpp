#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "redshift/cursors.h"
#include "redshift/engine_session.h"
#include "redshift/external.h"
#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "sql/duckdb/duckdb_database.h"

namespace stroma::redshift {
namespace {

constexpr std::size_t returned_rows_max = 1'000'000;

/// Statements of Redshift's that have no meaning here.
bool is_known_elsewhere(const std::vector<Token>& tokens) {
    const std::string &first = tokens[0].word, &second = tokens[tokens.size() > 1 ? 1 : 0].word;
    if (first == "attach" || first == "detach") return second == "rls" || second == "masking";
    return first == "cancel" ||
           (first == "desc" && (second == "datashare" || second == "identity"));
}

/// Whether the rows are still those that the client was told of.
bool has_columns_of(const sql::Rows& rows, const std::vector<Column>& told) {
    const auto& columns = rows.columns();
    return std::equal(columns.begin(), columns.end(), told.begin(), told.end(),
                      [](const auto& now, const Column& before) {
                          return now.engine_type == before.engine_type;
                      });
}

}  // namespace

Answer<std::unique_ptr<Cursor>> Session::run(const Statement& statement) {
    const auto prepared = TRY(prepare(statement));
    return open(*prepared);
}

EngineSession::EngineSession(Engine::State& engine, SessionOptions options,
                             std::unique_ptr<sql::Connection> connection)
    : engine_(engine),
      options_(std::move(options)),
      user_id_(options_.by_site ? catalog::local_administrator().id : options_.principal.id),
      connection_(std::move(connection)),
      clock_(engine.zones) {
    logged_as_ = engine_.session_log->begin({.process = options_.process,
                                             .user = options_.user,
                                             .database = options_.database,
                                             .application = options_.application,
                                             .driver = options_.driver,
                                             .system = options_.system,
                                             .remote = options_.remote,
                                             .started_us = engine_.now_us()});
    engine_.open_sessions->add(*this);
}

EngineSession::~EngineSession() {
    engine_.open_sessions->remove(*this);
    cursors_.clear();
    statements_.clear();
    end_transaction(false);
    engine_.session_log->end(logged_as_, engine_.now_us());
}

TransactionState EngineSession::state() const {
    if (!explicit_) return TransactionState::idle;
    return failed_ ? TransactionState::failed : TransactionState::in_transaction;
}

void EngineSession::settle_live() {
    if (live_ != nullptr) live_->take_rest();
}

void EngineSession::number_transaction() {
    if (transaction_ != 0) return;
    transaction_ = engine_.next_transaction++;
    engine_.log->set_transaction(query_, static_cast<std::int64_t>(transaction_));
}

Answer<void> EngineSession::begin_if_needed() {
    if (begun_) return {};
    settle_live();
    number_transaction();
    snapshot_ = engine_.locks.now();
    TRY(connection_->begin(sql::TransactionKind::write));
    begun_ = true;
    return {};
}

void EngineSession::end_transaction(bool changed) {
    if (begun_) {
        settle_live();
        connection_->rollback();
    }
    if (transaction_ != 0) engine_.locks.release(transaction_, changed);
    transaction_ = 0;
    begun_ = wrote_ = false;
}

Failure EngineSession::failed(Failure failure) {
    {
        const std::lock_guard lock(blame_mutex_);
        if (blamed_) failure = *std::exchange(blamed_, std::nullopt);
        if (failure.sqlstate == "57014" && !cancel_words_.empty())
            failure.message += ": " + cancel_words_;
    }
    if (terminated_ || (failure.sqlstate == "57014" && engine_.stopping)) {
        failure.sqlstate = "57P01";
        failure.message = "terminating connection due to administrator command";
    }
    live_ = nullptr;
    end_transaction(false);
    if (explicit_) {
        failed_ = true;
    } else {
        settle_settings(false);
    }
    return failure;
}

Failure EngineSession::conflict_on(const std::string& table) {
    const auto other = engine_.locks.last_change(table).by;
    // A number that stays: tools look for it in the words.
    std::uint32_t number = 2166136261u;
    for (const char letter : table)
        number = (number ^ static_cast<unsigned char>(letter)) * 16777619u;
    Failure failure(
        "40001",
        fmt::format("1023: Serializable isolation violation on table - {}, transactions "
                    "forming the cycle are: {}, {} (pid:{})",
                    100000 + number % 1'000'000'000, transaction_, other, options_.process));
    failure.detail = fmt::format("table {}", table);
    failure.hint = "the transaction may be tried again";
    return failure;
}

Answer<void> EngineSession::lock_all(const std::vector<std::string>& tables, bool reads) {
    number_transaction();
    const auto timeout = setting("lock_timeout").value_or("0");
    for (const std::string& table : tables) {
        if (table.starts_with("temp.")) continue;
        TRY(engine_.locks.take(
            transaction_, table, [this] { return is_called_off(); },
            std::strtoll(timeout.c_str(), nullptr, 10)));
        if (begun_ && reads && engine_.locks.last_change(table).at > snapshot_)
            return fail(conflict_on(table));
    }
    return {};
}

Answer<void> EngineSession::commit() {
    if (begun_) {
        settle_live();
        if (wrote_ && !mark_.empty())
            TRY(
                change("INSERT INTO stroma_system.statement_marks VALUES (?, "
                       "CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP))",
                       std::array{sql::Value(mark_)}));
        const std::shared_lock no_backup(engine_.commits);
        const auto committed = connection_->commit();
        if (!committed) {
            Failure failure(committed.error());
            if (failure.sqlstate == "40001") failure = conflict_on(failure.message);
            begun_ = false;
            return fail(std::move(failure));
        }
        begun_ = false;
    }
    end_transaction(wrote_);
    return {};
}

Answer<std::int64_t> EngineSession::write(const std::vector<std::string>& tables, bool reads,
                                          const std::function<Answer<std::int64_t>()>& work) {
    // Each kind of statement asks for the rights that it needs; one that forgot to changes nothing.
    if (!is_superuser() && !is_allowed_)
        return refuse("42501",
                      fmt::format("permission denied: {} may not change this", options_.user));
    const bool is_for_others = std::any_of(tables.begin(), tables.end(), [](const auto& table) {
        return !table.starts_with("temp.");
    });
    if (is_for_others && setting("transaction_read_only") == "on")
        return refuse("25006", "cannot change tables in a read-only transaction");
    const auto run = [&]() -> Answer<std::int64_t> {
        TRY(lock_all(tables, reads));
        TRY(begin_if_needed());
        settle_live();
        const std::int64_t rows = TRY(work());
        wrote_ = true;
        if (!explicit_ && !grouped_) TRY(commit());
        return rows;
    };
    auto done = run();
    if (!done) {
        if (done.error().sqlstate == "40001" && !done.error().message.starts_with("1023"))
            done.error() = conflict_on(tables.empty() ? "" : tables.front());
        return fail(failed(std::move(done.error())));
    }
    return done;
}

Answer<std::unique_ptr<sql::Rows>> EngineSession::query(std::string_view sql,
                                                        std::span<const sql::Value> values) {
    settle_live();
    const OutsideReading reading(*this, sql, values);
    return TRY(connection_->execute(sql, values));
}

Answer<std::int64_t> EngineSession::change(std::string_view sql,
                                           std::span<const sql::Value> values) {
    return TRY(query(sql, values))->rows_changed();
}

Answer<std::int64_t> EngineSession::change_and_count(std::string_view sql,
                                                     std::span<const sql::Value> values) {
    const auto rows = TRY(query(sql, values));
    std::int64_t count = 0;
    while (TRY(rows->next())) ++count;
    return count;
}

Answer<std::optional<std::string>> EngineSession::text_of(
    std::string_view sql, std::initializer_list<sql::Value> values) {
    const auto rows = TRY(query(sql, std::span<const sql::Value>(values.begin(), values.size())));
    if (!TRY(rows->next()) || rows->is_null(0)) return std::optional<std::string>();
    const sql::Value value = rows->value(0);
    if (const auto* text = std::get_if<std::string>(&value)) return std::optional(*text);
    if (const auto* number = std::get_if<std::int64_t>(&value))
        return std::optional(std::to_string(*number));
    if (const auto* flag = std::get_if<bool>(&value))
        return std::optional<std::string>(*flag ? "true" : "false");
    return std::optional(std::to_string(std::get<double>(value)));
}

std::string EngineSession::cursors_as_relation() const {
    std::string rows;
    for (const auto& [name, cursor] : cursors_)
        rows += fmt::format("{}({})", rows.empty() ? "" : ", ", quoted_text(name));
    return fmt::format(
        "(SELECT name, CAST(NULL AS VARCHAR) AS statement, CAST(NULL AS BOOLEAN) AS is_holdable, "
        "false AS is_binary, false AS is_scrollable, CAST(NULL AS TIMESTAMP) AS creation_time FROM "
        "(VALUES {}) AS c(name) WHERE name <> '')",
        rows.empty() ? "('')" : rows);
}

std::string EngineSession::statements_as_relation() const {
    std::string rows;
    for (const auto& [name, prepared] : statements_) {
        if (name.empty()) continue;
        std::string types;
        for (const std::uint32_t type : prepared->parameters)
            types += (types.empty() ? "" : ", ") + quoted_text(type_name_of(type));
        rows += fmt::format("{}({}, {}, make_timestamp({}), [{}])", rows.empty() ? "" : ", ",
                            quoted_text(name), quoted_text(prepared->statement.text),
                            prepared->plan->made_us, types);
    }
    return fmt::format(
        "(SELECT name, statement, prepare_time AT TIME ZONE 'UTC' AS prepare_time, "
        "CAST(parameter_types AS VARCHAR[]) AS parameter_types, false AS from_sql FROM "
        "(VALUES {}) AS s(name, statement, prepare_time, parameter_types) WHERE name <> '')",
        rows.empty() ? "('', '', make_timestamp(0), [''])" : rows);
}

RewriteContext EngineSession::rewrite_context() const {
    RewriteContext context;
    context.database = options_.database;
    context.session_value = [this](std::string_view name) -> std::optional<std::string> {
        if (name == "pg_last_copy_count") return std::to_string(last_copy_count);
        if (name == "pg_last_copy_id") return std::to_string(last_copy_query);
        if (name == "pg_last_unload_count") return std::to_string(last_unload_count);
        if (name == "pg_last_query_id" || name == "last_user_query_id")
            return std::to_string(query_);
        if (name == "current_user_id")
            return "(SELECT max(usesysid) FROM stroma_catalog.pg_user WHERE usename = " +
                   quoted_text(options_.user) + ")";
        if (name == "pg_backend_pid") return std::to_string(options_.process);
        if (name == "current_database") return quoted_text(options_.database);
        if (name == "current_user" || name == "session_user" || name == "user")
            return quoted_text(options_.user);
        if (name == "version")
            return quoted_text(
                "PostgreSQL 8.0.2 on x86_64-pc-linux-gnu, compiled by GCC, Redshift 1.0.77467");
        if (name == "txid_current") return std::to_string(transaction_);
        if (name == "pg_cursors") return cursors_as_relation();
        if (name == "pg_prepared_statements") return statements_as_relation();
        if (name == "settings") return settings_as_expression();
        if (name == "pg_settings") return settings_as_relation();
        constexpr std::string_view of_setting = "setting ";
        if (name.starts_with(of_setting))
            if (const auto value = setting(name.substr(of_setting.size())))
                return quoted_text(*value);
        return std::nullopt;
    };
    return context;
}

Answer<std::string> EngineSession::rewritten(const Prepared& prepared, std::size_t from,
                                             std::size_t to) {
    auto context = rewrite_context();
    context.session_value = with_external_relations(*this, std::move(context.session_value));
    return rewrite(prepared.statement.text, prepared.plan->tokens, from, to, context);
}

void EngineSession::open_group() { grouped_ = true; }

Answer<void> EngineSession::close_group() {
    grouped_ = false;
    if (explicit_) return {};
    auto committed = commit();
    if (!committed) return fail(failed(std::move(committed.error())));
    settle_settings(true);
    return {};
}

void EngineSession::roll_back() {
    cursors_.clear();
    live_ = nullptr;
    end_transaction(false);
    explicit_ = failed_ = grouped_ = false;
    settle_settings(false);
}

void EngineSession::cancel(const std::string& words) {
    {
        const std::lock_guard lock(blame_mutex_);
        cancel_words_ = words;
    }
    called_off_ = true;
    engine_.locks.wake();
    connection_->interrupt();
}

void EngineSession::terminate() {
    terminated_ = true;
    cancel("");
    if (options_.hang_up) options_.hang_up();
}

void EngineSession::blame(Failure failure) {
    const std::lock_guard lock(blame_mutex_);
    blamed_ = std::move(failure);
}

std::vector<Notice> EngineSession::take_notices() { return std::exchange(notices_, {}); }

Answer<std::unique_ptr<Cursor>> EngineSession::commit_block() {
    cursors_.clear();
    if (!explicit_ && !begun_) {
        tell({"WARNING", "25P01", "there is no transaction in progress"});
        return done(StatementKind::commit);
    }
    if (failed_) {
        roll_back();
        return done(StatementKind::commit, 0, "ROLLBACK");
    }
    explicit_ = false;
    auto committed = commit();
    if (!committed) return fail(failed(std::move(committed.error())));
    settle_settings(true);
    return done(StatementKind::commit);
}

Answer<std::unique_ptr<Cursor>> EngineSession::control(const Prepared& prepared) {
    switch (prepared.statement.kind) {
        case StatementKind::begin:
            if (explicit_) tell({"WARNING", "25001", "there is already a transaction in progress"});
            explicit_ = true;
            TRY(set_modes(prepared.plan->tokens, 1, false));
            return done(StatementKind::begin, 0,
                        prepared.plan->tokens[0].word == "start" ? "START TRANSACTION" : "");
        case StatementKind::commit: return commit_block();
        default: {
            const auto& tokens = prepared.plan->tokens;
            if (std::any_of(tokens.begin(), tokens.end(),
                            [](const Token& each) { return each.word == "to"; }))
                return refuse("0A000", "a transaction can't go back to a savepoint: ROLLBACK it");
            if (!explicit_ && !begun_)
                tell({"WARNING", "25P01", "there is no transaction in progress"});
            const bool grouped = grouped_;
            roll_back();
            grouped_ = grouped;
            return done(StatementKind::rollback);
        }
    }
}

// Drivers that set one before each statement (psqlodbc does) go on where nothing fails; where
// something does, nobody can go back to it, and the whole transaction is rolled back.
Answer<std::unique_ptr<Cursor>> EngineSession::savepoint(StatementKind kind,
                                                         std::string_view word) {
    const bool is_release = word == "release";
    if (!explicit_ && !begun_ && !grouped_)
        return refuse("25P01", is_release
                                   ? "RELEASE SAVEPOINT can only be used in transaction blocks"
                                   : "SAVEPOINT can only be used in transaction blocks");
    return done(kind, 0, is_release ? "RELEASE" : "SAVEPOINT");
}

Answer<std::unique_ptr<Cursor>> EngineSession::select(const Prepared& prepared,
                                                      std::span<const sql::Value> values) {
    if (explicit_ || grouped_) TRY(begin_if_needed());
    TRY(run_setting_changes(prepared, values));
    const std::string narrowed = TRY(readable(*this, prepared.plan->sql));
    const AskingFor conditions(prepared.plan->tokens);
    auto rows = TRY(query(narrowed.empty() ? prepared.plan->sql : narrowed, values));
    std::vector<Column> columns = prepared.columns;
    if (prepared.plan->made_behind != behind_ && !prepared.plan->follows_values &&
        !has_columns_of(*rows, columns))
        return refuse("0A000", "cached plan must not change result type");
    if (columns.size() != rows->columns().size()) {
        columns.clear();
        for (const auto& column : rows->columns())
            columns.push_back(column_of(column.name, column.engine_type));
    }
    const auto query = query_;
    auto cursor = std::make_unique<RowsCursor>(
        *this, std::move(rows), std::move(columns),
        [state = &engine_, query](std::int64_t count, const Failure* failure) {
            state->log->end(query, state->now_us(), count, failure ? "failed" : "success",
                            failure ? failure->message : "");
        });
    cursor->kind = prepared.statement.kind;
    return cursor;
}

Answer<std::unique_ptr<Cursor>> EngineSession::carry_out(const Prepared& prepared,
                                                         std::span<const sql::Value> values) {
    const StatementKind kind = prepared.statement.kind;
    is_allowed_ = false;
    switch (kind) {
        case StatementKind::empty: return done(kind);
        case StatementKind::begin:
        case StatementKind::commit:
        case StatementKind::rollback: return control(prepared);
        case StatementKind::select: return select(prepared, values);
        case StatementKind::explain: return explain(prepared);
        case StatementKind::insert:
        case StatementKind::update:
        case StatementKind::remove: {
            const auto& plan = *prepared.plan;
            if (plan.sql.empty()) return insert_external(*this, prepared);
            TRY(demand_change(prepared));
            if (!prepared.columns.empty()) return change_and_return(prepared, values);
            const auto rows = TRY(write({plan.target}, plan.reads, [&] {
                if (!plan.checked.empty()) return change(plan.checked, values);
                return plan.check.empty() ? change(plan.sql, values)
                                          : change_and_count(plan.sql + plan.check, values);
            }));
            return done(kind, rows);
        }
        case StatementKind::merge: return run_merge(*this, prepared, values);
        case StatementKind::set:
        case StatementKind::reset:
        case StatementKind::show: return settings(prepared);
        case StatementKind::declare_cursor:
        case StatementKind::fetch:
        case StatementKind::close_cursor: return named_cursor(prepared, values);
        case StatementKind::prepare:
        case StatementKind::execute:
        case StatementKind::deallocate: return named_statement(prepared);
        case StatementKind::copy_from_s3:
        case StatementKind::copy_job: return run_copy(*this, prepared);
        case StatementKind::unload: return run_unload(*this, prepared);
        case StatementKind::lock:
        case StatementKind::vacuum:
        case StatementKind::analyze:
        case StatementKind::analyze_compression: return run_maintenance(*this, prepared);
        case StatementKind::copy_from_stdin:
        case StatementKind::copy_to_stdout:
            return refuse("0A000", "COPY FROM STDIN and TO STDOUT need a client that streams");
        case StatementKind::other:
            if (const std::string& word = prepared.plan->tokens[0].word;
                word == "listen" || word == "unlisten" || word == "notify")
                return refuse("0A000",
                              word + " is not supported: sessions tell each other nothing");
            if (const std::string& word = prepared.plan->tokens[0].word;
                word == "savepoint" || word == "release")
                return savepoint(kind, word);
            if (prepared.plan->tokens[0].word == "cancel") return run_cancel(*this, prepared);
            if (prepared.plan->tokens[0].word == "refresh") return run_refresh(*this, prepared);
            if (prepared.plan->tokens[0].word == "use") return use_database(prepared);
            if (is_known_elsewhere(prepared.plan->tokens))
                return refuse("0A000", fmt::format("this statement is not there: {}",
                                                   prepared.statement.text.substr(0, 60)));
            return fail(syntax_failure(prepared.plan->tokens[0]));
        case StatementKind::call: return run_call(*this, prepared, values);
        default:
            if (is_identity_statement(prepared.plan->tokens)) return run_identity(*this, prepared);
            if (TRY(is_external(*this, prepared))) return run_external(*this, prepared);
            return run_table_statement(*this, prepared);
    }
}

// What RETURNING asks for is read whole before the statement's transaction may end.
Answer<std::unique_ptr<Cursor>> EngineSession::change_and_return(
    const Prepared& prepared, std::span<const sql::Value> values) {
    const auto& plan = *prepared.plan;
    if (!is_superuser()) TRY(demand_on(*this, plan.table, {"SELECT"}));
    std::vector<std::vector<sql::Value>> kept;
    const auto read = [&]() -> Answer<std::int64_t> {
        const auto rows = TRY(query(plan.sql + plan.check, values));
        while (TRY(rows->next())) {
            if (kept.size() == returned_rows_max)
                return refuse("54000",
                              fmt::format("RETURNING gives {} rows at most", returned_rows_max));
            auto& row = kept.emplace_back();
            for (std::size_t at = 0; at < prepared.columns.size(); ++at)
                row.push_back(value_for_client(*rows, at, prepared.columns[at]));
        }
        return static_cast<std::int64_t>(kept.size());
    };
    TRY(write({plan.target}, plan.reads, read));
    auto cursor = kept_rows(prepared.columns, std::move(kept));
    cursor->kind = prepared.statement.kind;
    return cursor;
}

// INSERT, UPDATE and DELETE; the latter two look at what is there.
Answer<void> EngineSession::demand_change(const Prepared& prepared) {
    if (is_superuser()) return {};
    const StatementKind kind = prepared.statement.kind;
    const TableName& table = prepared.plan->table;
    if (kind == StatementKind::insert) {
        TRY(demand_on(*this, table, {"INSERT"}));
    } else {
        TRY(demand_on(*this, table, {"SELECT"}));
        if (kind == StatementKind::update) {
            TRY(demand_update(*this, table, prepared.plan->sql));
        } else {
            TRY(demand_on(*this, table, {"DELETE"}));
        }
    }
    return demand_reads_of_change(*this, kind, prepared.plan->sql);
}

Answer<std::unique_ptr<Cursor>> EngineSession::open(const Prepared& prepared,
                                                    std::span<const sql::Value> values) {
    if (engine_.stopping || terminated_)
        return refuse("57P01", "terminating connection due to administrator command");
    const StatementKind kind = prepared.statement.kind;
    if (failed_ && !ends_transaction(kind))
        return refuse("25P02",
                      "current transaction is aborted, commands ignored until end of transaction "
                      "block");
    if (prepared.plan->follows_session && prepared.plan->made_behind != query_) {
        const auto anew = TRY(prepare(prepared.statement, prepared.parameters));
        return open(*anew, values);
    }
    if (parameter_types_.empty())
        if (const auto wider = TRY(with_more_digits(prepared, values))) {
            parameter_types_.resize(1);  // once is enough
            auto opened = open(*wider, values);
            parameter_types_.clear();
            return opened;
        }
    if (procedures == 0) called_off_ = false;  // else it is the CALL that is called off
    if (procedures == 0) {
        const std::lock_guard lock(blame_mutex_);
        blamed_.reset();
        cancel_words_.clear();
    }
    const bool is_logged = !ends_transaction(kind) && kind != StatementKind::empty;
    if (is_logged) {
        LoggedQuery entry;
        entry.transaction = static_cast<std::int64_t>(transaction_);
        entry.process = options_.process;
        entry.user = options_.user;
        entry.database = options_.database;
        entry.label = setting("query_group").value_or("default");
        entry.text = prepared.statement.text;
        entry.started_us = engine_.now_us();
        behind_ = query_;
        query_ = engine_.log->begin(std::move(entry));
    }
    const auto number = query_;
    const AskingAs asking(options_.principal, query_);
    auto opened = carry_out(prepared, values);
    if (!opened) {
        // Once more where write() has done it already: harmless.
        Failure failure = failed(std::move(opened.error()));
        place_failure(failure, prepared.statement.text, prepared.plan->tokens);
        if (is_logged)
            engine_.log->end(number, engine_.now_us(), 0,
                             failure.sqlstate == "57014" ? "canceled" : "failed", failure.message);
        return fail(std::move(failure));
    }
    if ((*opened)->kind == StatementKind::select && kind != StatementKind::select &&
        prepared.columns.empty())
        (*opened)->kind = kind;
    if (is_logged && kind != StatementKind::select)
        engine_.log->end(number, engine_.now_us(), (*opened)->rows(), "success", "");
    return opened;
}

Answer<std::unique_ptr<Cursor>> EngineSession::explain(const Prepared& prepared) {
    TRY(demand_reads(*this, std::string_view(prepared.plan->sql).substr(explain_prefix.size())));
    const auto rows = TRY(query(prepared.plan->sql));
    std::vector<std::vector<std::string>> lines;
    while (TRY(rows->next())) {
        const std::string plan = rows->text(rows->columns().size() - 1);
        for (std::size_t at = 0; at < plan.size();) {
            const auto end = std::min(plan.find('\n', at), plan.size());
            lines.push_back({plan.substr(at, end - at)});
            at = end + 1;
        }
    }
    auto cursor = text_rows({"QUERY PLAN"}, std::move(lines));
    cursor->made_tag = "EXPLAIN";
    return cursor;
}

}  // namespace stroma::redshift
