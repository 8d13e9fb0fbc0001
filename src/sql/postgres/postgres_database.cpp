#include "sql/postgres/postgres_database.h"

#include <fmt/format.h>

#include <cassert>
#include <charconv>
#include <utility>

#include "sql/postgres/postgres_session.h"

namespace stroma::sql {
namespace {

constexpr int oldest_server = 150'000;
/// Of the advisory lock that write transactions take: "stroma" as bytes.
constexpr std::int64_t write_turn = 0x7374726f6d61;
constexpr std::size_t copy_bytes = 256u << 10;

enum class Inside { nothing, read, write };

std::string quoted_name(std::string_view name) {
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"') quoted += c;
        quoted += c;
    }
    return quoted + '"';
}

/// An answer, in memory.
class PostgresRows final : public Rows {
public:
    static Result<std::unique_ptr<Rows>> make(PgResult result) {
        auto rows = std::unique_ptr<PostgresRows>(new PostgresRows(std::move(result)));
        TRY(rows->check_values());
        return rows;
    }
    const std::vector<ColumnInfo>& columns() const override { return columns_; }
    Result<bool> next() override {
        if (at_ < PQntuples(result_.get())) ++at_;
        is_over_ = at_ >= PQntuples(result_.get());
        return !is_over_;
    }
    Value value(std::size_t column) const override {
        assert(at_ >= 0 && !is_over_ && column < columns_.size());
        return value_at(at_, static_cast<int>(column)).value();
    }
    std::int64_t rows_changed() const override { return changed_; }

private:
    explicit PostgresRows(PgResult result) : result_(std::move(result)) {
        for (int c = 0; c < PQnfields(result_.get()); ++c) {
            const Oid oid = PQftype(result_.get(), c);
            columns_.push_back({.name = PQfname(result_.get(), c),
                                .type = type_of_oid(oid),
                                .engine_type = fmt::format("oid {}", oid)});
        }
        const std::string_view tag = PQcmdStatus(result_.get());
        const std::string_view count = PQcmdTuples(result_.get());
        if (!tag.starts_with("SELECT"))
            std::from_chars(count.data(), count.data() + count.size(), changed_);
    }

    Result<Value> value_at(int row, int column) const {
        if (PQgetisnull(result_.get(), row, column) != 0) return Value();
        const auto size = static_cast<std::size_t>(PQgetlength(result_.get(), row, column));
        return value_from({PQgetvalue(result_.get(), row, column), size},
                          PQftype(result_.get(), column));
    }

    /// Once, so that value() can't fail.
    Result<void> check_values() const {
        for (int c = 0; c < PQnfields(result_.get()); ++c) {
            if (columns_[static_cast<std::size_t>(c)].type == Type::text) continue;
            for (int row = 0; row < PQntuples(result_.get()); ++row) TRY(value_at(row, c));
        }
        return {};
    }

    PgResult result_;
    std::vector<ColumnInfo> columns_;
    std::int64_t changed_ = 0;
    int at_ = -1;
    bool is_over_ = false;
};

class PostgresConnection;

/// Rows by COPY, gathered to larger messages.
class PostgresAppender final : public Appender {
public:
    PostgresAppender(PostgresConnection& connection, std::vector<Oid> types, bool is_own)
        : connection_(connection), types_(std::move(types)), is_own_(is_own) {}
    ~PostgresAppender() override;
    Result<void> append(std::span<const Value> row) override;
    Result<void> finish() override;

private:
    Result<void> send();

    PostgresConnection& connection_;
    const std::vector<Oid> types_;
    const bool is_own_;  ///< the transaction is this appender's
    bool is_open_ = true;
    std::string rows_;
};

class PostgresConnection final : public Connection {
public:
    PostgresConnection(std::shared_ptr<PostgresSession> session, PostgresOptions options)
        : session_(std::move(session)), options_(options) {}
    ~PostgresConnection() override { rollback(); }

    Result<std::unique_ptr<Rows>> execute(std::string_view statement,
                                          std::span<const Value> parameters) override {
        const bool goes_back = statement.starts_with("ROLLBACK TO ");
        if (first_failure_ && !goes_back) return fail(*first_failure_);
        auto result = session_->run(numbered_parameters(statement), parameters);
        if (!result) return fail(failed(std::move(result.error())));
        if (goes_back) first_failure_.reset();
        return PostgresRows::make(*std::move(result));
    }

    Result<void> run_script(std::string_view statements) override {
        if (first_failure_) return fail(*first_failure_);
        if (auto done = session_->run(std::string(statements)); !done)
            return fail(failed(std::move(done.error()).with("running a script")));
        return {};
    }

    Result<void> begin(TransactionKind kind) override {
        if (inside_ != Inside::nothing)
            return fail(ErrorCode::invalid_input, "a transaction is already open");
        const bool is_write = kind == TransactionKind::write;
        TRY(session_->run(is_write ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                                   : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
        inside_ = is_write ? Inside::write : Inside::read;
        // A snapshot is taken by the first statement; the turn to write is one, too.
        if (is_write && options_.concurrent_writers) return {};
        const std::string first =
            is_write ? fmt::format("SELECT pg_advisory_xact_lock({})", write_turn) : "SELECT 1";
        if (auto taken = session_->run(first); !taken) {
            rollback();
            return fail(std::move(taken.error()));
        }
        return {};
    }

    Result<void> commit() override {
        if (inside_ == Inside::nothing)
            return fail(ErrorCode::invalid_input, "no transaction is open");
        if (first_failure_) {
            Error error = std::move(*first_failure_)
                              .with("nothing was committed because a statement had failed");
            rollback();
            return fail(std::move(error));
        }
        auto done = session_->run("COMMIT");
        inside_ = Inside::nothing;
        if (!done) return fail(std::move(done.error()));
        return {};
    }

    void rollback() override {
        if (inside_ == Inside::nothing) return;
        // Without the connection the server rolls back by itself.
        (void)session_->run("ROLLBACK");
        inside_ = Inside::nothing;
        first_failure_.reset();
    }

    Result<std::unique_ptr<Appender>> append_to(std::string_view table) override {
        const auto dot = table.find('.');
        const std::string name = dot == table.npos ? quoted_name(table)
                                                   : quoted_name(table.substr(0, dot)) + "." +
                                                         quoted_name(table.substr(dot + 1));
        const PgResult empty = TRY(session_->run(fmt::format("SELECT * FROM {} LIMIT 0", name)));
        std::vector<Oid> types;
        for (int c = 0; c < PQnfields(empty.get()); ++c) types.push_back(PQftype(empty.get(), c));
        const bool is_own = inside_ == Inside::nothing;
        if (is_own) TRY(begin(TransactionKind::write));
        if (auto begun = session_->begin_copy(fmt::format("COPY {} FROM STDIN", name)); !begun) {
            Error error = failed(std::move(begun.error()));
            if (is_own) rollback();
            return fail(std::move(error));
        }
        return std::make_unique<PostgresAppender>(*this, std::move(types), is_own);
    }

    void interrupt() override { session_->cancel(); }
    PostgresSession& session() { return *session_; }

    /// An error inside a transaction has ended it, whatever is asked for next.
    Error failed(Error error) {
        if (inside_ != Inside::nothing && !first_failure_) first_failure_ = error;
        return error;
    }

private:
    std::shared_ptr<PostgresSession> session_;
    const PostgresOptions options_;
    Inside inside_ = Inside::nothing;
    std::optional<Error> first_failure_;
};

PostgresAppender::~PostgresAppender() {
    if (!is_open_) return;
    if (auto ended = connection_.session().end_copy("the rows were not finished"); !ended)
        connection_.failed(std::move(ended.error()));
    if (is_own_) connection_.rollback();
}

Result<void> PostgresAppender::append(std::span<const Value> row) {
    if (row.size() != types_.size())
        return fail(ErrorCode::invalid_input,
                    fmt::format("the table has {} columns, the row {}", types_.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) {
        if (c > 0) rows_ += '\t';
        if (std::holds_alternative<std::monostate>(row[c])) {
            rows_ += "\\N";
            continue;
        }
        for (const char letter : text_for(row[c], types_[c])) {
            switch (letter) {
                case '\\': rows_ += "\\\\"; break;
                case '\t': rows_ += "\\t"; break;
                case '\n': rows_ += "\\n"; break;
                case '\r': rows_ += "\\r"; break;
                default: rows_ += letter;
            }
        }
    }
    rows_ += '\n';
    return rows_.size() < copy_bytes ? Result<void>{} : send();
}

Result<void> PostgresAppender::send() {
    auto sent = connection_.session().copy(rows_);
    rows_.clear();
    return sent;
}

Result<void> PostgresAppender::finish() {
    if (!is_open_) return {};
    if (!rows_.empty()) TRY(send());
    is_open_ = false;
    if (auto ended = connection_.session().end_copy({}); !ended) {
        Error error = connection_.failed(std::move(ended.error()));
        if (is_own_) connection_.rollback();
        return fail(std::move(error));
    }
    return is_own_ ? connection_.commit() : Result<void>{};
}

}  // namespace

Result<std::unique_ptr<PostgresDatabase>> PostgresDatabase::open(const std::string& connection_text,
                                                                 PostgresOptions options) {
    const auto session = TRY(PostgresSession::open(connection_text));
    if (session->server_version() < oldest_server)
        return fail(ErrorCode::unsupported,
                    fmt::format("PostgreSQL {} is too old; 15 is the first that is supported",
                                session->server_version() / 10'000));
    return std::unique_ptr<PostgresDatabase>(new PostgresDatabase(connection_text, options));
}

Result<std::unique_ptr<Connection>> PostgresDatabase::connect() {
    return std::make_unique<PostgresConnection>(TRY(PostgresSession::open(connection_text_)),
                                                options_);
}

}  // namespace stroma::sql
