#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/log.h"
#include "warehouse/cell_table.h"
#include "warehouse/state.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

namespace {

struct CurrentRevision {
    std::int64_t dataset_no = 0, loaded = 0, revision_number = 0;
    std::string revision;
};

Result<std::optional<CurrentRevision>> current_revision(sql::Connection& connection,
                                                        std::string_view where,
                                                        std::string_view value) {
    const auto rows = TRY(connection.execute(
        fmt::format("SELECT dataset_no, loaded, revision_number, revision FROM store.dataset "
                    "WHERE {} = ?",
                    where),
        {std::string(value)}));
    if (!TRY(rows->next())) return std::optional<CurrentRevision>();
    return std::optional(
        CurrentRevision{rows->integer(0), rows->integer(1), rows->integer(2), rows->text(3)});
}

Result<std::int64_t> one_integer(sql::Connection& connection, const std::string& statement) {
    const auto rows = TRY(connection.execute(statement));
    return TRY(rows->next()) ? rows->integer(0) : 0;
}

Result<bool> is_loaded(sql::Connection& connection, std::string_view revision) {
    const auto rows = TRY(connection.execute(
        "SELECT arg_max(action, load_id) FROM store.stl_load_commits WHERE revision = ?",
        {std::string(revision)}));
    return TRY(rows->next()) && rows->text(0) == "apply";
}

/// Takes a dataset's rows out of every table. The counts go into the report.
Result<void> take_out(sql::Connection& connection, const CurrentRevision& current,
                      LoadReport& report) {
    for (const auto& table : biology_tables()) {
        report.rows[std::string(table.name)] += TRY(connection.change(fmt::format(
            "DELETE FROM store.{} WHERE dataset_no = {}", table.name, current.dataset_no)));
    }
    report.rows["cell"] += TRY(one_integer(
        connection, fmt::format("SELECT count(*) FROM store.cells_{}", current.loaded)));
    TRY(connection.change(fmt::format("DROP TABLE store.cells_{}", current.loaded)));
    TRY(connection.change(fmt::format("DROP TABLE store.var_{}", current.loaded)));
    for (const auto name : {"frame_column", "dataset"}) {
        TRY(connection.change(
            fmt::format("DELETE FROM store.{} WHERE dataset_no = {}", name, current.dataset_no)));
    }
    return {};
}

/// The columns behind dataset_no as the table has them: its schema names a feature's source first.
std::vector<std::string_view> stored_columns(const BiologyTable& table) {
    auto columns = table.columns;
    if (table.name == "feature") std::swap(columns[0], columns[1]);
    return columns;
}

/// One row a key: two would give each of its cells twice in the joins of `cells`. Gives how many
/// rows went in.
Result<std::int64_t> append_biology(sql::Connection& connection, const BiologyTable& table,
                                    const std::vector<Row>& rows, std::int64_t dataset_no) {
    const auto columns = stored_columns(table);
    const std::size_t keys = table.key_columns == 0 ? table.columns.size() : table.key_columns;
    auto appender = TRY(connection.append_to(fmt::format("store.{}", table.name)));
    const auto value_of = [](const Row& row, std::string_view column) {
        const auto found = row.find(std::string(column));
        return found == row.end() ? sql::Value() : found->second;
    };
    std::set<std::vector<sql::Value>> known;
    for (const auto& row : rows) {
        std::vector<sql::Value> key;
        for (std::size_t at = 0; at < keys; ++at) key.push_back(value_of(row, table.columns[at]));
        if (!known.insert(std::move(key)).second) continue;
        std::vector<sql::Value> values = {dataset_no};
        for (const auto column : columns) values.push_back(value_of(row, column));
        TRY(appender->append(values));
    }
    TRY(appender->finish());
    return static_cast<std::int64_t>(known.size());
}

struct LedgerLine {
    std::string_view action;
    std::string dataset = {}, dataset_name = {}, revision = {}, bundle_uuid = {},
                bundle_version = {}, source = {}, content_key = {};
    std::int64_t revision_number = 0, row_count = 0;
};

Result<void> write_ledger(sql::Connection& connection, const Clock& clock, std::int64_t load_id,
                          const LedgerLine& line) {
    TRY(connection.change(
        "INSERT INTO store.stl_load_commits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "epoch_ms(CAST(? AS BIGINT)))",
        {load_id, std::string(line.action), line.dataset, line.dataset_name, line.revision,
         line.revision_number, line.bundle_uuid, line.bundle_version, line.source, line.content_key,
         line.row_count, clock.unix_ms()}));
    return {};
}

Result<std::int64_t> next_load_id(sql::Connection& connection) {
    return one_integer(connection,
                       "SELECT coalesce(max(load_id), 0) + 1 FROM store.stl_load_commits");
}

LedgerLine line_for(const RevisionRows& rows) {
    return {.action = "apply",
            .dataset = rows.dataset,
            .dataset_name = rows.dataset_name,
            .revision = rows.revision,
            .bundle_uuid = rows.bundle_uuid,
            .bundle_version = rows.bundle_version,
            .source = rows.source,
            .content_key = rows.content_key,
            .revision_number = rows.revision_number};
}

Result<void> put_in(Warehouse::State& state, sql::Connection& connection, const RevisionRows& rows,
                    std::int64_t dataset_no, std::int64_t load_id, LoadReport& report) {
    TRY(write_frames(state, connection, rows, dataset_no, load_id));
    const auto cells = static_cast<std::int64_t>(rows.obs->row_count());
    const auto genes = static_cast<std::int64_t>(rows.var->row_count());
    std::int64_t total = cells;
    const auto append = [&](const BiologyTable& table, const std::vector<Row>& some) {
        auto count = append_biology(connection, table, some, dataset_no);
        if (count) report.rows[std::string(table.name)] = *count;
        total += count.value_or(0);
        return count;
    };
    const BiologyRows told = TRY(told_by_obs(connection, rows, load_id));
    for (const auto& table : biology_tables()) {
        report.rows[std::string(table.name)] = 0;
        for (const BiologyRows* source : {&rows.biology, &told}) {
            const auto found = source->find(std::string(table.name));
            if (found != source->end()) TRY(append(table, found->second));
        }
    }
    const auto or_null = [](const std::string& text) {
        return text.empty() ? sql::Value() : sql::Value(text);
    };
    const sql::Value dataset[] = {dataset_no,
                                  rows.dataset,
                                  rows.dataset_name,
                                  rows.revision,
                                  rows.revision_number,
                                  or_null(rows.bundle_uuid),
                                  or_null(rows.bundle_version),
                                  cells,
                                  genes,
                                  load_id,
                                  is_called_by_total(rows)};
    auto appender = TRY(connection.append_to("store.dataset"));
    TRY(appender->append(dataset));
    TRY(appender->finish());
    report.rows["cell"] = cells;
    report.rows["var"] = genes;
    LedgerLine line = line_for(rows);
    line.row_count = total;
    return write_ledger(connection, state.clock, load_id, line);
}

}  // namespace

Result<LoadReport> Warehouse::apply(const RevisionRows& rows) {
    TRY_WITH(check_rows(rows), "revision " + rows.revision);
    auto connection = TRY(state_->database.connect());
    // Its passes take longer than the plain statements of a load.
    TRY(connection->change("PRAGMA disable_optimizer"));
    LoadReport report;
    const auto work = [&]() -> Result<void> {
        report = LoadReport();
        if (TRY(is_loaded(*connection, rows.revision))) {
            report.already_loaded = true;
            return {};
        }
        const std::int64_t load_id = TRY(next_load_id(*connection));
        const auto current = TRY(current_revision(*connection, "dataset_id", rows.dataset));
        if (current && current->revision_number > rows.revision_number) {
            // A late delivery of an old revision: noted, so that nobody sends it again.
            return write_ledger(*connection, state_->clock, load_id, line_for(rows));
        }
        std::int64_t dataset_no = 0;
        if (current) {
            dataset_no = current->dataset_no;
            LoadReport before;
            TRY(take_out(*connection, *current, before));
        } else {
            dataset_no = TRY(one_integer(
                *connection, "SELECT coalesce(max(load_id), 0) + 1 FROM store.stl_load_commits"));
        }
        return put_in(*state_, *connection, rows, dataset_no, load_id, report);
    };
    TRY_WITH(connection->in_transaction(work), "loading revision " + rows.revision);
    return report;
}

Result<LoadReport> Warehouse::remove(std::string_view revision) {
    auto connection = TRY(state_->database.connect());
    LoadReport report;
    const auto work = [&]() -> Result<void> {
        report = LoadReport();
        const auto current = TRY(current_revision(*connection, "revision", revision));
        if (!current && !TRY(is_loaded(*connection, revision))) return {};
        const std::int64_t load_id = TRY(next_load_id(*connection));
        if (current) TRY(take_out(*connection, *current, report));
        LedgerLine line{.action = "remove", .revision = std::string(revision)};
        for (const auto& [table, count] : report.rows) line.row_count += count;
        return write_ledger(*connection, state_->clock, load_id, line);
    };
    TRY_WITH(connection->in_transaction(work), fmt::format("removing revision {}", revision));
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
        TRY(append_biology(*connection, *find_biology_table("feature"), rows, 0));
        return {};
    };
    TRY_WITH(connection->in_transaction(work), fmt::format("loading the annotation {}", source));
    return static_cast<std::int64_t>(rows.size());
}

}  // namespace stroma::warehouse
