#include "warehouse/query.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "warehouse/expression_scan.h"
#include "warehouse/narrowing.h"
#include "warehouse/relations.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

namespace {

constexpr int turns_max = 5;

/// Bytes of this process in memory; 0 when the system doesn't tell.
std::uint64_t resident_bytes() {
    unsigned long pages = 0, resident = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    const int read = std::fscanf(file, "%lu %lu", &pages, &resident);
    std::fclose(file);
    return read == 2 ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

/// Interrupts a statement that nobody waits for, that passes its time, or whose process grows past
/// the memory it may take: the engine's own limit does not count long texts.
class Watchdog {
public:
    Watchdog(sql::Connection& connection, const QueryLimits& limits)
        : connection_(connection),
          limits_(limits),
          started_(std::chrono::steady_clock::now()),
          resident_at_start_(resident_bytes()),
          thread_([this] { watch(); }) {}
    ~Watchdog() {
        {
            const std::lock_guard lock(mutex_);
            done_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    /// The limit that was passed; "" for none.
    std::string_view passed() const {
        switch (passed_.load()) {
            case Passed::time: return "time";
            case Passed::memory: return "memory";
            default: return "";
        }
    }

private:
    enum class Passed { nothing, patience, time, memory };

    void watch() {
        std::unique_lock lock(mutex_);
        while (!changed_.wait_for(lock, std::chrono::milliseconds(20), [this] { return done_; })) {
            if (passed_ == Passed::nothing) passed_ = look();
            // Again and again: an interrupt between two steps of a statement is forgotten.
            if (passed_ != Passed::nothing) connection_.interrupt();
        }
    }
    Passed look() const {
        if (limits_.stop.stop_requested()) return Passed::patience;
        if (std::chrono::steady_clock::now() - started_ > limits_.time) return Passed::time;
        const std::uint64_t now = resident_bytes();
        if (now > resident_at_start_ + limits_.memory_bytes + (256u << 20)) return Passed::memory;
        return Passed::nothing;
    }

    sql::Connection& connection_;
    const QueryLimits limits_;
    const std::chrono::steady_clock::time_point started_;
    const std::uint64_t resident_at_start_;
    std::atomic<Passed> passed_{Passed::nothing};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    std::thread thread_;
};

std::size_t bytes_of(const sql::Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? 8 : text->size();
}

/// The engine's rows, counted against the limits.
class FencedRows final : public sql::Rows {
public:
    FencedRows(sql::EmbeddedDatabase& engine, const QueryLimits& limits,
               std::unique_ptr<sql::Connection> connection)
        : engine_(engine),
          limits_(limits),
          alone_(limits.alone ? engine.without_helpers() : nullptr),
          connection_(std::move(connection)),
          watchdog_(std::make_unique<Watchdog>(*connection_, limits)) {}
    ~FencedRows() override {
        watchdog_.reset();
        rows_.reset();
        connection_->rollback();
    }

    sql::Connection& connection() { return *connection_; }
    void hold(ScanRegistry::Ticket ticket) { tickets_.push_back(std::move(ticket)); }
    Result<void> run(std::string_view statement, const sql::NamedValues& parameters) {
        auto rows = engine_.execute_named(*connection_, statement, parameters);
        if (!rows) return explained(rows.error());
        rows_ = std::move(*rows);
        return {};
    }
    tl::unexpected<Error> explained(const Error& error) const {
        const std::string_view limit = watchdog_->passed();
        if (error.code != ErrorCode::cancelled || limit.empty()) return fail(error);
        return fail(
            ErrorCode::exhausted,
            limit == "time"
                ? fmt::format("the statement passed its time limit of {} ms", limits_.time.count())
                : fmt::format("the statement passed its memory limit of {} bytes",
                              limits_.memory_bytes));
    }

    const std::vector<sql::ColumnInfo>& columns() const override { return rows_->columns(); }
    std::int64_t rows_changed() const override { return 0; }
    sql::Value value(std::size_t column) const override { return row_[column]; }
    Result<bool> next() override {
        const auto more = rows_->next();
        if (!more) return explained(more.error());
        if (!*more) return false;
        if (++given_ > limits_.rows_max) {
            return fail(ErrorCode::exhausted,
                        fmt::format("the answer has more than {} rows", limits_.rows_max));
        }
        row_.resize(columns().size());
        for (std::size_t column = 0; column < row_.size(); ++column) {
            row_[column] = rows_->value(column);
            bytes_ += bytes_of(row_[column]);
        }
        if (bytes_ <= limits_.bytes_max) return true;
        return fail(ErrorCode::exhausted,
                    fmt::format("the answer has more than {} bytes", limits_.bytes_max));
    }

private:
    sql::EmbeddedDatabase& engine_;
    const QueryLimits limits_;
    const std::shared_ptr<void> alone_;  // while the connection works
    std::unique_ptr<sql::Connection> connection_;
    std::vector<ScanRegistry::Ticket> tickets_;
    std::unique_ptr<sql::Rows> rows_;
    std::unique_ptr<Watchdog> watchdog_;
    std::vector<sql::Value> row_;
    std::uint64_t given_ = 0, bytes_ = 0;
};

/// Opens what the statement needs of expression and puts it into the relations.
Result<void> open_expression(Warehouse::State& state, FencedRows& answer, Relations& relations,
                             const Json& tree, const std::set<std::string>& named) {
    auto& connection = answer.connection();
    const auto need = TRY(need_of(find_mentions(tree), [&](const auto& names) {
        return featurekeys_named(connection, relations, names);
    }));
    std::string called, all;
    for (const auto* name : {"expression", "expression_all"}) {
        if (!named.contains(name)) continue;
        const bool called_only = std::string_view(name) == "expression";
        auto parts =
            TRY(expression_parts(state, connection, relations.datasets(), need, called_only));
        ScanRegistry::Ticket ticket(
            *state.scans, TRY(scan_expression(state.open_revision, std::move(parts), need)));
        (called_only ? called : all) = ticket.relation();
        answer.hold(std::move(ticket));
    }
    relations.set_expression(std::move(called), std::move(all));
    return {};
}

/// Opens the rows of the named relations that are kept elsewhere.
Result<void> open_others(Warehouse::State& state, FencedRows& answer, Relations& relations,
                         const Json& tree, const std::set<std::string>& named, const Scope& scope) {
    std::vector<std::string> revisions;
    for (const auto& dataset : relations.datasets()) revisions.push_back(dataset.revision);
    for (const auto& name : named) {
        if (!is_other(name)) continue;
        const auto other = std::find_if(state.others.begin(), state.others.end(),
                                        [&](const auto& one) { return one.name == name; });
        if (other == state.others.end())
            return fail(ErrorCode::unsupported, fmt::format("there is no '{}' here", name));
        auto rows = TRY(other->open(revisions, values_needed(tree, name, other->key), scope));
        ScanRegistry::Ticket ticket(*state.scans, std::move(rows));
        relations.set_other(name, ticket.relation());
        answer.hold(std::move(ticket));
    }
    return {};
}

Result<void> prepare_and_run(Warehouse::State& state, FencedRows& answer,
                             std::string_view statement, const Scope& scope,
                             const sql::NamedValues& parameters,
                             std::optional<std::string_view> condition) {
    auto& connection = answer.connection();
    auto checked = TRY(check_statement(connection, statement));
    put_in_values(checked.tree, parameters);
    // All of it in one snapshot: which revisions are current, and their rows.
    TRY(connection.begin(sql::TransactionKind::read));
    auto relations = TRY(Relations::read(connection, scope));
    if (condition) relations.keep_fields_of(*condition);
    if (checked.relations.contains("expression") || checked.relations.contains("expression_all")) {
        TRY(open_expression(state, answer, relations, checked.tree, checked.relations));
    }
    TRY(open_others(state, answer, relations, checked.tree, checked.relations, scope));
    for (const auto& name : checked.relations) {
        TRY(connection.change(
            fmt::format("CREATE TEMP VIEW {} AS {}", name, relations.select_of(name))));
    }
    return answer.run(statement, parameters);
}

}  // namespace

Result<std::unique_ptr<sql::Rows>> run_fenced(Warehouse::State& state, std::string_view statement,
                                              const Scope& scope, const QueryLimits& limits,
                                              const sql::NamedValues& parameters,
                                              std::optional<std::string_view> condition) {
    TRY(settle(state));
    for (int turn = 1;; ++turn) {
        auto answer =
            std::make_unique<FencedRows>(state.engine, limits, TRY(state.database.connect()));
        auto ran = prepare_and_run(state, *answer, statement, scope, parameters, condition);
        if (ran) return answer;
        // A dataset that went away after our snapshot was taken: the next one hasn't got it.
        const bool may_be_old = ran.error().code == ErrorCode::not_found && turn < turns_max;
        if (!may_be_old) return answer->explained(ran.error());
    }
}

Result<std::unique_ptr<sql::Rows>> Warehouse::query(std::string_view statement, const Scope& scope,
                                                    const QueryLimits& limits,
                                                    const sql::NamedValues& parameters) {
    return run_fenced(*state_, statement, scope, limits, parameters);
}

}  // namespace stroma::warehouse
