#include <fmt/format.h>

#include <atomic>
#include <cassert>
#include <set>

#include "sql/duckdb/duckdb_database.h"
#include "sql/duckdb/duckdb_error.h"
#include "sql/duckdb/duckdb_instance.h"
#include "sql/duckdb/duckdb_value.h"

namespace stroma::sql {

bool WriteTurn::enter(const std::function<bool()>& called_off) {
    if (is_wide_) return !called_off();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !taken_ || called_off(); });
    if (taken_) return false;
    taken_ = true;
    return true;
}

void WriteTurn::leave() {
    if (is_wide_) return;
    {
        const std::lock_guard lock(mutex_);
        assert(taken_);
        taken_ = false;
    }
    changed_.notify_all();
}

void WriteTurn::wake() {
    { const std::lock_guard lock(mutex_); }
    changed_.notify_all();
}

namespace {

/// The engine's connection, kept by whoever still reads from it.
struct Session {
    std::shared_ptr<DuckDbInstance> instance;
    duckdb_connection handle = nullptr;
    ~Session() {
        if (handle != nullptr) duckdb_disconnect(&handle);
    }
};

struct Prepared {
    duckdb_prepared_statement handle = nullptr;
    ~Prepared() { duckdb_destroy_prepare(&handle); }
};

struct Extracted {
    duckdb_extracted_statements handle = nullptr;
    ~Extracted() { duckdb_destroy_extracted(&handle); }
};

bool only_reads(duckdb_statement_type type) {
    return type == DUCKDB_STATEMENT_TYPE_SELECT || type == DUCKDB_STATEMENT_TYPE_EXPLAIN ||
           type == DUCKDB_STATEMENT_TYPE_SET || type == DUCKDB_STATEMENT_TYPE_VARIABLE_SET ||
           type == DUCKDB_STATEMENT_TYPE_PRAGMA;
}

class DuckDbConnection final : public Connection {
public:
    explicit DuckDbConnection(std::shared_ptr<Session> session) : session_(std::move(session)) {}
    ~DuckDbConnection() override { rollback(); }

    duckdb_connection handle() const { return session_->handle; }

    Result<std::unique_ptr<Rows>> execute(std::string_view statement,
                                          std::span<const Value> parameters) override {
        return noted(execute_one(std::string(statement), parameters));
    }
    Result<StatementShape> describe(const std::string& statement);
    Result<std::unique_ptr<Rows>> execute_named(std::string_view statement,
                                                const NamedValues& values) {
        return noted(execute_by_name(std::string(statement), values));
    }
    Result<void> run_script(std::string_view statements) override {
        return noted(run_all(std::string(statements)));
    }
    Result<void> begin(TransactionKind kind) override;
    Result<void> commit() override;
    void rollback() override;
    Result<std::unique_ptr<Appender>> append_to(std::string_view table) override {
        return noted(append_duckdb(session_->handle, table, session_, [this] { failed_ = true; }));
    }
    void interrupt() override {
        called_off_ = true;
        session_->instance->writers.wake();
        duckdb_interrupt(session_->handle);
    }

private:
    template <class T>
    Result<T> noted(Result<T> result) {
        if (!result && in_transaction_) failed_ = true;
        return result;
    }
    Result<std::unique_ptr<Rows>> execute_one(const std::string& statement,
                                              std::span<const Value> parameters);
    Result<std::unique_ptr<Rows>> execute_by_name(const std::string& statement,
                                                  const NamedValues& values);
    Result<void> prepare(Prepared& prepared, const std::string& statement);
    Result<void> run_all(const std::string& statements);
    Result<void> bind(const Prepared& prepared, std::span<const Value> parameters,
                      const std::string& statement);
    Result<duckdb_result> run(const Prepared& prepared, const std::string& statement);
    Result<void> plain(const char* statement);
    Result<void> wait_for_writer();

    std::shared_ptr<Session> session_;
    std::atomic<bool> called_off_{false};
    bool in_transaction_ = false, failed_ = false, holds_gate_ = false;
};

Result<void> DuckDbConnection::plain(const char* statement) {
    duckdb_result result;
    const auto state = duckdb_query(session_->handle, statement, &result);
    Result<void> done;
    if (state == DuckDBError) {
        done = fail(error_from_duckdb(duckdb_result_error_type(&result),
                                      duckdb_result_error(&result), statement));
    }
    duckdb_destroy_result(&result);
    return done;
}

Result<void> DuckDbConnection::wait_for_writer() {
    called_off_ = false;
    if (session_->instance->writers.enter([this] { return called_off_.load(); })) return {};
    return fail(ErrorCode::cancelled, "waiting for the database's other writer was interrupted");
}

Result<void> DuckDbConnection::begin(TransactionKind kind) {
    if (in_transaction_) {
        return fail(ErrorCode::invalid_input, "a transaction is open already; they do not nest");
    }
    if (kind == TransactionKind::write) {
        TRY(wait_for_writer());
        holds_gate_ = true;
    }
    auto begun =
        plain(kind == TransactionKind::write ? "BEGIN TRANSACTION" : "BEGIN TRANSACTION READ ONLY");
    if (!begun) {
        if (holds_gate_) session_->instance->writers.leave();
        holds_gate_ = false;
        return begun;
    }
    in_transaction_ = true;
    failed_ = false;
    // The engine takes its snapshot when a statement first looks at the database, we at once. Of
    // writers there is only one, so that nothing changes before its first statement.
    if (kind == TransactionKind::write) return {};
    auto snapshot = plain("SELECT txid_current()");
    if (!snapshot) rollback();
    return snapshot;
}

Result<void> DuckDbConnection::commit() {
    if (!in_transaction_) {
        return fail(ErrorCode::invalid_input, "there is no transaction to commit");
    }
    if (failed_) {
        rollback();
        return fail(ErrorCode::invalid_input,
                    "a statement of this transaction failed, so nothing of it was kept");
    }
    auto committed = plain("COMMIT");
    if (!committed) {
        rollback();
        return committed;
    }
    in_transaction_ = false;
    if (holds_gate_) session_->instance->writers.leave();
    holds_gate_ = false;
    return {};
}

void DuckDbConnection::rollback() {
    if (!in_transaction_) return;
    // A failed COMMIT has rolled back already and makes this fail, which is as good.
    static_cast<void>(plain("ROLLBACK"));
    in_transaction_ = false;
    failed_ = false;
    if (holds_gate_) session_->instance->writers.leave();
    holds_gate_ = false;
}

Result<void> DuckDbConnection::bind(const Prepared& prepared, std::span<const Value> parameters,
                                    const std::string& statement) {
    const idx_t wanted = duckdb_nparams(prepared.handle);
    if (wanted != parameters.size()) {
        return fail(ErrorCode::invalid_input,
                    "the statement has " + std::to_string(wanted) + " parameters but " +
                        std::to_string(parameters.size()) + " were given: " + statement);
    }
    for (idx_t index = 0; index < wanted; ++index) {
        const Value& given = parameters[index];
        duckdb_value value = value_for_duckdb(given);
        if (value == nullptr)
            return fail(ErrorCode::invalid_input, "parameter " + std::to_string(index + 1) +
                                                      " is no UTF-8 text: " + statement);
        const auto state = duckdb_bind_value(prepared.handle, index + 1, value);
        duckdb_destroy_value(&value);
        if (state == DuckDBError) {
            return fail(ErrorCode::invalid_input,
                        "parameter " + std::to_string(index + 1) + " does not fit: " + statement);
        }
    }
    return {};
}

Result<duckdb_result> DuckDbConnection::run(const Prepared& prepared,
                                            const std::string& statement) {
    const auto type = duckdb_prepared_statement_type(prepared.handle);
    if (in_transaction_ && type == DUCKDB_STATEMENT_TYPE_TRANSACTION) {
        return fail(ErrorCode::invalid_input,
                    "transactions are begun and ended by begin(), commit() and rollback()");
    }
    // A write outside a transaction is one by itself, so it queues with the others.
    const bool takes_gate = !in_transaction_ && !only_reads(type);
    if (takes_gate) TRY(wait_for_writer());
    duckdb_result result;
    const auto state = type == DUCKDB_STATEMENT_TYPE_SELECT
                           ? duckdb_execute_prepared_streaming(prepared.handle, &result)
                           : duckdb_execute_prepared(prepared.handle, &result);
    if (takes_gate) session_->instance->writers.leave();
    if (state == DuckDBSuccess) return result;
    const char* message = duckdb_result_error(&result);
    Error error =
        error_from_duckdb(duckdb_result_error_type(&result),
                          message == nullptr ? "the statement failed" : message, statement);
    duckdb_destroy_result(&result);
    return fail(std::move(error));
}

// The statement's preparation tells no error type, so it is read from the message's first words.
duckdb_error_type type_of_message(std::string_view message) {
    static constexpr std::pair<std::string_view, duckdb_error_type> starts[] = {
        {"INTERRUPT", DUCKDB_ERROR_INTERRUPT},
        {"Out of Memory", DUCKDB_ERROR_OUT_OF_MEMORY},
        {"TransactionContext", DUCKDB_ERROR_TRANSACTION},
        {"IO Error", DUCKDB_ERROR_IO},
        {"INTERNAL", DUCKDB_ERROR_INTERNAL},
        {"FATAL", DUCKDB_ERROR_FATAL},
        {"Permission", DUCKDB_ERROR_PERMISSION},
        {"Not implemented", DUCKDB_ERROR_NOT_IMPLEMENTED},
        {"Constraint", DUCKDB_ERROR_CONSTRAINT}};
    for (const auto& [start, type] : starts) {
        if (message.starts_with(start)) return type;
    }
    return DUCKDB_ERROR_BINDER;
}

Result<void> DuckDbConnection::prepare(Prepared& prepared, const std::string& statement) {
    if (duckdb_prepare(session_->handle, statement.c_str(), &prepared.handle) == DuckDBSuccess)
        return {};
    const char* message = duckdb_prepare_error(prepared.handle);
    const std::string_view text = message == nullptr ? "it cannot be prepared" : message;
    return fail(error_from_duckdb(type_of_message(text), text, statement));
}

Result<std::unique_ptr<Rows>> DuckDbConnection::execute_by_name(const std::string& statement,
                                                                const NamedValues& values) {
    Prepared prepared;
    TRY(prepare(prepared, statement));
    std::set<std::string> known;
    std::vector<Value> in_order;
    for (idx_t index = 1; index <= duckdb_nparams(prepared.handle); ++index) {
        const char* name = duckdb_parameter_name(prepared.handle, index);
        const std::string called = name == nullptr ? "" : name;
        duckdb_free(const_cast<char*>(name));
        const auto given = values.find(called);
        if (given == values.end())
            return fail(ErrorCode::invalid_input,
                        fmt::format("no value was given for parameter ${}", called));
        known.insert(called);
        in_order.push_back(given->second);
    }
    for (const auto& [name, value] : values)
        if (!known.contains(name))
            return fail(ErrorCode::invalid_input,
                        fmt::format("the statement has no parameter ${}", name));
    TRY(bind(prepared, in_order, statement));
    const duckdb_result result = TRY(run(prepared, statement));
    return rows_from_duckdb(result, statement, session_);
}

Result<std::unique_ptr<Rows>> DuckDbConnection::execute_one(const std::string& statement,
                                                            std::span<const Value> parameters) {
    Prepared prepared;
    TRY(prepare(prepared, statement));
    TRY(bind(prepared, parameters, statement));
    const duckdb_result result = TRY(run(prepared, statement));
    return rows_from_duckdb(result, statement, session_);
}

Result<void> DuckDbConnection::run_all(const std::string& statements) {
    Extracted extracted;
    const idx_t count =
        duckdb_extract_statements(session_->handle, statements.c_str(), &extracted.handle);
    if (count == 0) {
        const char* message = duckdb_extract_statements_error(extracted.handle);
        if (message == nullptr) return {};
        return fail(error_from_duckdb(DUCKDB_ERROR_PARSER, message, statements));
    }
    for (idx_t index = 0; index < count; ++index) {
        Prepared prepared;
        if (duckdb_prepare_extracted_statement(session_->handle, extracted.handle, index,
                                               &prepared.handle) == DuckDBError) {
            const char* message = duckdb_prepare_error(prepared.handle);
            const std::string_view text = message == nullptr ? "it cannot be prepared" : message;
            return fail(error_from_duckdb(type_of_message(text), text, statements));
        }
        duckdb_result result = TRY(run(prepared, statements));
        duckdb_destroy_result(&result);
    }
    return {};
}

std::string name_of_type(duckdb_logical_type type) {
    const ColumnReader reader(type);
    // Whoever gives a value for JSON gives a text.
    const std::string name = reader.engine_type();
    return name == "JSON" ? "VARCHAR" : name;
}

Result<StatementShape> DuckDbConnection::describe(const std::string& statement) {
    Prepared prepared;
    TRY(prepare(prepared, statement));
    StatementShape shape;
    for (idx_t index = 1; index <= duckdb_nparams(prepared.handle); ++index) {
        const auto id = duckdb_param_type(prepared.handle, index);
        const bool is_known =
            id != DUCKDB_TYPE_INVALID && id != DUCKDB_TYPE_ANY && id != DUCKDB_TYPE_SQLNULL;
        shape.parameter_types.push_back(
            is_known ? name_of_type(duckdb_param_logical_type(prepared.handle, index)) : "");
    }
    for (idx_t at = 0; at < duckdb_prepared_statement_column_count(prepared.handle); ++at) {
        const ColumnReader reader(
            duckdb_prepared_statement_column_logical_type(prepared.handle, at));
        const char* name = duckdb_prepared_statement_column_name(prepared.handle, at);
        shape.columns.push_back({name == nullptr ? "" : name, reader.type(), reader.engine_type()});
        duckdb_free(const_cast<char*>(name));
    }
    return shape;
}

}  // namespace

Result<StatementShape> describe_duckdb(Connection& connection, std::string_view statement) {
    return static_cast<DuckDbConnection&>(connection).describe(std::string(statement));
}

Result<std::unique_ptr<Connection>> connect_duckdb(std::shared_ptr<DuckDbInstance> instance) {
    auto session = std::make_shared<Session>();
    if (duckdb_connect(instance->database, &session->handle) == DuckDBError) {
        return fail(ErrorCode::unavailable, instance->name + " takes no more connections");
    }
    session->instance = std::move(instance);
    return std::make_unique<DuckDbConnection>(std::move(session));
}

Result<std::unique_ptr<Rows>> execute_duckdb(Connection& connection, std::string_view statement,
                                             const NamedValues& values) {
    return static_cast<DuckDbConnection&>(connection).execute_named(statement, values);
}

duckdb_connection handle_of(Connection& connection) {
    return static_cast<DuckDbConnection&>(connection).handle();
}

}  // namespace stroma::sql
