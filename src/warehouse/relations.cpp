#include "warehouse/relations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "warehouse/frame_names.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

const std::vector<std::string_view>& relation_names() {
    static const std::vector<std::string_view> names = [] {
        std::vector<std::string_view> all = {"dataset",      "obs",
                                             "var",          "cells",
                                             "cell",         "cell_all",
                                             "expression",   "expression_all",
                                             "provenance",   "stl_load_commits",
                                             "comparison",   "comparison_gene",
                                             "selected_cell"};
        for (const auto& table : biology_tables()) all.push_back(table.name);
        return all;
    }();
    return names;
}

bool is_other(std::string_view name) {
    return name == "comparison" || name == "comparison_gene" || name == "selected_cell";
}

bool is_relation(std::string_view name) {
    return std::find(relation_names().begin(), relation_names().end(), name) !=
           relation_names().end();
}

Result<std::vector<VisibleDataset>> visible_datasets(sql::Connection& connection,
                                                     const Scope& scope) {
    const auto rows = TRY(connection.execute(
        "SELECT dataset_no, loaded, dataset_id, dataset, revision, cells, genes, called_by_total, "
        "cells_in, genes_in FROM store.dataset ORDER BY dataset_no"));
    std::vector<VisibleDataset> datasets;
    while (TRY(rows->next())) {
        VisibleDataset dataset{rows->integer(0), rows->integer(1), rows->text(2),
                               rows->text(3),    rows->text(4),    rows->integer(5),
                               rows->integer(6), rows->boolean(7), rows->integer(8),
                               rows->integer(9)};
        const bool may = scope.everything || std::find(scope.datasets.begin(), scope.datasets.end(),
                                                       dataset.dataset_id) != scope.datasets.end();
        if (may) datasets.push_back(std::move(dataset));
    }
    return datasets;
}

Result<Relations> Relations::read(sql::Connection& connection, const Scope& scope) {
    Relations relations;
    relations.everything_ = scope.everything;
    relations.scope_ids_ = scope.datasets;
    relations.datasets_ = TRY(visible_datasets(connection, scope));
    for (const auto& dataset : relations.datasets_) {
        relations.held_in_["obs"][dataset.cells_in].push_back(&dataset);
        relations.held_in_["var"][dataset.genes_in].push_back(&dataset);
    }
    const auto rows =
        TRY(connection.execute("SELECT table_no, frame, sql_name, type, position FROM "
                               "store.table_column ORDER BY table_no, frame, position"));
    while (TRY(rows->next())) {
        FrameColumn column{rows->integer(0), rows->text(1), rows->text(2), rows->text(3),
                           rows->integer(4)};
        if (relations.held_in_[column.frame].contains(column.table_no))
            relations.columns_.push_back(std::move(column));
    }
    return relations;
}

void Relations::set_expression(std::string called, std::string all) {
    expression_called_ = std::move(called);
    expression_all_ = std::move(all);
}

void Relations::keep_fields_of(std::string_view condition) {
    const std::string text = lower_case(condition);
    // Whole rows and columns by number name no column.
    for (const auto* whole : {"cells", "columns", "*", "#"})
        if (text.find(whole) != std::string::npos) return;
    for (const auto& field : api_fields())
        if (field.table != "cell") unneeded_tables_.insert(field.table);
    for (const auto& field : api_fields())
        if (text.find(lower_case(field.name)) != std::string::npos)
            unneeded_tables_.erase(field.table);
    if (!unneeded_tables_.contains("donor")) unneeded_tables_.erase("specimen");
    if (!unneeded_tables_.contains("specimen")) unneeded_tables_.erase("cell_suspension");
}

std::string Relations::dataset_list() const {
    std::string list = "-1";
    for (const auto& dataset : datasets_) list += fmt::format(", {}", dataset.dataset_no);
    return list;
}

namespace {

std::string type_of_both(const std::string& a, const std::string& b) {
    if (a == b) return a;
    const auto is_number = [](const std::string& type) {
        return type == "BIGINT" || type == "DOUBLE" || type == "FLOAT";
    };
    return is_number(a) && is_number(b) ? "DOUBLE" : "VARCHAR";
}

}  // namespace

std::vector<Relations::MergedColumn> Relations::merged(
    std::string_view frame, const std::set<std::string>& reserved) const {
    std::vector<MergedColumn> result;
    std::map<std::string, std::size_t> places;
    for (const auto& column : columns_) {
        if (column.frame != frame) continue;
        std::string name = column.sql_name;
        if (reserved.contains(lower_case(name))) name = "obs_" + name;
        const auto [place, is_new] = places.emplace(lower_case(name), result.size());
        if (is_new) result.push_back({name, column.type, {}});
        MergedColumn& into = result[place->second];
        into.type = type_of_both(into.type, column.type);
        into.positions.emplace(column.table_no, column.position);
    }
    return result;
}

std::string Relations::branch(std::string_view frame, bool with_cell_columns,
                              const std::vector<MergedColumn>& frame_columns, std::int64_t table_no,
                              const std::vector<const VisibleDataset*>& datasets) const {
    const bool is_obs = frame == "obs", is_empty = datasets.empty();
    // A dataset alone in its table is named by constants, so that a condition on its name leaves
    // the table unread.
    const bool is_alone = datasets.size() == 1;
    std::string text =
        is_empty   ? "SELECT '' AS dataset, '' AS dataset_id, '' AS revision, 0 AS dataset_no"
        : is_alone ? fmt::format(
                         "SELECT {} AS dataset, {} AS dataset_id, {} AS revision, {} AS dataset_no",
                         quoted_text(datasets[0]->dataset), quoted_text(datasets[0]->dataset_id),
                         quoted_text(datasets[0]->revision), datasets[0]->dataset_no)
                   : "SELECT known.dataset, known.dataset_id, known.revision, known.dataset_no";
    const auto add = [&](std::string_view name, std::string_view type) {
        text += is_empty ? fmt::format(", CAST(NULL AS {}) AS {}", type, name)
                         : fmt::format(", held.{}", name);
    };
    add(is_obs ? "cell_id" : "gene_id", "VARCHAR");
    add(is_obs ? "cell_index" : "gene_index", "INTEGER");
    if (!is_obs) add("featurekey", "VARCHAR");
    if (is_obs && !with_cell_columns) add("cellkey", "VARCHAR");
    if (with_cell_columns)
        for (const auto& [name, type] : cell_columns()) add(name, type);
    for (const auto& column : frame_columns) {
        const auto at = column.positions.find(table_no);
        const bool is_there = !is_empty && at != column.positions.end();
        text += fmt::format(", CAST({} AS {}) AS {}",
                            is_there ? fmt::format("held.o{}", at->second) : "NULL", column.type,
                            quoted_name(column.name));
    }
    if (is_empty) return text + " WHERE false";
    text += fmt::format(" FROM store.{}_{} AS held", is_obs ? "cells" : "var", table_no);
    if (is_alone)
        return text + (is_obs ? fmt::format(" WHERE held.loaded = {}", datasets[0]->loaded) : "");
    std::string list;
    for (const auto* dataset : datasets)
        list += fmt::format("{}{}", list.empty() ? "" : ", ", dataset->dataset_no);
    return text + fmt::format(" JOIN store.dataset AS known ON {} AND known.dataset_no IN ({})",
                              is_obs ? "known.loaded = held.loaded"
                                     : fmt::format("known.genes_in = {}", table_no),
                              list);
}

std::string Relations::union_of(std::string_view frame, bool with_cell_columns,
                                const std::set<std::string>& reserved) const {
    const auto columns = merged(frame, reserved);
    std::string all;
    const auto tables = held_in_.find(frame);
    if (tables != held_in_.end())
        for (const auto& [table_no, datasets] : tables->second)
            all += (all.empty() ? "" : " UNION ALL ") +
                   branch(frame, with_cell_columns, columns, table_no, datasets);
    return all.empty() ? branch(frame, with_cell_columns, columns, 0, {}) : all;
}

std::string Relations::select_dataset() const {
    return fmt::format(
        "SELECT dataset, dataset_id, revision, revision_number, bundle_uuid, bundle_version, "
        "bundle_uuid || '.' || bundle_version AS bundle_fqid, cells, genes FROM store.dataset "
        "WHERE dataset_no IN ({})",
        dataset_list());
}

std::string Relations::select_cell(bool called_only) const {
    std::string columns;
    for (const auto& [name, type] : cell_columns()) {
        if (name != "called") columns += fmt::format("{}, ", name);
    }
    Relations bare = *this;
    bare.columns_.clear();
    return fmt::format("SELECT {}called, dataset, cell_id, cell_index FROM ({}){}", columns,
                       bare.union_of("obs", true, {}), called_only ? " WHERE called" : "");
}

std::string Relations::select_cells() const {
    std::set<std::string> reserved;
    for (const auto& field : api_fields()) reserved.insert(lower_case(field.name));
    for (const auto& [name, type] : cell_columns()) reserved.insert(std::string(name));
    std::string fields;
    for (const auto& field : api_fields()) {
        if (unneeded_tables_.contains(field.table)) continue;
        fields += fmt::format(", {}.{} AS {}", field.table, field.column, quoted_name(field.name));
    }
    for (const auto& column : merged("obs", reserved)) {
        fields += fmt::format(", cell.{}", quoted_name(column.name));
    }
    // Both sides of each join are of one dataset: its own rows describe its cells, whatever
    // another dataset says of the same key.
    const auto join = [&](std::string_view table, std::string_view key,
                          std::string_view from) -> std::string {
        if (unneeded_tables_.contains(table)) return "";
        const std::string service = fmt::format("service_{}", table);
        return fmt::format(
            " LEFT JOIN {} AS {} ON {}.dataset_no = cell.dataset_no AND {}.{} = {}.{}",
            rows_of(find_biology_table(service) == nullptr ? table : service), table, table, table,
            key, from, key);
    };
    return fmt::format(
        "SELECT cell.dataset, cell.dataset_id, cell.revision, cell.cell_id, cell.cell_index, "
        "cell.cellkey, cell.stable_cellkey, cell.called{} FROM ({}) AS cell{}{}{}{}{}{}",
        fields, union_of("obs", true, reserved),
        join("cell_suspension", "cellsuspensionkey", "cell"),
        join("specimen", "specimenkey", "cell_suspension"), join("donor", "donorkey", "specimen"),
        join("library_preparation", "librarykey", "cell"), join("project", "projectkey", "cell"),
        join("analysis", "analysiskey", "cell"));
}

// A bundle's rows as the matrix service made them; what isn't a bundle has its own rows only.
std::string Relations::rows_of(std::string_view table) const {
    if (entities_of(table).empty()) return fmt::format("store.{}", table);
    return fmt::format(
        "(SELECT * FROM store.{0} UNION ALL SELECT * FROM store.{1} WHERE dataset_no NOT IN "
        "(SELECT dataset_no FROM store.{0}))",
        table, entities_of(table));
}

std::string Relations::select_biology(std::string_view name) const {
    const BiologyTable& table = *find_biology_table(name);
    std::string columns, keys;
    for (std::size_t at = 0; at < table.columns.size(); ++at) {
        columns += fmt::format("{}{}", at == 0 ? "" : ", ", table.columns[at]);
        if (at < table.key_columns) keys += fmt::format("{}, ", table.columns[at]);
    }
    const std::string where =
        fmt::format("WHERE dataset_no IN ({}{})", dataset_list(), name == "feature" ? ", 0" : "");
    if (table.key_columns == 0) {
        return fmt::format("SELECT DISTINCT {} FROM store.{} {}", columns, name, where);
    }
    keys.resize(keys.size() - 2);
    return fmt::format("SELECT DISTINCT ON ({}) {} FROM {} {} ORDER BY {}, dataset_no DESC", keys,
                       columns, rows_of(name), where, keys);
}

std::string Relations::select_provenance() const {
    std::string all;
    for (const auto& table : biology_tables()) {
        if (table.name == "link" || !entities_of(table.name).empty()) continue;
        all +=
            fmt::format("{}SELECT '{}' AS table_name, {} AS row_key, dataset_no FROM store.{}",
                        all.empty() ? "" : " UNION ALL ", table.name, table.columns[0], table.name);
    }
    return fmt::format(
        "SELECT DISTINCT table_name, row_key, dataset, dataset_id, revision, bundle_uuid, "
        "bundle_version FROM ({}) JOIN store.dataset USING (dataset_no) WHERE dataset_no IN ({})",
        all, dataset_list());
}

std::string Relations::select_ledger() const {
    std::string where;
    if (!everything_) {
        where = " WHERE dataset_id IN (''";
        for (const auto& id : scope_ids_) where += ", " + quoted_text(id);
        where += ") AND dataset_id <> ''";
    }
    return "SELECT load_id, action, dataset, dataset_id, revision, revision_number, bundle_uuid, "
           "bundle_version, source, content_key, row_count, committed_at FROM "
           "store.stl_load_commits" +
           where;
}

std::string Relations::select_of(std::string_view name) const {
    assert(is_relation(name));
    if (name == "dataset") return select_dataset();
    if (name == "cell" || name == "cell_all") return select_cell(name == "cell");
    if (name == "cells") return select_cells();
    if (name == "obs" || name == "var") {
        return fmt::format("SELECT * EXCLUDE (dataset_no) FROM ({})", union_of(name, false, {}));
    }
    if (name == "expression" || name == "expression_all") {
        return fmt::format(
            "SELECT cellkey, featurekey, exprtype, exrpvalue, exrpvalue AS exprvalue, dataset, "
            "cell_index, gene_index FROM {}",
            name == "expression" ? expression_called_ : expression_all_);
    }
    if (is_other(name))
        return fmt::format(
            "SELECT known.dataset, known.dataset_id, held.* FROM {} AS held JOIN store.dataset AS "
            "known ON known.revision = held.revision WHERE known.dataset_no IN ({})",
            others_.find(name)->second, dataset_list());
    if (name == "provenance") return select_provenance();
    if (name == "stl_load_commits") return select_ledger();
    return select_biology(name);
}

}  // namespace stroma::warehouse
