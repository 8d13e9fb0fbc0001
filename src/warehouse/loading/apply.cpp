#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>

#include "warehouse/loading/check_rows.h"
#include "warehouse/loading/packed_rows.h"
#include "warehouse/loading/table_writer.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

namespace {

// Arrived datasets wait for a reader, or until there are that many or that much of them.
constexpr std::uint64_t arrived_max = 256, arrived_bytes_max = 16u << 20;
// A dataset with more genes makes its own table of them at once, unless one is there.
constexpr std::int64_t packed_genes_max = 4096;

Result<bool> is_loaded(sql::Connection& connection, std::string_view revision) {
    const auto rows = TRY(connection.execute(
        "SELECT arg_max(action, load_id) FROM store.stl_load_commits WHERE revision = ?",
        {std::string(revision)}));
    return TRY(rows->next()) && rows->text(0) == "apply";
}

/// Learns what the ledger and the tables say. In a transaction, the mutex held.
Result<void> know(LoadState& loads, sql::Connection& connection) {
    if (loads.is_known) return {};
    loads.applied.clear();
    loads.numbers.clear();
    loads.arrived.clear();
    loads.shared.clear();
    auto rows = TRY(connection.execute(
        "SELECT revision, arg_max(action, load_id), max(load_id) FROM store.stl_load_commits "
        "GROUP BY revision"));
    loads.next_load_id = 1;
    while (TRY(rows->next())) {
        if (rows->text(1) == "apply") loads.applied.insert(rows->text(0));
        loads.next_load_id = std::max(loads.next_load_id, rows->integer(2) + 1);
    }
    rows = TRY(connection.execute("SELECT dataset_id, revision_number FROM store.dataset"));
    while (TRY(rows->next())) loads.numbers[rows->text(0)] = rows->integer(1);
    rows =
        TRY(connection.execute("SELECT frame || ' ' || shape, table_no FROM store.shared_table"));
    while (TRY(rows->next())) loads.shared[rows->text(0)] = rows->integer(1);
    rows = TRY(connection.execute("SELECT dataset_id, octet_length(packed) FROM store.arrived"));
    loads.arrived_bytes = 0;
    while (TRY(rows->next())) {
        loads.arrived.insert(rows->text(0));
        loads.arrived_bytes += static_cast<std::uint64_t>(rows->integer(1));
    }
    loads.is_known = true;
    return {};
}

/// One transaction that changes what LoadState says.
Result<void> change(Warehouse::State& state, sql::Connection& connection,
                    const std::function<Result<void>()>& work) {
    const std::lock_guard one_at_a_time(state.loads.mutex);
    auto done = connection.in_transaction([&]() -> Result<void> {
        TRY(know(state.loads, connection));
        return work();
    });
    if (!done) state.loads.is_known = false;
    if (done) state.loads.arrived_count = state.loads.arrived.size();
    return done;
}

struct LedgerLine {
    std::string_view action;
    std::string dataset = {}, dataset_name = {}, revision = {}, bundle_uuid = {},
                bundle_version = {}, source = {}, content_key = {};
    std::int64_t revision_number = 0, row_count = 0;
};

Result<std::int64_t> write_ledger(Warehouse::State& state, sql::Connection& connection,
                                  const LedgerLine& line) {
    const std::int64_t load_id = state.loads.next_load_id++;
    const std::chrono::sys_time<std::chrono::milliseconds> now{
        std::chrono::milliseconds(state.clock.unix_ms())};
    auto appender = TRY(connection.append_to("store.stl_load_commits"));
    const sql::Value values[] = {load_id,          std::string(line.action),
                                 line.dataset,     line.dataset_name,
                                 line.revision,    line.revision_number,
                                 line.bundle_uuid, line.bundle_version,
                                 line.source,      line.content_key,
                                 line.row_count,   fmt::format("{:%Y-%m-%d %H:%M:%S}", now)};
    TRY(appender->append(values));
    TRY(appender->finish());
    if (line.action == "apply")
        state.loads.applied.insert(line.revision);
    else
        state.loads.applied.erase(line.revision);
    return load_id;
}

LedgerLine line_for(const RevisionRows& rows, const LoadReport& report) {
    LedgerLine line{.action = "apply",
                    .dataset = rows.dataset,
                    .dataset_name = rows.dataset_name,
                    .revision = rows.revision,
                    .bundle_uuid = rows.bundle_uuid,
                    .bundle_version = rows.bundle_version,
                    .source = rows.source,
                    .content_key = rows.content_key,
                    .revision_number = rows.revision_number};
    for (const auto& [table, count] : report.rows)
        if (table != "var") line.row_count += count;
    return line;
}

/// Whether it can wait, packed, to be put into tables together with others.
bool can_wait(const LoadState& loads, RevisionTables& tables) {
    if (tables.cell_count > TableWriter::shared_cells_max) return false;
    const bool has_table = loads.shared.contains("var " + tables.genes.shape);
    if (has_table) tables.genes.scanned = {};
    return has_table || tables.gene_count <= packed_genes_max;
}

Result<void> let_wait(LoadState& loads, sql::Connection& connection, const RevisionTables& tables) {
    std::string packed = pack(tables);
    loads.arrived.insert(tables.dataset);
    loads.arrived_bytes += packed.size();
    auto appender = TRY(connection.append_to("store.arrived"));
    const sql::Value line[] = {tables.loaded, tables.dataset, tables.revision, std::move(packed)};
    TRY(appender->append(line));
    return appender->finish();
}

/// In a transaction of change().
Result<void> settle_in(Warehouse::State& state, sql::Connection& connection) {
    auto& loads = state.loads;
    if (loads.arrived.empty()) return {};
    std::vector<RevisionTables> all;
    const auto rows = TRY(
        connection.execute("SELECT load_id, revision, packed FROM store.arrived ORDER BY load_id"));
    while (TRY(rows->next())) {
        all.push_back(TRY_WITH(unpack(rows->text(2)), "arrived revision " + rows->text(1)));
        all.back().set_loaded(rows->integer(0));
    }
    TRY(TableWriter(state, connection).put_in(all));
    TRY(connection.change("DELETE FROM store.arrived"));
    loads.arrived.clear();
    loads.arrived_bytes = 0;
    return {};
}

}  // namespace

Result<void> settle(Warehouse::State& state) {
    if (state.loads.arrived_count == 0) return {};
    const auto connection = TRY(state.database.connect());
    return change(state, *connection, [&] { return settle_in(state, *connection); });
}

Result<LoadReport> Warehouse::apply(const RevisionRows& rows) {
    TRY_WITH(check_rows(rows), "revision " + rows.revision);
    RevisionTables tables = tables_of(rows);
    LoadReport report;
    bool is_much = false;
    auto& loads = state_->loads;
    // Before the transaction: readers wait for arrived datasets, never for a long load.
    if (tables.cell_count > TableWriter::shared_cells_max) TRY(settle(*state_));
    const auto connection = TRY(state_->database.connect());
    const auto work = [&]() -> Result<void> {
        report = LoadReport();
        if (loads.applied.contains(rows.revision)) {
            report.already_loaded = true;
            return {};
        }
        if (loads.arrived.contains(rows.dataset)) TRY(settle_in(*state_, *connection));
        const auto current = loads.numbers.find(rows.dataset);
        // A late delivery of an old revision is noted, so that nobody sends it again.
        const bool is_late =
            current != loads.numbers.end() && current->second > rows.revision_number;
        if (!is_late) report = tables.report();
        tables.set_loaded(TRY(write_ledger(*state_, *connection, line_for(rows, report))));
        if (is_late) return {};
        loads.numbers[rows.dataset] = rows.revision_number;
        if (can_wait(loads, tables)) {
            TRY(let_wait(loads, *connection, tables));
            is_much =
                loads.arrived.size() >= arrived_max || loads.arrived_bytes >= arrived_bytes_max;
            return {};
        }
        std::vector<RevisionTables> one;
        one.push_back(std::move(tables));
        return TableWriter(*state_, *connection).put_in(one);
    };
    TRY_WITH(change(*state_, *connection, work), "loading revision " + rows.revision);
    if (is_much) TRY(settle(*state_));
    return report;
}

Result<LoadReport> Warehouse::remove(std::string_view revision) {
    const auto connection = TRY(state_->database.connect());
    LoadReport report;
    auto& loads = state_->loads;
    const auto work = [&]() -> Result<void> {
        report = LoadReport();
        if (!loads.applied.contains(revision)) return {};
        TRY(settle_in(*state_, *connection));
        report = TRY(TableWriter(*state_, *connection).take_out(revision));
        LedgerLine line{.action = "remove", .revision = std::string(revision)};
        for (const auto& [table, count] : report.rows) line.row_count += count;
        TRY(write_ledger(*state_, *connection, line));
        loads.is_known = false;  // the dataset's number went with it
        return {};
    };
    TRY_WITH(change(*state_, *connection, work), fmt::format("removing revision {}", revision));
    return report;
}

Result<bool> Warehouse::has_revision(std::string_view revision) {
    auto connection = TRY(state_->database.connect());
    return is_loaded(*connection, revision);
}

Result<std::int64_t> Warehouse::load_features(const std::vector<Row>& features,
                                              std::string_view source) {
    TRY(check_table_rows("feature", features));
    auto connection = TRY(state_->database.connect());
    std::vector<Row> rows = features;
    for (auto& row : rows) row["source"] = std::string(source);
    const auto work = [&]() -> Result<void> {
        TRY(connection->change("DELETE FROM store.feature WHERE dataset_no = 0 AND source = ?",
                               {std::string(source)}));
        auto appender = TRY(connection->append_to("store.feature"));
        for (const auto& values : rows_by_key("feature", rows)) {
            std::vector<sql::Value> line = {std::int64_t{0}};
            line.insert(line.end(), values.begin(), values.end());
            TRY(appender->append(line));
        }
        return appender->finish();
    };
    TRY_WITH(connection->in_transaction(work), fmt::format("loading the annotation {}", source));
    return static_cast<std::int64_t>(rows.size());
}

}  // namespace stroma::warehouse
