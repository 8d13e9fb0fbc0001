#include "app/answers/answers.h"
#include "app/answers/background_rows.h"
#include "app/answers/query_gate.h"
#include "app/query_limits.h"

namespace stroma::app {
namespace {

/// A limit that the statement passed is the statement's fault, not the moment's: the pointer tells
/// it from a gate that is full.
Error at_statement(Error error) {
    if (error.code == ErrorCode::exhausted) error.message = "at /statement: " + error.message;
    return error;
}

/// Rows that hold their turn until they were read.
class TurnRows final : public sql::Rows {
public:
    TurnRows(QueryGate::Turn turn, std::unique_ptr<sql::Rows> rows)
        : turn_(std::move(turn)), rows_(std::move(rows)) {}
    const std::vector<sql::ColumnInfo>& columns() const override { return rows_->columns(); }
    sql::Value value(std::size_t column) const override { return rows_->value(column); }
    std::int64_t rows_changed() const override { return 0; }
    Result<bool> next() override {
        auto more = rows_->next();
        if (!more) return fail(at_statement(std::move(more.error())));
        return more;
    }

private:
    QueryGate::Turn turn_;
    std::unique_ptr<sql::Rows> rows_;  // goes first: the engine is done when the turn ends
};

QueryGate::Bounds bounds_of(const Settings& settings) {
    return {.running_max = static_cast<int>(settings.number("query.concurrent_all")),
            .running_max_each = static_cast<int>(settings.number("query.concurrent")),
            .waiting_max = static_cast<int>(settings.number("query.waiting_max")),
            .wait = settings.duration("query.wait")};
}

/// Strangers have turns of their own, so that nobody else ever waits behind them.
QueryGate::Bounds bounds_of_strangers(const Settings& settings) {
    QueryGate::Bounds bounds = bounds_of(settings);
    bounds.running_max = bounds.running_max_each =
        static_cast<int>(settings.number("query.anonymous_concurrent"));
    return bounds;
}

class SqlAnswers final : public front::api::SqlAnswers {
public:
    SqlAnswers(Site& site, const Settings& settings)
        : site_(site),
          settings_(settings),
          gate_(bounds_of(settings)),
          gate_of_strangers_(bounds_of_strangers(settings)) {}

    Result<std::unique_ptr<sql::Rows>> query(const catalog::Principal& principal,
                                             const front::api::SqlOrder& order) override {
        const auto scope = TRY(site_.matrices().scope_of(principal));
        auto turn = TRY(gate_for(principal).enter(principal.id, order.stop));
        const auto limits = limits_for(principal, order);
        const auto run = [=, this] {
            return site_.warehouse().query(order.statement, scope, limits, order.parameters);
        };
        // What strangers ask takes its time where nobody else needs the processors.
        auto rows = is_stranger(principal) ? BackgroundRows::begin(run) : run();
        if (!rows) return fail(at_statement(std::move(rows.error())));
        return std::make_unique<TurnRows>(std::move(turn), std::move(*rows));
    }

    Result<front::api::StoredFile> query_to_file(const catalog::Principal& principal,
                                                 const front::api::SqlOrder& order,
                                                 std::string_view format) override {
        const auto scope = TRY(site_.matrices().scope_of(principal));
        const auto turn = TRY(gate_for(principal).enter(principal.id, order.stop));
        const std::string id = site_.ids().uuid();
        const fs::path staged = site_.staging() / (id + "." + std::string(format));
        Result<std::uint64_t> written = 0;
        const auto run = [&] {
            written =
                site_.warehouse().query_to_file(order.statement, format, staged, scope,
                                                limits_for(principal, order), order.parameters);
        };
        is_stranger(principal) ? in_background(run) : run();
        auto file = written ? File::open_to_read(staged)
                            : Result<File>(fail(at_statement(written.error())));
        std::error_code ignored;
        fs::remove(staged, ignored);  // the open descriptor keeps the bytes
        if (!file) return fail(std::move(file.error()));
        front::api::StoredFile stored;
        stored.size_bytes = TRY(file->size());
        stored.file = std::make_shared<const File>(*std::move(file));
        stored.etag = id;
        stored.name = "result." + std::string(format);
        stored.media_type =
            "application/vnd.apache." + std::string(format == "arrow" ? "arrow.file" : "parquet");
        return stored;
    }

private:
    static bool is_stranger(const catalog::Principal& principal) {
        return principal.role == catalog::Role::anonymous;
    }
    QueryGate& gate_for(const catalog::Principal& principal) {
        return is_stranger(principal) ? gate_of_strangers_ : gate_;
    }
    warehouse::QueryLimits limits_for(const catalog::Principal& principal,
                                      const front::api::SqlOrder& order) const {
        warehouse::QueryLimits limits = query_limits(settings_, principal.role);
        if (order.rows_max > 0) limits.rows_max = std::min(limits.rows_max, order.rows_max);
        limits.stop = order.stop;
        return limits;
    }

    Site& site_;
    const Settings& settings_;
    QueryGate gate_, gate_of_strangers_;
};

}  // namespace

std::unique_ptr<front::api::SqlAnswers> sql_answers(Site& site, const Settings& settings) {
    return std::make_unique<SqlAnswers>(site, settings);
}

}  // namespace stroma::app
