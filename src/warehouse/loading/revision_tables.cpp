#include "warehouse/loading/revision_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "base/digest.h"
#include "warehouse/frame_names.h"
#include "warehouse/loading/packed_rows.h"
#include "warehouse/loading/told_rows.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

namespace {

using expression::Array;
using expression::Column;

constexpr std::string_view fixed_obs_names[] = {"dataset", "dataset_id", "revision",
                                                "cell_id", "cell_index", "cellkey"};
constexpr std::string_view fixed_var_names[] = {"dataset", "dataset_id", "revision",
                                                "gene_id", "gene_index", "featurekey"};

/// Whether cells below 100 molecules count as not called: Optimus bundles.
bool is_called_by_total(const RevisionRows& rows) {
    const auto analyses = rows.biology.find("analysis");
    if (analyses == rows.biology.end()) return false;
    return std::any_of(analyses->second.begin(), analyses->second.end(), [](const Row& row) {
        const auto protocol = row.find("protocol");
        if (protocol == row.end()) return false;
        const auto* text = std::get_if<std::string>(&protocol->second);
        return text != nullptr && lower_case(*text).starts_with("optimus");
    });
}

bool totals_are_whole(const RevisionRows& rows) {
    return std::all_of(rows.cell_totals.begin(), rows.cell_totals.end(), [](double total) {
        return total >= 0 && total < 9e15 && total == std::floor(total);
    });
}

void add_frame_columns(FrameRows& into, const std::vector<NamedColumn>& named) {
    for (const auto& column : named) {
        into.scanned.columns.push_back({.name = fmt::format("o{}", into.named.size()),
                                        .sql_type = column.sql_type,
                                        .column = column.column});
        into.named.push_back({column.column->name, column.sql_name, column.sql_type});
    }
}

/// Fills store.cells_<n>'s columns.
class CellColumns {
public:
    explicit CellColumns(const RevisionRows& rows, const ToldRows& told, FrameRows& into)
        : rows_(rows), told_(told), into_(into) {}

    void add_all() {
        auto& columns = into_.scanned.columns;
        into_.scanned.rows = rows_.obs->row_count();
        columns.push_back({.name = "loaded", .sql_type = "BIGINT"});
        columns.push_back({.name = "cell_index", .sql_type = "INTEGER", .row_number = true});
        columns.push_back({.name = "cell_id", .sql_type = "VARCHAR", .texts = &rows_.obs->index});
        for (const auto& [name, type] : cell_columns()) {
            ScannedColumn column{.name = std::string(name), .sql_type = std::string(type)};
            set(column);
            columns.push_back(std::move(column));
        }
        add_frame_columns(into_, name_columns(*rows_.obs, fixed_obs_names, "obs"));
    }

private:
    void set(ScannedColumn& column);
    void set_keys(ScannedColumn& column);
    void set_called(ScannedColumn& column);

    const RevisionRows& rows_;
    const ToldRows& told_;
    FrameRows& into_;
};

void CellColumns::set(ScannedColumn& column) {
    const std::string& name = column.name;
    const auto given = rows_.cell_columns.find(name);
    if (given != rows_.cell_columns.end()) {
        column.values = &given->second;
    } else if (name == "cellkey" || name == "stable_cellkey") {
        set_keys(column);
    } else if (name == "cellsuspensionkey") {
        column.column = told_.suspension_of_cell();
        column.constant = told_.suspension_of_all();
    } else if (name == "librarykey") {
        column.column = told_.library_of_cell();
        column.constant = told_.library_of_all();
    } else if (name == "projectkey" || name == "analysiskey") {
        column.constant = told_.key_of_all(name == "projectkey" ? "project" : "analysis", name);
    } else if (name == "genes_detected" && !rows_.genes_detected.empty()) {
        column.counts = &rows_.genes_detected;
    } else if (name == "total_umis" && !rows_.cell_totals.empty() && totals_are_whole(rows_)) {
        column.reals = &rows_.cell_totals;
    } else if (name == "called") {
        set_called(column);
    }
}

void CellColumns::set_keys(ScannedColumn& column) {
    if (into_.texts.empty()) {
        auto& keys = into_.texts.emplace_back();
        const auto& ids = rows_.obs->index;
        keys.reserve(ids.size(), ids.size() * 32);
        std::string text = rows_.dataset + "/";
        const std::size_t start = text.size();
        for (std::size_t cell = 0; cell < ids.size(); ++cell) {
            text.resize(start);
            text += ids[cell];
            keys.push_back(md5_hex(text));
        }
    }
    column.texts = &into_.texts.front();
}

void CellColumns::set_called(ScannedColumn& column) {
    column.constant = true;
    if (!is_called_by_total(rows_)) return;
    constexpr double least = 100;
    const std::size_t cells = rows_.obs->row_count();
    std::vector<std::uint8_t> called(cells, 0);
    const auto given = rows_.cell_columns.find("total_umis");
    if (given != rows_.cell_columns.end()) {
        for (std::size_t cell = 0; cell < cells; ++cell) {
            const auto* total = std::get_if<std::int64_t>(&given->second[cell]);
            called[cell] = total != nullptr && static_cast<double>(*total) >= least;
        }
    } else if (!rows_.cell_totals.empty() && totals_are_whole(rows_)) {
        for (std::size_t cell = 0; cell < cells; ++cell)
            called[cell] = rows_.cell_totals[cell] >= least;
    }
    Array flags = Array::of(called);
    flags.type = expression::ValueType::boolean;
    column.column = &into_.columns.emplace_back(Column{"called", std::move(flags), {}});
}

FrameRows gene_rows(const expression::Frame& var) {
    FrameRows genes;
    genes.scanned.rows = var.row_count();
    auto& keys = genes.texts.emplace_back();
    for (const auto& key : featurekeys_of(var)) keys.push_back(key);
    genes.scanned.columns = {
        {.name = "gene_index", .sql_type = "INTEGER", .row_number = true},
        {.name = "gene_id", .sql_type = "VARCHAR", .texts = &var.index},
        {.name = "featurekey", .sql_type = "VARCHAR", .texts = &genes.texts.front()}};
    add_frame_columns(genes, name_columns(var, fixed_var_names, "var"));
    genes.shape = content_of(genes);
    return genes;
}

std::string names_and_types(const FrameRows& rows) {
    ContentHash hash;
    for (const auto& column : rows.named)
        for (const std::string* part : {&column.name, &column.sql_name, &column.sql_type})
            hash.update(as_bytes(fmt::format("{}:{}", part->size(), *part)));
    return hash.hex();
}

/// The columns behind dataset_no as the table has them: its schema names a feature's source first.
std::vector<std::string_view> stored_columns(const BiologyTable& table) {
    auto columns = table.columns;
    if (table.name == "feature") std::swap(columns[0], columns[1]);
    return columns;
}

}  // namespace

std::vector<std::vector<sql::Value>> rows_by_key(std::string_view name,
                                                 const std::vector<Row>& rows) {
    const BiologyTable& table = *find_biology_table(name);
    const auto columns = stored_columns(table);
    const std::size_t keys = table.key_columns == 0 ? table.columns.size() : table.key_columns;
    const auto value_of = [](const Row& row, std::string_view column) {
        const auto found = row.find(std::string(column));
        return found == row.end() ? sql::Value() : found->second;
    };
    std::set<std::vector<sql::Value>> known;
    std::vector<std::vector<sql::Value>> result;
    for (const auto& row : rows) {
        std::vector<sql::Value> key;
        for (std::size_t at = 0; at < keys; ++at) key.push_back(value_of(row, table.columns[at]));
        if (!known.insert(std::move(key)).second) continue;
        auto& values = result.emplace_back();
        for (const auto column : columns) values.push_back(value_of(row, column));
    }
    return result;
}

void RevisionTables::set_loaded(std::int64_t number) {
    loaded = number;
    cells.scanned.columns.front().constant = number;
}

LoadReport RevisionTables::report() const {
    LoadReport report;
    for (std::size_t at = 0; at < biology.size(); ++at)
        report.rows[std::string(biology_tables()[at].name)] =
            static_cast<std::int64_t>(biology[at].size());
    report.rows["cell"] = cell_count;
    report.rows["var"] = gene_count;
    return report;
}

RevisionTables tables_of(const RevisionRows& rows) {
    RevisionTables tables;
    tables.dataset = rows.dataset;
    tables.dataset_name = rows.dataset_name;
    tables.revision = rows.revision;
    tables.bundle_uuid = rows.bundle_uuid;
    tables.bundle_version = rows.bundle_version;
    tables.revision_number = rows.revision_number;
    tables.called_by_total = is_called_by_total(rows);
    tables.cell_count = static_cast<std::int64_t>(rows.obs->row_count());
    tables.gene_count = static_cast<std::int64_t>(rows.var->row_count());
    const ToldRows told(rows, tables.cells.columns);
    CellColumns(rows, told, tables.cells).add_all();
    tables.cells.shape = names_and_types(tables.cells);
    tables.genes = gene_rows(*rows.var);
    for (const auto& table : biology_tables()) {
        auto& all = tables.biology.emplace_back();
        for (const BiologyRows* source : {&rows.biology, &told.biology()}) {
            const auto found = source->find(std::string(table.name));
            if (found == source->end()) continue;
            for (auto& row : rows_by_key(table.name, found->second)) all.push_back(std::move(row));
        }
    }
    return tables;
}

}  // namespace stroma::warehouse
