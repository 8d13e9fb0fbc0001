#include "warehouse/relation_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <mutex>

#include "base/threads.h"
#include "sql/value_scan.h"
#include "warehouse/expression_scan.h"
#include "warehouse/narrowing.h"
#include "warehouse/query.h"
#include "warehouse/relations.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

namespace {

constexpr const char* fields_column = "fields";

bool is_expression(std::string_view name) {
    return name == "expression" || name == "expression_all";
}

bool has_fields(std::string_view name) { return name == "obs" || name == "var" || name == "cells"; }

sql::Type scanned_type(std::string_view engine) {
    if (engine == "SMALLINT" || engine == "INTEGER" || engine == "BIGINT")
        return sql::Type::integer;
    if (engine == "FLOAT" || engine == "DOUBLE") return sql::Type::real;
    return engine == "BOOLEAN" ? sql::Type::boolean : sql::Type::text;
}

// Whoever asks has limits of their own; what we hand over isn't kept.
QueryLimits no_limits() {
    QueryLimits limits;
    limits.time = Milliseconds(std::chrono::hours(24 * 7));
    limits.memory_bytes = std::uint64_t{1} << 50;
    limits.rows_max = limits.bytes_max = std::numeric_limits<std::uint64_t>::max();
    return limits;
}

std::string engine_type_of(const sql::ColumnInfo& column) {
    if (!column.engine_type.empty()) return column.engine_type;
    switch (column.type) {
        case sql::Type::boolean: return "BOOLEAN";
        case sql::Type::integer: return "BIGINT";
        case sql::Type::real: return "DOUBLE";
        default: return "VARCHAR";
    }
}

/// Rows of a statement of ours, one thread's.
class RelationFeed final : public sql::RowFeed {
public:
    RelationFeed(std::unique_ptr<sql::Rows> rows, std::vector<std::uint32_t> wanted)
        : rows_(std::move(rows)), wanted_(std::move(wanted)) {}
    Result<std::size_t> fill(sql::RowSink& sink) override {
        std::size_t filled = 0;
        for (; filled < sink.row_max() && TRY(rows_->next()); ++filled)
            for (std::size_t at = 0; at < wanted_.size(); ++at)
                sql::put_value(sink, wanted_[at], filled, rows_->value(at));
        return filled;
    }

private:
    std::unique_ptr<sql::Rows> rows_;
    std::vector<std::uint32_t> wanted_;
};

/// A relation but expression: asked of the store when it is read, only the wanted columns.
class RelationScan final : public sql::TableScan {
public:
    RelationScan(Warehouse::State& state, RelationShape shape, Scope scope, std::uint64_t rows)
        : state_(state), shape_(std::move(shape)), scope_(std::move(scope)), rows_(rows) {}
    const std::vector<sql::ScanColumn>& columns() const override { return shape_.scanned; }
    std::optional<std::uint64_t> row_estimate() const override { return rows_; }
    std::unique_ptr<sql::ScanRun> begin() override { return std::make_unique<Run>(*this); }

private:
    class Run final : public sql::ScanRun {
    public:
        explicit Run(const RelationScan& scan) : scan_(scan) {}
        Result<std::unique_ptr<sql::RowFeed>> start(
            std::span<const std::uint32_t> wanted) override {
            const std::string statement = TRY(scan_.statement_for(wanted));
            auto rows = TRY(run_fenced(scan_.state_, statement, scan_.scope_, no_limits()));
            return std::make_unique<RelationFeed>(
                std::move(rows), std::vector<std::uint32_t>(wanted.begin(), wanted.end()));
        }

    private:
        const RelationScan& scan_;
    };

    Result<std::string> statement_for(std::span<const std::uint32_t> wanted) const;
    Result<std::string> fields() const;

    Warehouse::State& state_;
    RelationShape shape_;
    Scope scope_;
    std::uint64_t rows_;
};

// The columns that this scope's datasets add, as one JSON object.
Result<std::string> RelationScan::fields() const {
    const auto rows = TRY(run_fenced(state_, fmt::format("SELECT * FROM {} LIMIT 0", shape_.name),
                                     scope_, no_limits()));
    std::string members;
    for (const auto& column : rows->columns()) {
        const bool is_fixed =
            std::any_of(shape_.scanned.begin(), shape_.scanned.end(),
                        [&](const auto& fixed) { return fixed.name == column.name; });
        if (is_fixed) continue;
        members += fmt::format("{}{}, {}", members.empty() ? "" : ", ", quoted_text(column.name),
                               quoted_name(column.name));
    }
    return fmt::format("json_object({})", members);
}

Result<std::string> RelationScan::statement_for(std::span<const std::uint32_t> wanted) const {
    std::string list;
    for (const std::uint32_t column : wanted) {
        const std::string& name = shape_.scanned[column].name;
        const bool is_made = name == fields_column && has_fields(shape_.name);
        list += (list.empty() ? "" : ", ") + (is_made ? TRY(fields()) : quoted_name(name));
    }
    return fmt::format("SELECT {} FROM {}", list.empty() ? "1" : list, shape_.name);
}

Result<ExpressionNeed> need_of_asked(sql::Connection& connection, const Relations& relations,
                                     const AskedElsewhere& asked) {
    if (asked.select.empty()) return ExpressionNeed();
    const auto rows = TRY(connection.execute(
        "SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR)) AS VARCHAR)", {asked.select}));
    constexpr JsonLimits limits{256u << 20, 3000, 16u << 20};
    if (!TRY(rows->next())) return ExpressionNeed();
    Json tree = TRY(parse_json(rows->text(0), limits));
    // What can't be understood here is asked in full.
    if (!tree.is_object() || tree.value("error", true)) return ExpressionNeed();
    sql::NamedValues values;
    for (std::size_t at = 0; at < asked.values.size(); ++at)
        values.emplace(std::to_string(at + 1), asked.values[at]);
    put_in_values(tree, values);
    return need_of(find_mentions(tree), [&](const auto& names) {
        return featurekeys_named(connection, relations, names);
    });
}

Result<std::shared_ptr<sql::TableScan>> open_expression_elsewhere(Warehouse::State& state,
                                                                  std::string_view name,
                                                                  const Scope& scope,
                                                                  const AskedElsewhere& asked) {
    TRY(settle(state));
    const auto connection = TRY(state.database.connect());
    TRY(connection->begin(sql::TransactionKind::read));
    const auto relations = TRY(Relations::read(*connection, scope));
    const auto need = TRY(need_of_asked(*connection, relations, asked));
    auto parts =
        TRY(expression_parts(state, *connection, relations.datasets(), need, name == "expression"));
    return scan_expression(state.open_revision, std::move(parts), need);
}

/// Expression that isn't read yet; perhaps it never is.
class LaterScan final : public sql::TableScan {
public:
    LaterScan(Warehouse::State& state, RelationShape shape, Scope scope, std::uint64_t rows)
        : state_(state), shape_(std::move(shape)), scope_(std::move(scope)), rows_(rows) {}
    const std::vector<sql::ScanColumn>& columns() const override { return shape_.scanned; }
    std::optional<std::uint64_t> row_estimate() const override { return rows_; }
    std::size_t thread_max() const override { return thread_count(); }
    std::unique_ptr<sql::ScanRun> begin() override { return std::make_unique<Run>(*this); }

private:
    class Run final : public sql::ScanRun {
    public:
        explicit Run(const LaterScan& scan) : scan_(scan) {}
        Result<std::unique_ptr<sql::RowFeed>> start(
            std::span<const std::uint32_t> wanted) override {
            const std::lock_guard lock(mutex_);
            if (run_ == nullptr) {
                opened_ = TRY(open_expression_elsewhere(scan_.state_, scan_.shape_.name,
                                                        scan_.scope_, AskedElsewhere()));
                run_ = opened_->begin();
            }
            return run_->start(wanted);
        }

    private:
        const LaterScan& scan_;
        std::mutex mutex_;
        std::shared_ptr<sql::TableScan> opened_;  // outlives the run
        std::unique_ptr<sql::ScanRun> run_;
    };

    Warehouse::State& state_;
    RelationShape shape_;
    Scope scope_;
    std::uint64_t rows_;
};

/// For the planner of the other engine: what is joined with what depends on it.
Result<std::uint64_t> rows_about(Warehouse::State& state, std::string_view name,
                                 const Scope& scope) {
    constexpr std::uint64_t values_a_cell = 500, rows_of_small = 1000;
    TRY(settle(state));
    const auto connection = TRY(state.database.connect());
    std::uint64_t cells = 0, genes = 0;
    for (const auto& dataset : TRY(visible_datasets(*connection, scope))) {
        cells += static_cast<std::uint64_t>(dataset.cells);
        genes += static_cast<std::uint64_t>(dataset.genes);
    }
    if (is_expression(name)) return cells * values_a_cell;
    if (name == "cell" || name == "cell_all" || name == "cells" || name == "obs") return cells;
    return name == "var" || name == "feature" ? genes : rows_of_small;
}

}  // namespace

Result<std::vector<RelationShape>> relation_shapes(Warehouse& warehouse) {
    std::vector<RelationShape> shapes;
    for (const std::string_view name : relation_names()) {
        RelationShape shape{std::string(name), {}, {}};
        if (is_expression(name)) {
            shape.scanned = TRY(scan_expression({}, {}, {}))->columns();
            for (const auto& column : shape.scanned) {
                const char* type = column.type == sql::Type::integer ? "INTEGER"
                                   : column.type == sql::Type::real  ? "DOUBLE"
                                                                     : "VARCHAR";
                shape.columns.push_back({column.name, type, column.name});
            }
            // The service's own spelling, and the one that people expect.
            shape.columns.push_back({"exprvalue", "DOUBLE", "exrpvalue"});
        } else {
            const auto rows =
                run_fenced(warehouse.state(), fmt::format("SELECT * FROM {} LIMIT 0", name),
                           Scope(), no_limits());
            // Comparisons and selections are not there where nobody keeps them.
            if (!rows && rows.error().code == ErrorCode::unsupported) continue;
            if (!rows) return fail(rows.error());
            for (const auto& column : (*rows)->columns()) {
                const std::string type = engine_type_of(column);
                shape.columns.push_back({column.name, type, column.name});
                shape.scanned.push_back({column.name, scanned_type(type)});
            }
            if (has_fields(name)) {
                shape.columns.push_back({fields_column, "JSON", fields_column});
                shape.scanned.push_back({fields_column, sql::Type::text});
            }
        }
        shapes.push_back(std::move(shape));
    }
    return shapes;
}

Result<std::shared_ptr<sql::TableScan>> scan_relation(Warehouse& warehouse,
                                                      const RelationShape& shape,
                                                      const Scope& scope,
                                                      const AskedElsewhere* asked) {
    auto& state = warehouse.state();
    if (is_expression(shape.name) && asked != nullptr)
        return open_expression_elsewhere(state, shape.name, scope, *asked);
    const auto rows = TRY(rows_about(state, shape.name, scope));
    if (is_expression(shape.name)) return std::make_shared<LaterScan>(state, shape, scope, rows);
    return std::make_shared<RelationScan>(state, shape, scope, rows);
}

}  // namespace stroma::warehouse
