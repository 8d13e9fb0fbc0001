#include "app/dashboard/panel_runner.h"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "app/answers/query_gate.h"
#include "app/query_limits.h"
#include "app/redshift/user_database.h"
#include "base/json.h"
#include "front/api/row_text.h"
#include "statement/sql_text.h"

namespace stroma::app {
namespace {

using front::dashboard::PanelOrder;
using stroma::dashboard::Source;

constexpr std::uint64_t answers_bytes_max = 64u << 20, answer_bytes_max = 8u << 20;

struct BoundQuestion {
    std::string statement;  ///< with $1, $2…
    std::vector<sql::Value> values;
};

Result<BoundQuestion> bound(const PanelOrder& order) {
    // Names stand in for the values, so that each keeps its type.
    std::vector<std::pair<std::string, std::string>> names;
    for (const auto& [name, value] : order.values) names.emplace_back(name, name);
    auto text = statement::bind_parameters(order.question.statement, names);
    if (!text) return fail(std::move(text.error()).with("at /statement"));
    BoundQuestion made{std::move(text->sql), {}};
    for (const std::string& name : text->values)
        for (const auto& [other, value] : order.values)
            if (other == name) made.values.push_back(value);
    return made;
}

/// Rows of the dialect's cursor as everybody else has rows.
class CursorRows final : public sql::Rows {
public:
    explicit CursorRows(std::unique_ptr<redshift::Cursor> cursor) : cursor_(std::move(cursor)) {
        for (const auto& column : cursor_->columns())
            columns_.push_back({column.name, sql::Type::text, column.engine_type});
    }
    const std::vector<sql::ColumnInfo>& columns() const override { return columns_; }
    sql::Value value(std::size_t column) const override { return cursor_->value(column); }
    std::int64_t rows_changed() const override { return 0; }
    Result<bool> next() override {
        auto more = cursor_->next();
        if (!more) return fail(redshift::error_of(more.error()));
        return *more;
    }

private:
    std::unique_ptr<redshift::Cursor> cursor_;
    std::vector<sql::ColumnInfo> columns_;
};

/// Cancels what a session runs when its time is over or its client is gone.
class Deadline {
public:
    Deadline(redshift::Session& session, Milliseconds time, std::stop_token stop)
        : thread_([this, &session, time](const std::stop_token& left) {
              std::unique_lock lock(mutex_);
              is_late_ = !changed_.wait_for(lock, left, time, [&] { return is_done_; });
              // A cancel that comes before the statement begins would be lost: again, then.
              constexpr Milliseconds again{100};
              while (!is_done_) {
                  session.cancel();
                  changed_.wait_for(lock, again, [&] { return is_done_; });
              }
          }),
          leaving_(std::move(stop), [this] { thread_.request_stop(); }) {}
    ~Deadline() {
        {
            const std::lock_guard lock(mutex_);
            is_done_ = true;
        }
        changed_.notify_all();
    }
    bool has_passed() const { return is_late_; }

private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool is_done_ = false;
    std::atomic<bool> is_late_{false};
    std::jthread thread_;
    std::stop_callback<std::function<void()>> leaving_;  // goes first
};

/// As JSON, the first rows_max of them.
Result<std::string> text_of(sql::Rows& rows, std::uint64_t rows_max) {
    std::string text = front::api::json_head(rows);
    std::uint64_t count = 0;
    bool is_more = false;
    while (TRY(rows.next())) {
        is_more = count == rows_max;
        if (is_more) break;
        text += (count++ > 0 ? ",\n" : "") + front::api::json_row(rows);
        if (text.size() > answer_bytes_max)
            return fail(ErrorCode::exhausted,
                        "at /statement: the rows take more than 8 MiB; ask for fewer of them");
    }
    return fmt::format("{}],\"row_count\":{},\"more\":{}}}", text, count, is_more);
}

class Runner final : public front::dashboard::PanelRunner {
public:
    Runner(Site& site, const Settings& settings, front::api::SqlAnswers& answers,
           redshift::Engine* engine)
        : site_(site),
          settings_(settings),
          answers_(answers),
          engine_(engine),
          gate_({.running_max = static_cast<int>(settings.number("query.concurrent_all")),
                 .running_max_each = static_cast<int>(settings.number("query.concurrent_all")),
                 .waiting_max = static_cast<int>(settings.number("query.waiting_max")),
                 .wait = settings.duration("query.wait")}) {}

    Result<std::string> run(const PanelOrder& order) override {
        return order.question.source == Source::tables ? run_tables(order) : run_relations(order);
    }

private:
    Result<std::string> run_relations(const PanelOrder& order) {
        auto question = TRY(bound(order));
        front::api::SqlOrder asked;
        asked.statement = std::move(question.statement);
        for (sql::Value& value : question.values)
            asked.parameters[std::to_string(asked.parameters.size() + 1)] = std::move(value);
        asked.stop = order.stop;
        const auto rows = TRY(answers_.query(order.principal, asked));
        return text_of(*rows, order.rows_max);
    }

    Result<std::string> run_tables(const PanelOrder& order) {
        if (engine_ == nullptr)
            return fail(ErrorCode::unavailable,
                        "this server has no user database: start it with --postgres "
                        "127.0.0.1:5439 or --aws 127.0.0.1:4566");
        if (order.principal.role == catalog::Role::anonymous)
            return fail(ErrorCode::denied,
                        "sign in to ask users' tables, or have the dashboard ask by its owner's "
                        "rights");
        const auto question = TRY(bound(order));
        const auto statements = redshift::split(question.statement);
        if (!statements) return fail(at_statement(redshift::error_of(statements.error())));
        if (statements->size() != 1 || statements->front().kind != redshift::StatementKind::select)
            return fail(ErrorCode::invalid_input,
                        "at /statement: a panel asks one SELECT statement");
        const auto turn = TRY(gate_.enter(order.principal.id, order.stop));
        redshift::SessionOptions options;
        options.principal = order.principal;
        options.user = order.principal.id == catalog::local_administrator().id
                           ? "admin"
                           : order.principal.name;
        options.application = "dashboard";
        auto session = connect_user(site_, *engine_, std::move(options));
        if (!session) return fail(redshift::error_of(session.error()));
        const auto time = query_limits(settings_, order.principal.role).time;
        const Deadline deadline(**session, time, order.stop);
        auto text = text_from(**session, statements->front(), question.values, order.rows_max);
        if (!text && deadline.has_passed() && !order.stop.stop_requested())
            return fail(ErrorCode::exhausted,
                        fmt::format("at /statement: it takes more than {} s (query.time)",
                                    time.count() / 1000));
        return text;
    }

    static Result<std::string> text_from(redshift::Session& session,
                                         const redshift::Statement& statement,
                                         const std::vector<sql::Value>& values,
                                         std::uint64_t rows_max) {
        const auto prepared = session.prepare(statement);
        if (!prepared) return fail(at_statement(redshift::error_of(prepared.error())));
        auto cursor = session.open(**prepared, values);
        if (!cursor) return fail(at_statement(redshift::error_of(cursor.error())));
        CursorRows rows(std::move(*cursor));
        return text_of(rows, rows_max);
    }

    static Error at_statement(Error error) { return std::move(error).with("at /statement"); }

    Site& site_;
    const Settings& settings_;
    front::api::SqlAnswers& answers_;
    redshift::Engine* engine_;
    QueryGate gate_;
};

}  // namespace

std::unique_ptr<front::dashboard::PanelRunner> panel_runner(Site& site, const Settings& settings,
                                                            front::api::SqlAnswers& sql,
                                                            redshift::Engine* engine) {
    return std::make_unique<Runner>(site, settings, sql, engine);
}

Result<DashboardService> DashboardService::open(Site& site, const Settings& settings,
                                                front::api::SqlAnswers& sql,
                                                redshift::Engine* engine) {
    return DashboardService{
        TRY(stroma::dashboard::Dashboards::open(site.control(), site.clock(), site.ids())),
        panel_runner(site, settings, sql, engine),
        std::make_unique<stroma::dashboard::AnswerCache>(answers_bytes_max, site.clock())};
}

std::vector<front::http::Route> DashboardService::routes(Site& site,
                                                         front::api::AccessAnswers& access) const {
    const auto find_principal =
        [&site](const std::string& id) -> Result<std::optional<catalog::Principal>> {
        if (id == catalog::local_administrator().id) return catalog::local_administrator();
        return site.catalog().find_principal(id);
    };
    return front::dashboard::dashboard_routes(
        {*dashboards, access, *runner, *answers, find_principal});
}

}  // namespace stroma::app
