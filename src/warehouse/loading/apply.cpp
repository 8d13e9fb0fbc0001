#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>

#include "warehouse/loading/check_rows.h"
#include "warehouse/loading/load_line.h"
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
    ++state.version;
    return done;
}

struct LedgerLine {
    std::string_view action;
    std::string dataset = {}, dataset_name = {}, revision = {}, bundle_uuid = {},
                bundle_version = {}, source = {}, content_key = {};
    std::int64_t revision_number = 0, row_count = 0;
};

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

/// What loads write, within one transaction of change().
class LoadWriter {
public:
    LoadWriter(Warehouse::State& state, sql::Connection& connection)
        : state_(state), loads_(state.loads), connection_(connection) {}

    Result<void> put_in(Load& load);
    Result<std::int64_t> write_ledger(const LedgerLine& line);
    /// Must be called before the transaction's end, and before anything reads what was written.
    Result<void> finish();

private:
    bool can_wait(const RevisionTables& tables) const;
    Result<void> let_wait(const RevisionTables& tables);
    Result<sql::Appender*> append_to(std::unique_ptr<sql::Appender>& appender, const char* table);

    Warehouse::State& state_;
    LoadState& loads_;
    sql::Connection& connection_;
    std::unique_ptr<sql::Appender> ledger_, arrived_;
};

Result<sql::Appender*> LoadWriter::append_to(std::unique_ptr<sql::Appender>& appender,
                                             const char* table) {
    if (appender == nullptr) appender = TRY(connection_.append_to(table));
    return appender.get();
}

Result<void> LoadWriter::finish() {
    for (auto* appender : {&ledger_, &arrived_}) {
        if (*appender != nullptr) TRY((*appender)->finish());
        appender->reset();
    }
    return {};
}

Result<std::int64_t> LoadWriter::write_ledger(const LedgerLine& line) {
    const std::int64_t load_id = loads_.next_load_id++;
    const std::chrono::sys_time<std::chrono::milliseconds> now{
        std::chrono::milliseconds(state_.clock.unix_ms())};
    auto* appender = TRY(append_to(ledger_, "store.stl_load_commits"));
    const sql::Value values[] = {load_id,          std::string(line.action),
                                 line.dataset,     line.dataset_name,
                                 line.revision,    line.revision_number,
                                 line.bundle_uuid, line.bundle_version,
                                 line.source,      line.content_key,
                                 line.row_count,   fmt::format("{:%Y-%m-%d %H:%M:%S}", now)};
    TRY(appender->append(values));
    if (line.action == "apply")
        loads_.applied.insert(line.revision);
    else
        loads_.applied.erase(line.revision);
    return load_id;
}

/// Whether it can wait, packed, to be put into tables together with others.
bool LoadWriter::can_wait(const RevisionTables& tables) const {
    return tables.cell_count <= TableWriter::shared_cells_max &&
           (loads_.shared.contains("var " + tables.genes.shape) ||
            tables.gene_count <= packed_genes_max);
}

Result<void> LoadWriter::let_wait(const RevisionTables& tables) {
    const bool with_genes = !loads_.shared.contains("var " + tables.genes.shape);
    std::string packed = pack(tables, with_genes);
    loads_.arrived.insert(tables.dataset);
    loads_.arrived_bytes += packed.size();
    auto* appender = TRY(append_to(arrived_, "store.arrived"));
    const sql::Value line[] = {tables.loaded, tables.dataset, tables.revision, std::move(packed)};
    return appender->append(line);
}

Result<void> LoadWriter::put_in(Load& load) {
    const RevisionRows& rows = load.rows;
    load.report = LoadReport();
    if (loads_.applied.contains(rows.revision)) {
        load.report.already_loaded = true;
        return {};
    }
    if (loads_.arrived.contains(rows.dataset)) {
        TRY(finish());
        TRY(settle_in(state_, connection_));
    }
    const auto current = loads_.numbers.find(rows.dataset);
    // A late delivery of an old revision is noted, so that nobody sends it again.
    const bool is_late = current != loads_.numbers.end() && current->second > rows.revision_number;
    if (!is_late) load.report = load.tables.report();
    load.tables.set_loaded(TRY(write_ledger(line_for(rows, load.report))));
    if (is_late) return {};
    loads_.numbers[rows.dataset] = rows.revision_number;
    if (can_wait(load.tables)) {
        TRY(let_wait(load.tables));
        load.fills_up =
            loads_.arrived.size() >= arrived_max || loads_.arrived_bytes >= arrived_bytes_max;
        return {};
    }
    TRY(finish());
    return TableWriter(state_, connection_).put_in({&load.tables, 1});
}

Result<void> write_in_one_transaction(Warehouse::State& state, std::span<Load* const> loads) {
    const auto connection = TRY(state.database.connect());
    return change(state, *connection, [&]() -> Result<void> {
        LoadWriter writer(state, *connection);
        for (Load* load : loads) TRY(writer.put_in(*load));
        return writer.finish();
    });
}

/// When one of them fails, none is in: then each is tried by itself and has its own outcome.
void write_loads(Warehouse::State& state, std::span<Load* const> loads) {
    const auto done = write_in_one_transaction(state, loads);
    for (Load* load : loads)
        load->done = done || loads.size() == 1 ? done : write_in_one_transaction(state, {&load, 1});
}

}  // namespace

Result<void> settle(Warehouse::State& state) {
    if (state.loads.arrived_count == 0) return {};
    const auto connection = TRY(state.database.connect());
    return change(state, *connection, [&] { return settle_in(state, *connection); });
}

Result<LoadReport> Warehouse::apply(const RevisionRows& rows) {
    TRY_WITH(check_rows(rows), "revision " + rows.revision);
    Load load{rows, tables_of(rows)};
    // Before the transaction: readers wait for arrived datasets, never for a long load.
    if (load.tables.cell_count > TableWriter::shared_cells_max) TRY(settle(*state_));
    state_->line->pass(load, [this](auto loads) { write_loads(*state_, loads); });
    TRY_WITH(load.done, "loading revision " + rows.revision);
    if (load.fills_up) TRY(settle(*state_));
    return load.report;
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
        LoadWriter writer(*state_, *connection);
        TRY(writer.write_ledger(line));
        TRY(writer.finish());
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
    const auto done = connection->in_transaction(work);
    ++state_->version;
    TRY_WITH(done, fmt::format("loading the annotation {}", source));
    return static_cast<std::int64_t>(rows.size());
}

}  // namespace stroma::warehouse
