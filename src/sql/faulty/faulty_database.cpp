#include "sql/faulty/faulty_database.h"

#include <functional>
#include <utility>

namespace stroma::sql {
namespace {

using Kind = CallFault::Kind;

/// What a connection shares with its rows and appenders.
struct Shared {
    CallFaults& faults() const { return *planned; }
    /// Makes the call or fails by plan; a failure inside a transaction spoils it.
    template <class T>
    Result<T> run(std::string_view call, const std::function<Result<T>()>& make) {
        auto answer = planned->run<T>(call, make);
        if (!answer) note(answer.error());
        return answer;
    }
    void note(const Error& error) {
        if (in_transaction && !spoiled) spoiled = error;
    }

    std::shared_ptr<CallFaults> planned;
    std::unique_ptr<Connection> connection;
    bool in_transaction = false;
    std::optional<Error> spoiled;  ///< the first error since begin()
};

class FaultyRows final : public Rows {
public:
    FaultyRows(std::shared_ptr<Shared> shared, std::unique_ptr<Rows> rows)
        : shared_(std::move(shared)), rows_(std::move(rows)) {}

    const std::vector<ColumnInfo>& columns() const override { return rows_->columns(); }
    Result<bool> next() override {
        if (failed_) return false;
        auto at_row = shared_->run<bool>("next", [&] { return rows_->next(); });
        failed_ = !at_row;
        return at_row;
    }
    Value value(std::size_t column) const override { return rows_->value(column); }
    std::int64_t rows_changed() const override { return rows_->rows_changed(); }

private:
    std::shared_ptr<Shared> shared_;
    std::unique_ptr<Rows> rows_;
    bool failed_ = false;
};

/// Keeps its rows until finish(), so that a batch can be cut.
class FaultyAppender final : public Appender {
public:
    FaultyAppender(std::shared_ptr<Shared> shared, std::unique_ptr<Appender> appender)
        : shared_(std::move(shared)), appender_(std::move(appender)) {}

    Result<void> append(std::span<const Value> row) override {
        return shared_->run<void>("append", [&]() -> Result<void> {
            rows_.emplace_back(row.begin(), row.end());
            return {};
        });
    }
    Result<void> finish() override {
        const auto fault = shared_->faults().meet("finish");
        if (!fault) {
            auto done = put(rows_.size());
            if (!done) shared_->note(done.error());
            shared_->faults().tell_done("finish");
            return done;
        }
        // Outside a transaction a batch is one of its own: all of it or nothing.
        if (fault->kind == Kind::torn && shared_->in_transaction) (void)put(rows_.size() / 2);
        if (fault->kind == Kind::fail_after) (void)put(rows_.size());
        const Error error = CallFaults::error_of(*fault, "finish");
        shared_->note(error);
        return fail(error);
    }

private:
    Result<void> put(std::size_t count) {
        for (std::size_t r = 0; r < count; ++r) TRY(appender_->append(rows_[r]));
        return appender_->finish();
    }

    std::shared_ptr<Shared> shared_;
    std::unique_ptr<Appender> appender_;
    std::vector<std::vector<Value>> rows_;
};

class FaultyConnection final : public Connection {
public:
    FaultyConnection(std::shared_ptr<CallFaults> faults, std::unique_ptr<Connection> connection)
        : shared_(std::make_shared<Shared>()) {
        shared_->planned = std::move(faults);
        shared_->connection = std::move(connection);
    }
    ~FaultyConnection() override { rollback(); }

    Result<std::unique_ptr<Rows>> execute(std::string_view statement,
                                          std::span<const Value> parameters) override {
        if (shared_->spoiled && statement.starts_with("SAVEPOINT ")) return fail(*shared_->spoiled);
        auto rows = TRY(shared_->run<std::unique_ptr<Rows>>(
            "execute", [&] { return inner().execute(statement, parameters); }));
        if (statement.starts_with("ROLLBACK TO ")) shared_->spoiled.reset();
        return std::make_unique<FaultyRows>(shared_, std::move(rows));
    }

    Result<void> run_script(std::string_view statements) override {
        const auto fault = shared_->faults().meet("run_script");
        if (fault && fault->kind == Kind::torn) {
            // The half that ends with a statement: what an engine has done when it dies.
            const std::size_t end = statements.rfind(';', statements.size() / 2);
            if (end != std::string_view::npos)
                (void)inner().run_script(statements.substr(0, end + 1));
        }
        Result<void> done;
        if (!fault || fault->kind == Kind::fail_after) done = inner().run_script(statements);
        if (fault) done = fail(CallFaults::error_of(*fault, "run_script"));
        if (!done) shared_->note(done.error());
        if (!fault) shared_->faults().tell_done("run_script");
        return done;
    }

    Result<void> begin(TransactionKind kind) override {
        const bool nested = shared_->in_transaction;
        auto begun = shared_->faults().run<void>("begin", [&] { return inner().begin(kind); });
        if (begun) {
            shared_->in_transaction = true;
            shared_->spoiled.reset();
        } else if (!nested) {
            inner().rollback();  // the answer was lost: nobody would end it
        }
        return begun;
    }

    Result<void> commit() override {
        const auto fault = shared_->faults().meet("commit");
        const bool spoiled = shared_->spoiled.has_value();
        Error error = spoiled ? *std::exchange(shared_->spoiled, {}) : Error{};
        shared_->in_transaction = false;
        if (fault || spoiled) {
            if (fault && fault->kind == Kind::fail_after && !spoiled)
                (void)inner().commit();
            else
                inner().rollback();
            return fail(spoiled ? std::move(error) : CallFaults::error_of(*fault, "commit"));
        }
        auto done = inner().commit();
        shared_->faults().tell_done("commit");
        return done;
    }

    void rollback() override {
        shared_->in_transaction = false;
        shared_->spoiled.reset();
        inner().rollback();
    }

    Result<std::unique_ptr<Appender>> append_to(std::string_view table) override {
        auto appender = TRY(shared_->run<std::unique_ptr<Appender>>(
            "append_to", [&] { return inner().append_to(table); }));
        return std::make_unique<FaultyAppender>(shared_, std::move(appender));
    }

    void interrupt() override { inner().interrupt(); }

private:
    Connection& inner() { return *shared_->connection; }

    std::shared_ptr<Shared> shared_;  // rows may outlive the connection object
};

}  // namespace

Result<std::unique_ptr<Connection>> FaultyDatabase::connect() {
    auto connection = TRY(
        faults_->run<std::unique_ptr<Connection>>("connect", [&] { return database_.connect(); }));
    return std::make_unique<FaultyConnection>(faults_, std::move(connection));
}

}  // namespace stroma::sql
