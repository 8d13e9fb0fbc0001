#include "warehouse/cell_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "warehouse/frame_names.h"
#include "warehouse/frame_scan.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

using expression::Frame;

const std::vector<std::pair<std::string_view, std::string_view>>& cell_columns() {
    static const std::vector<std::pair<std::string_view, std::string_view>> columns = {
        {"cellkey", "VARCHAR"},
        {"stable_cellkey", "VARCHAR"},
        {"cellsuspensionkey", "VARCHAR"},
        {"projectkey", "VARCHAR"},
        {"librarykey", "VARCHAR"},
        {"analysiskey", "VARCHAR"},
        {"file_uuid", "VARCHAR"},
        {"file_version", "VARCHAR"},
        {"barcode", "VARCHAR"},
        {"genes_detected", "BIGINT"},
        {"total_umis", "BIGINT"},
        {"emptydrops_is_cell", "BOOLEAN"},
        {"called", "BOOLEAN"}};
    return columns;
}

std::span<const std::string_view> fixed_obs_names() {
    static constexpr std::string_view names[] = {"dataset", "dataset_id", "revision",
                                                 "cell_id", "cell_index", "cellkey"};
    return names;
}

std::span<const std::string_view> fixed_var_names() {
    static constexpr std::string_view names[] = {"dataset", "dataset_id", "revision",
                                                 "gene_id", "gene_index", "featurekey"};
    return names;
}

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

namespace {

std::string_view cell_column_type(std::string_view name) {
    for (const auto& [known, type] : cell_columns()) {
        if (known == name) return type;
    }
    return "";
}

bool has_type(const sql::Value& value, std::string_view type) {
    if (std::holds_alternative<std::monostate>(value)) return true;
    if (type == "BIGINT") return std::holds_alternative<std::int64_t>(value);
    if (type == "BOOLEAN") return std::holds_alternative<bool>(value);
    return std::holds_alternative<std::string>(value);
}

Result<void> check_cell_columns(const RevisionRows& rows) {
    for (const auto& [name, values] : rows.cell_columns) {
        const std::string_view type = cell_column_type(name);
        if (type.empty()) {
            return fail(ErrorCode::invalid_input, "table cell has no column '" + name + "'");
        }
        if (values.size() != rows.obs->row_count()) {
            return fail(ErrorCode::invalid_input,
                        fmt::format("column {} of table cell has {} values for {} cells", name,
                                    values.size(), rows.obs->row_count()));
        }
        for (const auto& value : values) {
            if (has_type(value, type)) continue;
            return fail(ErrorCode::invalid_input,
                        fmt::format("column {} of table cell takes {} only", name, type));
        }
    }
    return {};
}

}  // namespace

Result<void> check_table_rows(std::string_view name, const std::vector<Row>& rows) {
    const BiologyTable* table = find_biology_table(name);
    if (table == nullptr) {
        return fail(ErrorCode::invalid_input, fmt::format("the warehouse has no table '{}'", name));
    }
    for (const auto& row : rows) {
        for (const auto& [column, value] : row) {
            const bool known = std::find(table->columns.begin(), table->columns.end(), column) !=
                               table->columns.end();
            if (known) continue;
            return fail(ErrorCode::invalid_input,
                        fmt::format("table {} has no column '{}'", name, column));
        }
    }
    return {};
}

Result<void> check_rows(const RevisionRows& rows) {
    if (rows.dataset.empty() || rows.revision.empty()) {
        return fail(ErrorCode::invalid_input, "a load needs a dataset and a revision");
    }
    if (rows.obs == nullptr || rows.var == nullptr) {
        return fail(ErrorCode::invalid_input, "a load needs obs and var");
    }
    const std::size_t cells = rows.obs->row_count();
    if ((!rows.cell_totals.empty() && rows.cell_totals.size() != cells) ||
        (!rows.genes_detected.empty() && rows.genes_detected.size() != cells)) {
        return fail(ErrorCode::invalid_input,
                    fmt::format("totals for {} and gene counts for {} of {} cells",
                                rows.cell_totals.size(), rows.genes_detected.size(), cells));
    }
    TRY(check_cell_columns(rows));
    for (const auto& [table, table_rows] : rows.biology) {
        TRY(check_table_rows(table, table_rows));
    }
    return {};
}

namespace {

/// A column of a biology table that obs tells, as an expression over store.cells_<loaded>.
struct ToldColumn {
    std::string_view table, column;
    std::string expression;
};

/// The columns of obs that the biology tables are told by.
std::span<const std::string_view> telling_names() {
    static constexpr std::string_view names[] = {"donor_id",
                                                 "self_reported_ethnicity",
                                                 "ethnicity",
                                                 "self_reported_ethnicity_ontology_term_id",
                                                 "ethnicity_ontology_term_id",
                                                 "disease",
                                                 "disease_ontology_term_id",
                                                 "development_stage",
                                                 "development_stage_ontology_term_id",
                                                 "sex",
                                                 "tissue",
                                                 "tissue_ontology_term_id",
                                                 "organism",
                                                 "organism_ontology_term_id",
                                                 "assay",
                                                 "assay_ontology_term_id"};
    return names;
}

/// Builds the statement that makes store.cells_<loaded> out of a scan.
class CellTable {
public:
    CellTable(const RevisionRows& rows, std::int64_t loaded)
        : rows_(rows), loaded_(loaded), named_(name_columns(*rows.obs, fixed_obs_names(), "obs")) {}

    std::vector<ScannedColumn> scanned() const;
    std::string create_statement(const std::string& relation) const;
    std::vector<ToldColumn> told_columns() const;
    /// Gives those columns, once for each combination of what obs says.
    std::string told_statement(const std::vector<ToldColumn>& told) const;
    /// What is told of the dataset as a whole.
    void add_own_rows(BiologyRows& told) const;
    const std::vector<NamedColumn>& named() const { return named_; }

private:
    bool has(std::string_view table) const {
        const auto found = rows_.biology.find(std::string(table));
        return found != rows_.biology.end() && !found->second.empty();
    }
    std::string smallest_key(std::string_view table, std::string_view column) const;
    std::string physical(std::string_view obs_name) const;
    std::string first_of(std::initializer_list<std::string_view> names) const;
    std::string key_of(std::string_view kind, std::initializer_list<std::string> parts) const;
    std::string value_of(std::string_view column) const;
    bool totals_are_whole() const;

    bool derives_cells() const {
        return !has("donor") && !has("specimen") && !has("cell_suspension");
    }
    // What obs calls them in the CELLxGENE schema.
    std::string ethnicity() const { return first_of({"self_reported_ethnicity", "ethnicity"}); }
    std::string ethnicity_term() const {
        return first_of({"self_reported_ethnicity_ontology_term_id", "ethnicity_ontology_term_id"});
    }
    std::string donor_key() const {
        return key_of("donor",
                      {physical("donor_id"), ethnicity(), ethnicity_term(), physical("disease"),
                       physical("disease_ontology_term_id"), physical("development_stage"),
                       physical("development_stage_ontology_term_id"), physical("sex")});
    }
    std::string specimen_key() const {
        return key_of("specimen",
                      {donor_key(), physical("tissue"), physical("tissue_ontology_term_id")});
    }
    std::string suspension_key() const {
        return key_of("suspension", {specimen_key(), physical("organism"),
                                     physical("organism_ontology_term_id")});
    }
    std::string library_key() const {
        return key_of("library", {physical("assay"), physical("assay_ontology_term_id")});
    }

    const RevisionRows& rows_;
    std::int64_t loaded_;
    std::vector<NamedColumn> named_;
};

std::vector<ScannedColumn> CellTable::scanned() const {
    std::vector<ScannedColumn> columns;
    columns.push_back({.name = "cell_index", .sql_type = "BIGINT", .row_number = true});
    columns.push_back({.name = "cell_id", .sql_type = "VARCHAR", .texts = &rows_.obs->index});
    for (const auto& [name, values] : rows_.cell_columns) {
        columns.push_back(
            {.name = name, .sql_type = std::string(cell_column_type(name)), .values = &values});
    }
    columns.push_back({.name = "total_of_cell", .sql_type = "DOUBLE", .reals = &rows_.cell_totals});
    columns.push_back(
        {.name = "genes_of_cell", .sql_type = "BIGINT", .counts = &rows_.genes_detected});
    for (std::size_t at = 0; at < named_.size(); ++at) {
        columns.push_back({.name = "o" + std::to_string(at),
                           .sql_type = named_[at].sql_type,
                           .column = named_[at].column});
    }
    return columns;
}

std::string CellTable::smallest_key(std::string_view table, std::string_view column) const {
    const auto found = rows_.biology.find(std::string(table));
    std::optional<std::string> smallest;
    if (found == rows_.biology.end()) return "NULL";
    for (const auto& row : found->second) {
        const auto cell = row.find(std::string(column));
        const auto* key = cell == row.end() ? nullptr : std::get_if<std::string>(&cell->second);
        if (key != nullptr && (!smallest || *key < *smallest)) smallest = *key;
    }
    return smallest ? quoted_text(*smallest) : "NULL";
}

std::string CellTable::physical(std::string_view obs_name) const {
    for (std::size_t at = 0; at < named_.size(); ++at) {
        if (named_[at].column->name == obs_name) {
            return "CAST(o" + std::to_string(at) + " AS VARCHAR)";
        }
    }
    return "CAST(NULL AS VARCHAR)";
}

std::string CellTable::first_of(std::initializer_list<std::string_view> names) const {
    for (const auto name : names) {
        if (rows_.obs->find(name) != nullptr) return physical(name);
    }
    return "CAST(NULL AS VARCHAR)";
}

std::string CellTable::key_of(std::string_view kind,
                              std::initializer_list<std::string> parts) const {
    std::string text = fmt::format("md5({} || '/{}'", quoted_text(rows_.dataset), kind);
    for (const auto& part : parts) text += fmt::format(" || chr(31) || coalesce({}, '')", part);
    return text + ")";
}

bool CellTable::totals_are_whole() const {
    return std::all_of(rows_.cell_totals.begin(), rows_.cell_totals.end(), [](double total) {
        return total >= 0 && total < 9e15 && total == std::floor(total);
    });
}

std::string CellTable::value_of(std::string_view column) const {
    if (rows_.cell_columns.contains(std::string(column))) return quoted_name(column);
    if (column == "cellkey" || column == "stable_cellkey") {
        return fmt::format("md5({} || '/' || cell_id)", quoted_text(rows_.dataset));
    }
    if (column == "cellsuspensionkey") {
        return derives_cells() ? suspension_key() : smallest_key("cell_suspension", column);
    }
    if (column == "librarykey") {
        return has("library_preparation") ? smallest_key("library_preparation", column)
                                          : library_key();
    }
    if (column == "projectkey" || column == "analysiskey") {
        const std::string_view table = column == "projectkey" ? "project" : "analysis";
        return has(table) ? smallest_key(table, column) : quoted_text(rows_.dataset);
    }
    if (column == "genes_detected" && !rows_.genes_detected.empty()) return "genes_of_cell";
    if (column == "total_umis" && !rows_.cell_totals.empty() && totals_are_whole()) {
        return "total_of_cell";
    }
    if (column == "called") {
        if (!is_called_by_total(rows_)) return "true";
        return fmt::format("coalesce({} >= 100, false)", value_of("total_umis"));
    }
    return "NULL";
}

std::string CellTable::create_statement(const std::string& relation) const {
    std::string columns = "CAST(cell_index AS INTEGER) AS cell_index, cell_id";
    for (const auto& [name, type] : cell_columns()) {
        columns += fmt::format(", CAST({} AS {}) AS {}", value_of(name), type, name);
    }
    for (std::size_t at = 0; at < named_.size(); ++at) {
        columns += fmt::format(", CAST(o{} AS {}) AS o{}", at, named_[at].sql_type, at);
    }
    return fmt::format("CREATE TABLE store.cells_{} AS SELECT {} FROM {}", loaded_, columns,
                       relation);
}

std::vector<ToldColumn> CellTable::told_columns() const {
    std::vector<ToldColumn> told;
    const auto add = [&](std::string_view table,
                         std::initializer_list<std::pair<std::string_view, std::string>> columns) {
        for (const auto& [column, expression] : columns)
            told.push_back({table, column, expression});
    };
    const std::string tissue = physical("tissue"), disease = physical("disease");
    const std::string tissue_term = physical("tissue_ontology_term_id");
    const std::string disease_term = physical("disease_ontology_term_id");
    if (derives_cells()) {
        add("donor",
            {{"donorkey", donor_key()},
             {"ethnicity_ontology", ethnicity_term()},
             {"ethnicity_label", ethnicity()},
             {"diseases_ontology", disease_term},
             {"diseases_label", disease},
             {"development_stage_ontology", physical("development_stage_ontology_term_id")},
             {"development_stage_label", physical("development_stage")},
             {"sex", physical("sex")}});
        add("specimen", {{"specimenkey", specimen_key()},
                         {"donorkey", donor_key()},
                         {"organ_ontology", tissue_term},
                         {"organ_label", tissue},
                         {"diseases_ontology", disease_term},
                         {"diseases_label", disease}});
        add("cell_suspension", {{"cellsuspensionkey", "cellsuspensionkey"},
                                {"specimenkey", specimen_key()},
                                {"derived_organ_ontology", tissue_term},
                                {"derived_organ_label", tissue},
                                {"genus_species_ontology", physical("organism_ontology_term_id")},
                                {"genus_species_label", physical("organism")}});
    }
    if (!has("library_preparation")) {
        add("library_preparation",
            {{"librarykey", "librarykey"},
             {"construction_approach_ontology", physical("assay_ontology_term_id")},
             {"construction_approach_label", physical("assay")}});
    }
    return told;
}

std::string CellTable::told_statement(const std::vector<ToldColumn>& told) const {
    std::string columns = "cellsuspensionkey, librarykey", expressions;
    for (std::size_t at = 0; at < named_.size(); ++at) {
        const auto& names = telling_names();
        if (std::find(names.begin(), names.end(), named_[at].column->name) != names.end())
            columns += fmt::format(", o{}", at);
    }
    for (const ToldColumn& column : told)
        expressions += (expressions.empty() ? "" : ", ") + column.expression;
    return fmt::format("SELECT {} FROM (SELECT DISTINCT {} FROM store.cells_{})", expressions,
                       columns, loaded_);
}

void CellTable::add_own_rows(BiologyRows& told) const {
    if (!has("project"))
        told["project"] = {{{"projectkey", rows_.dataset},
                            {"short_name", rows_.dataset_name},
                            {"title", rows_.dataset_name}}};
    if (has("analysis")) return;
    Row analysis = {{"analysiskey", rows_.dataset}};
    if (!rows_.bundle_uuid.empty()) {
        analysis["bundle_fqid"] = rows_.bundle_uuid + "." + rows_.bundle_version;
        analysis["bundle_uuid"] = rows_.bundle_uuid;
        analysis["bundle_version"] = rows_.bundle_version;
    }
    told["analysis"] = {std::move(analysis)};
}

Result<void> note_columns(sql::Connection& connection, std::int64_t dataset_no,
                          std::string_view frame, const std::vector<NamedColumn>& named) {
    auto appender = TRY(connection.append_to("store.frame_column"));
    for (std::size_t at = 0; at < named.size(); ++at) {
        const sql::Value row[] = {dataset_no,
                                  std::string(frame),
                                  static_cast<std::int64_t>(at),
                                  named[at].column->name,
                                  named[at].sql_name,
                                  named[at].sql_type};
        TRY(appender->append(row));
    }
    return appender->finish();
}

Result<void> write_genes(Warehouse::State& state, sql::Connection& connection,
                         const RevisionRows& rows, std::int64_t dataset_no, std::int64_t loaded) {
    const auto named = name_columns(*rows.var, fixed_var_names(), "var");
    expression::TextArray keys;
    for (const auto& key : featurekeys_of(*rows.var)) keys.push_back(key);
    std::vector<ScannedColumn> columns = {
        {.name = "gene_index", .sql_type = "BIGINT", .row_number = true},
        {.name = "gene_id", .sql_type = "VARCHAR", .texts = &rows.var->index},
        {.name = "featurekey", .sql_type = "VARCHAR", .texts = &keys}};
    std::string selected = "CAST(gene_index AS INTEGER) AS gene_index, gene_id, featurekey";
    for (std::size_t at = 0; at < named.size(); ++at) {
        columns.push_back({.name = "o" + std::to_string(at),
                           .sql_type = named[at].sql_type,
                           .column = named[at].column});
        selected += fmt::format(", CAST(o{} AS {}) AS o{}", at, named[at].sql_type, at);
    }
    const ScanRegistry::Ticket ticket(*state.scans,
                                      scan_columns(std::move(columns), rows.var->row_count()));
    TRY(connection.change(fmt::format("CREATE TABLE store.var_{} AS SELECT {} FROM {}", loaded,
                                      selected, ticket.relation())));
    return note_columns(connection, dataset_no, "var", named);
}

}  // namespace

Result<void> write_frames(Warehouse::State& state, sql::Connection& connection,
                          const RevisionRows& rows, std::int64_t dataset_no, std::int64_t loaded) {
    const CellTable table(rows, loaded);
    {
        auto columns = table.scanned();
        std::erase_if(columns, [&](const ScannedColumn& column) {
            return (column.reals != nullptr && column.reals->empty()) ||
                   (column.counts != nullptr && column.counts->empty());
        });
        const ScanRegistry::Ticket ticket(*state.scans,
                                          scan_columns(std::move(columns), rows.obs->row_count()));
        TRY(connection.change(table.create_statement(ticket.relation())));
    }
    TRY(note_columns(connection, dataset_no, "obs", table.named()));
    return write_genes(state, connection, rows, dataset_no, loaded);
}

Result<BiologyRows> told_by_obs(sql::Connection& connection, const RevisionRows& rows,
                                std::int64_t loaded) {
    const CellTable table(rows, loaded);
    BiologyRows told;
    table.add_own_rows(told);
    const auto columns = table.told_columns();
    if (columns.empty()) return told;
    const auto found = TRY(connection.execute(table.told_statement(columns), {}));
    while (TRY(found->next())) {
        std::map<std::string_view, Row> made;
        for (std::size_t at = 0; at < columns.size(); ++at)
            made[columns[at].table].emplace(columns[at].column, found->value(at));
        for (auto& [name, row] : made) told[std::string(name)].push_back(std::move(row));
    }
    return told;
}

}  // namespace stroma::warehouse
