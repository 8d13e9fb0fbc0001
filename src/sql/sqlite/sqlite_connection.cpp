#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <utility>

#include "sql/sqlite/sqlite_handle.h"

namespace stroma::sql {
namespace {

using Inside = SqliteHandle::Inside;

/// SQLite's own rule for what a declared type means, with BOOLEAN told apart.
Type type_declared(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
    if (has("BOOL")) return Type::boolean;
    if (has("INT")) return Type::integer;
    if (has("CHAR") || has("TEXT") || has("CLOB")) return Type::text;
    if (has("BLOB")) return Type::blob;
    if (has("REAL") || has("FLOA") || has("DOUB")) return Type::real;
    return Type::text;
}

Type type_stored(int storage) {
    switch (storage) {
        case SQLITE_INTEGER: return Type::integer;
        case SQLITE_FLOAT: return Type::real;
        case SQLITE_BLOB: return Type::blob;
        case SQLITE_NULL: return Type::null;
        default: return Type::text;
    }
}

std::vector<ColumnInfo> columns_of(sqlite3_stmt* statement) {
    std::vector<ColumnInfo> columns;
    for (int c = 0; c < sqlite3_column_count(statement); ++c) {
        ColumnInfo column;
        column.name = sqlite3_column_name(statement, c);
        if (const char* declared = sqlite3_column_decltype(statement, c)) {
            column.engine_type = declared;
            column.type = type_declared(declared);
        } else {
            column.type = type_stored(sqlite3_column_type(statement, c));
        }
        columns.push_back(std::move(column));
    }
    return columns;
}

Value value_of(sqlite3_stmt* statement, int column, Type type) {
    switch (sqlite3_column_type(statement, column)) {
        case SQLITE_NULL: return {};
        case SQLITE_INTEGER: {
            const std::int64_t value = sqlite3_column_int64(statement, column);
            if (type == Type::boolean) return value != 0;
            if (type == Type::real) return static_cast<double>(value);
            return value;
        }
        case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
        default: {
            const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
            const int size = sqlite3_column_bytes(statement, column);
            return size == 0 ? std::string() : std::string(bytes, static_cast<std::size_t>(size));
        }
    }
}

int bind(sqlite3_stmt* statement, int index, const Value& value) {
    if (const auto* boolean = std::get_if<bool>(&value))
        return sqlite3_bind_int64(statement, index, *boolean ? 1 : 0);
    if (const auto* integer = std::get_if<std::int64_t>(&value))
        return sqlite3_bind_int64(statement, index, *integer);
    if (const auto* real = std::get_if<double>(&value))
        return sqlite3_bind_double(statement, index, *real);
    if (const auto* text = std::get_if<std::string>(&value))
        return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT,
                                   SQLITE_UTF8);
    return sqlite3_bind_null(statement, index);
}

/// A prepared statement in use; goes back to the idle ones at the end.
class Running {
public:
    Running(std::shared_ptr<SqliteHandle> handle, sqlite3_stmt* statement)
        : handle_(std::move(handle)), statement_(statement) {}
    Running(Running&& other) noexcept
        : handle_(std::move(other.handle_)), statement_(std::exchange(other.statement_, nullptr)) {}
    ~Running() {
        if (statement_ != nullptr) handle_->put_back(statement_);
    }
    sqlite3_stmt* statement() const { return statement_; }
    SqliteHandle& handle() const { return *handle_; }

    Result<void> bind_all(std::span<const Value> parameters) {
        const int wanted = sqlite3_bind_parameter_count(statement_);
        if (static_cast<std::size_t>(wanted) != parameters.size())
            return fail(ErrorCode::invalid_input,
                        fmt::format("the statement has {} parameters, {} were given", wanted,
                                    parameters.size()));
        for (int p = 0; p < wanted; ++p)
            if (const int code = bind(statement_, p + 1, parameters[static_cast<std::size_t>(p)]);
                code != SQLITE_OK)
                return fail(error_from_sqlite(handle_->database(), code, "binding a parameter"));
        return {};
    }

    /// True at a row, false at the end.
    Result<bool> step() {
        const int code = sqlite3_step(statement_);
        if (code == SQLITE_ROW) return true;
        if (code == SQLITE_DONE) return false;
        return fail(error_from_sqlite(handle_->database(), code, "running a statement"));
    }

private:
    std::shared_ptr<SqliteHandle> handle_;
    sqlite3_stmt* statement_;
};

/// Rows of a statement that only reads, taken one by one.
class SteppedRows final : public Rows {
public:
    SteppedRows(Running running, bool at_row)
        : running_(std::move(running)),
          columns_(columns_of(running_.statement())),
          ahead_(at_row),
          ended_(!at_row) {}

    const std::vector<ColumnInfo>& columns() const override { return columns_; }
    Result<bool> next() override {
        if (ended_) return false;
        if (std::exchange(ahead_, false)) return true;
        auto at_row = running_.step();
        if (!at_row) {
            ended_ = true;
            return fail(running_.handle().failed(std::move(at_row.error())));
        }
        ended_ = !*at_row;
        return *at_row;
    }
    Value value(std::size_t column) const override {
        assert(!ended_ && !ahead_ && column < columns_.size());
        return value_of(running_.statement(), static_cast<int>(column), columns_[column].type);
    }
    std::int64_t rows_changed() const override { return 0; }

private:
    Running running_;
    std::vector<ColumnInfo> columns_;
    bool ahead_;  // the first row was stepped to, so that errors and types show at once
    bool ended_;
};

/// Rows that a writing statement returned; it has run to its end.
class KeptRows final : public Rows {
public:
    KeptRows(std::vector<ColumnInfo> columns, std::vector<std::vector<Value>> rows,
             std::int64_t changed)
        : columns_(std::move(columns)), rows_(std::move(rows)), changed_(changed) {}

    const std::vector<ColumnInfo>& columns() const override { return columns_; }
    Result<bool> next() override {
        if (at_ < rows_.size())
            ++at_;
        else
            ended_ = true;
        return !ended_;
    }
    Value value(std::size_t column) const override {
        assert(at_ > 0 && !ended_ && column < columns_.size());
        return rows_[at_ - 1][column];
    }
    std::int64_t rows_changed() const override { return changed_; }

private:
    std::vector<ColumnInfo> columns_;
    std::vector<std::vector<Value>> rows_;
    std::int64_t changed_;
    std::size_t at_ = 0;
    bool ended_ = false;
};

/// Runs a writing statement to its end.
Result<std::unique_ptr<Rows>> run_to_end(Running running) {
    sqlite3* const database = running.handle().database();
    const std::int64_t changed_before = sqlite3_total_changes64(database);
    bool at_row = TRY(running.step());
    std::vector<ColumnInfo> columns = columns_of(running.statement());
    std::vector<std::vector<Value>> rows;
    while (at_row) {
        std::vector<Value>& row = rows.emplace_back();
        for (std::size_t c = 0; c < columns.size(); ++c)
            row.push_back(value_of(running.statement(), static_cast<int>(c), columns[c].type));
        at_row = TRY(running.step());
    }
    // changes() keeps an older statement's number where this one is no INSERT, UPDATE or DELETE.
    const bool changed = sqlite3_total_changes64(database) != changed_before;
    return std::make_unique<KeptRows>(std::move(columns), std::move(rows),
                                      changed ? sqlite3_changes64(database) : 0);
}

class SqliteConnection;

class SqliteAppender final : public Appender {
public:
    SqliteAppender(SqliteConnection& connection, std::string statement, bool own_transaction)
        : connection_(connection), statement_(std::move(statement)), own_(own_transaction) {}
    ~SqliteAppender() override;
    Result<void> append(std::span<const Value> row) override;
    Result<void> finish() override;

private:
    SqliteConnection& connection_;
    std::string statement_;
    bool own_;
};

class SqliteConnection final : public Connection {
public:
    SqliteConnection(std::shared_ptr<SqliteHandle> handle, std::weak_ptr<IdleHandles> idle)
        : handle_(std::move(handle)), idle_(std::move(idle)) {}
    ~SqliteConnection() override {
        rollback();
        const auto idle = idle_.lock();
        if (idle && handle_.use_count() == 1) idle->put(std::move(handle_));
    }

    Result<std::unique_ptr<Rows>> execute(std::string_view statement,
                                          std::span<const Value> parameters) override {
        // Once a statement failed no savepoint is set, so going back to any undoes that failure.
        if (handle_->first_failure && statement.starts_with("SAVEPOINT "))
            return fail(*handle_->first_failure);
        auto rows = execute_once(statement, parameters);
        if (!rows) return fail(handle_->failed(std::move(rows.error())));
        if (statement.starts_with("ROLLBACK TO ")) handle_->first_failure.reset();
        return rows;
    }

    Result<void> run_script(std::string_view statements) override {
        const std::string text(statements);
        TRY(enter_for_write());
        auto done =
            handle_->inside == Inside::read
                ? fail(ErrorCode::invalid_input, "a script cannot run in a read transaction")
                : handle_->run(text.c_str());
        if (handle_->inside == Inside::nothing) handle_->leave_gate();
        if (!done) return fail(handle_->failed(std::move(done.error()).with("running a script")));
        return {};
    }

    Result<void> begin(TransactionKind kind) override {
        if (handle_->inside != Inside::nothing)
            return fail(ErrorCode::invalid_input, "a transaction is already open");
        if (kind == TransactionKind::write) {
            TRY(handle_->enter_gate());
            if (auto begun = handle_->run("BEGIN IMMEDIATE"); !begun) {
                handle_->leave_gate();
                return begun;
            }
            handle_->inside = Inside::write;
            return {};
        }
        TRY(handle_->run("BEGIN"));
        handle_->inside = Inside::read;
        // The snapshot is taken by the first read, so read something now.
        if (auto read = handle_->run("SELECT 1 FROM sqlite_schema LIMIT 1"); !read) {
            rollback();
            return read;
        }
        return {};
    }

    Result<void> commit() override {
        if (handle_->inside == Inside::nothing)
            return fail(ErrorCode::invalid_input, "no transaction is open");
        if (handle_->first_failure) {
            Error error = std::move(*handle_->first_failure)
                              .with("nothing was committed because a statement had failed");
            rollback();
            return fail(std::move(error));
        }
        if (auto done = handle_->run("COMMIT"); !done) {
            rollback();
            return done;
        }
        end();
        return {};
    }

    void rollback() override {
        if (handle_->inside == Inside::nothing) return;
        // Some failures have rolled back already; then there is nothing left to do.
        if (sqlite3_get_autocommit(handle_->database()) == 0) (void)handle_->run("ROLLBACK");
        end();
    }

    Result<std::unique_ptr<Appender>> append_to(std::string_view table) override {
        const auto rows = TRY(execute("SELECT count(*) FROM pragma_table_info(?)",
                                      std::array{Value(std::string(table))}));
        const bool found = TRY(rows->next());
        const std::int64_t columns = found ? rows->integer(0) : 0;
        if (columns == 0)
            return fail(ErrorCode::invalid_input, fmt::format("there is no table '{}'", table));
        std::string quoted;
        for (const char c : table) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
        std::string statement = fmt::format("INSERT INTO \"{}\" VALUES(?", quoted);
        for (std::int64_t c = 1; c < columns; ++c) statement += ",?";
        statement += ")";
        const bool own = handle_->inside == Inside::nothing;
        if (own) TRY(begin(TransactionKind::write));
        return std::make_unique<SqliteAppender>(*this, std::move(statement), own);
    }

    void interrupt() override { sqlite3_interrupt(handle_->database()); }

private:
    Result<void> enter_for_write() {
        return handle_->inside == Inside::nothing ? handle_->enter_gate() : Result<void>{};
    }

    void end() {
        handle_->inside = Inside::nothing;
        handle_->first_failure.reset();
        handle_->leave_gate();
    }

    Result<std::unique_ptr<Rows>> execute_once(std::string_view statement,
                                               std::span<const Value> parameters) {
        // An error may have ended the transaction; going on would write outside of it.
        if (handle_->inside != Inside::nothing && sqlite3_get_autocommit(handle_->database()) != 0)
            return fail(ErrorCode::conflict, "the transaction was rolled back by an earlier error");
        Running running(handle_, TRY(handle_->prepare(statement)));
        TRY(running.bind_all(parameters));
        if (sqlite3_stmt_readonly(running.statement()) != 0) {
            const bool at_row = TRY(running.step());
            return std::make_unique<SteppedRows>(std::move(running), at_row);
        }
        if (handle_->inside == Inside::read)
            return fail(ErrorCode::invalid_input, "a read transaction cannot write");
        TRY(enter_for_write());
        auto rows = run_to_end(std::move(running));
        if (handle_->inside == Inside::nothing) handle_->leave_gate();
        return rows;
    }

    std::shared_ptr<SqliteHandle> handle_;
    std::weak_ptr<IdleHandles> idle_;
};

SqliteAppender::~SqliteAppender() {
    if (own_) connection_.rollback();
}

Result<void> SqliteAppender::append(std::span<const Value> row) {
    TRY(connection_.execute(statement_, row));
    return {};
}

Result<void> SqliteAppender::finish() {
    return std::exchange(own_, false) ? connection_.commit() : Result<void>{};
}

}  // namespace

std::unique_ptr<Connection> make_sqlite_connection(std::shared_ptr<SqliteHandle> handle,
                                                   std::weak_ptr<IdleHandles> idle) {
    return std::make_unique<SqliteConnection>(std::move(handle), std::move(idle));
}

}  // namespace stroma::sql
