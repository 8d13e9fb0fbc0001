#include "warehouse/loading/table_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "warehouse/tables.h"

namespace stroma::warehouse {

namespace {

std::string list_of(const auto& things, const auto& text_of) {
    std::string list;
    for (const auto& thing : things)
        list += fmt::format("{}{}", list.empty() ? "" : ", ", text_of(thing));
    return list;
}

Result<bool> any(sql::Connection& connection, const std::string& statement) {
    const auto rows = TRY(connection.execute(statement));
    return rows->next();
}

std::string table_name(std::string_view frame, std::int64_t number) {
    return fmt::format("store.{}_{}", frame == "obs" ? "cells" : "var", number);
}

sql::Value or_null(const std::string& text) {
    return text.empty() ? sql::Value() : sql::Value(text);
}

}  // namespace

Result<std::vector<TableWriter::Held>> TableWriter::held_where(const std::string& condition) {
    const auto rows = TRY(connection_.execute(
        "SELECT dataset_no, loaded, cells, cells_in, genes_in, dataset_id FROM store.dataset "
        "WHERE " +
        condition));
    std::vector<Held> held;
    while (TRY(rows->next()))
        held.push_back({rows->integer(0), rows->integer(1), rows->integer(2), rows->integer(3),
                        rows->integer(4), rows->text(5)});
    return held;
}

Result<LoadReport> TableWriter::take_out(std::string_view revision) {
    const auto held = TRY(held_where("revision = " + quoted_text(revision)));
    auto report = TRY(take_out(held));
    TRY(drop_unused());
    return report;
}

Result<LoadReport> TableWriter::take_out(const std::vector<Held>& datasets) {
    LoadReport report;
    if (datasets.empty()) return report;
    const std::string numbers =
        list_of(datasets, [](const Held& dataset) { return dataset.dataset_no; });
    for (const auto& table : biology_tables())
        report.rows[std::string(table.name)] += TRY(connection_.change(
            fmt::format("DELETE FROM store.{} WHERE dataset_no IN ({})", table.name, numbers)));
    TRY(connection_.change(
        fmt::format("DELETE FROM store.dataset WHERE dataset_no IN ({})", numbers)));
    for (const auto& dataset : datasets) {
        report.rows["cell"] += dataset.cells;
        left_cells_.insert(dataset.cells_in);
        left_genes_.insert(dataset.genes_in);
    }
    for (const auto table : left_cells_) {
        std::string loads = "-1";
        for (const auto& dataset : datasets)
            if (dataset.cells_in == table) loads += fmt::format(", {}", dataset.loaded);
        const bool is_shared = std::any_of(
            state_.loads.shared.begin(), state_.loads.shared.end(), [&](const auto& shared) {
                return shared.first.starts_with("obs") && shared.second == table;
            });
        if (is_shared)
            TRY(connection_.change(fmt::format("DELETE FROM {} WHERE loaded IN ({})",
                                               table_name("obs", table), loads)));
    }
    return report;
}

// A table goes with its last dataset, so that nothing of what was removed stays, not even names.
Result<void> TableWriter::drop_unused() {
    for (const std::string_view frame : {"obs", "var"}) {
        const bool is_obs = frame == "obs";
        for (const auto table : is_obs ? left_cells_ : left_genes_) {
            if (TRY(any(connection_,
                        fmt::format("SELECT 1 FROM store.dataset WHERE {} = {} LIMIT 1",
                                    is_obs ? "cells_in" : "genes_in", table))))
                continue;
            TRY(connection_.change("DROP TABLE " + table_name(frame, table)));
            for (const auto* list : {"table_column", "shared_table"})
                TRY(connection_.change(
                    fmt::format("DELETE FROM store.{} WHERE table_no = {} AND frame = '{}'", list,
                                table, frame)));
            std::erase_if(state_.loads.shared, [&](const auto& shared) {
                return shared.first.starts_with(frame) && shared.second == table;
            });
        }
    }
    left_cells_.clear();
    left_genes_.clear();
    return {};
}

Result<void> TableWriter::make_table(std::string_view frame, const FrameRows& rows,
                                     std::int64_t number, bool is_shared) {
    TRY(connection_.change(
        fmt::format("CREATE TABLE {} ({})", table_name(frame, number),
                    list_of(rows.scanned.columns, [](const ScannedColumn& column) {
                        return fmt::format("{} {}", column.name, column.sql_type);
                    }))));
    auto columns = TRY(connection_.append_to("store.table_column"));
    for (std::size_t at = 0; at < rows.named.size(); ++at) {
        const TableColumn& column = rows.named[at];
        const sql::Value line[] = {number,      std::string(frame), static_cast<std::int64_t>(at),
                                   column.name, column.sql_name,    column.sql_type};
        TRY(columns->append(line));
    }
    TRY(columns->finish());
    if (!is_shared) return {};
    state_.loads.shared[fmt::format("{} {}", frame, rows.shape)] = number;
    auto shared = TRY(connection_.append_to("store.shared_table"));
    const sql::Value line[] = {number, std::string(frame), rows.shape};
    TRY(shared->append(line));
    return shared->finish();
}

Result<void> TableWriter::fill(const std::string& table, std::vector<ScannedRows> parts) {
    const ScanRegistry::Ticket ticket(*state_.scans, scan_parts(std::move(parts)));
    TRY(connection_.change(
        fmt::format("INSERT INTO {} SELECT * FROM {}", table, ticket.relation())));
    return {};
}

Result<std::int64_t> TableWriter::put_cells(std::span<const RevisionTables* const> alike) {
    const RevisionTables& first = *alike.front();
    const bool is_shared = first.cell_count <= shared_cells_max;
    const auto known = state_.loads.shared.find("obs " + first.cells.shape);
    const bool is_new = !is_shared || known == state_.loads.shared.end();
    const std::int64_t number = is_new ? first.loaded : known->second;
    if (is_new) TRY(make_table("obs", first.cells, number, is_shared));
    std::vector<ScannedRows> parts;
    for (const auto* tables : alike) parts.push_back(tables->cells.scanned);
    TRY(fill(table_name("obs", number), std::move(parts)));
    return number;
}

Result<std::int64_t> TableWriter::put_genes(const RevisionTables& tables) {
    const auto known = state_.loads.shared.find("var " + tables.genes.shape);
    if (known != state_.loads.shared.end()) return known->second;
    if (tables.genes.scanned.columns.empty())
        return fail(ErrorCode::corrupt,
                    fmt::format("the genes of dataset {} are in no table", tables.dataset_name));
    TRY(make_table("var", tables.genes, tables.loaded, true));
    TRY(fill(table_name("var", tables.loaded), {tables.genes.scanned}));
    return tables.loaded;
}

Result<void> TableWriter::put_biology(std::span<const RevisionTables> all,
                                      const DatasetNumbers& numbers) {
    for (std::size_t at = 0; at < biology_tables().size(); ++at) {
        std::unique_ptr<sql::Appender> appender;
        for (const auto& tables : all)
            for (const auto& row : tables.biology[at]) {
                if (appender == nullptr)
                    appender = TRY(
                        connection_.append_to(fmt::format("store.{}", biology_tables()[at].name)));
                std::vector<sql::Value> values = {numbers.at(tables.dataset)};
                values.insert(values.end(), row.begin(), row.end());
                TRY(appender->append(values));
            }
        if (appender != nullptr) TRY(appender->finish());
    }
    return {};
}

Result<void> TableWriter::put_in(std::span<const RevisionTables> all) {
    // Its passes take longer than the plain statements of a load.
    TRY(connection_.change("PRAGMA disable_optimizer"));
    const auto before = TRY(held_where(fmt::format(
        "dataset_id IN ({})",
        list_of(all, [](const RevisionTables& tables) { return quoted_text(tables.dataset); }))));
    TRY(take_out(before));
    DatasetNumbers numbers;
    for (const auto& held : before) numbers[held.dataset] = held.dataset_no;
    for (const auto& tables : all) numbers.emplace(tables.dataset, tables.loaded);

    std::map<std::string, std::vector<const RevisionTables*>> alike;
    for (const auto& tables : all) {
        const bool is_shared = tables.cell_count <= shared_cells_max;
        alike[is_shared ? tables.cells.shape : tables.revision].push_back(&tables);
    }
    std::map<const RevisionTables*, std::int64_t> cells_in, genes_in;
    for (const auto& [shape, some] : alike) {
        const std::int64_t table = TRY(put_cells(some));
        for (const auto* tables : some) cells_in[tables] = table;
    }
    for (const auto& tables : all) genes_in[&tables] = TRY(put_genes(tables));
    TRY(put_biology(all, numbers));
    auto datasets = TRY(connection_.append_to("store.dataset"));
    for (const auto& tables : all) {
        const sql::Value line[] = {numbers[tables.dataset],
                                   tables.dataset,
                                   tables.dataset_name,
                                   tables.revision,
                                   tables.revision_number,
                                   or_null(tables.bundle_uuid),
                                   or_null(tables.bundle_version),
                                   tables.cell_count,
                                   tables.gene_count,
                                   tables.loaded,
                                   tables.called_by_total,
                                   cells_in[&tables],
                                   genes_in[&tables]};
        TRY(datasets->append(line));
    }
    TRY(datasets->finish());
    return drop_unused();
}

}  // namespace stroma::warehouse
