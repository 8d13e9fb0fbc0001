#include "warehouse/loading/told_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/digest.h"

namespace stroma::warehouse {

namespace {

using expression::Array;
using expression::Categorical;
using expression::Column;
using expression::TextArray;

/// The columns of obs that the biology tables are told by.
constexpr std::string_view telling_names[] = {"donor_id",
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

/// As the engine writes a number: "2.0", not "2".
template <class Real>
std::string text_of_real(Real value) {
    std::string text = fmt::format("{}", value);
    const bool looks_whole = text.find_first_not_of("-0123456789") == std::string::npos;
    return looks_whole ? text + ".0" : text;
}

/// The value in a row as text; null where it is missing.
sql::Value text_at(const Column& column, std::size_t row) {
    if (column.is_missing(row)) return {};
    const auto* numbers = std::get_if<Array>(&column.values);
    if (numbers == nullptr) return column.text(row);
    switch (numbers->type) {
        case expression::ValueType::boolean:
            return std::string(numbers->integer(row) != 0 ? "true" : "false");
        case expression::ValueType::float32:
            return text_of_real(static_cast<float>(numbers->number(row)));
        case expression::ValueType::float64:
        case expression::ValueType::uint64: return text_of_real(numbers->number(row));
        default: return fmt::format("{}", numbers->integer(row));
    }
}

/// Small numbers for the values of a column, equal for equal texts where it isn't categorical.
std::vector<std::uint32_t> numbered(const Column& column) {
    std::vector<std::uint32_t> numbers(column.size());
    if (const auto* categorical = std::get_if<Categorical>(&column.values)) {
        for (std::size_t row = 0; row < numbers.size(); ++row)
            numbers[row] = column.is_missing(row)
                               ? 0
                               : static_cast<std::uint32_t>(categorical->codes[row]) + 1;
        return numbers;
    }
    std::unordered_map<std::string, std::uint32_t> known;
    for (std::size_t row = 0; row < numbers.size(); ++row) {
        const sql::Value value = text_at(column, row);
        if (const auto* text = std::get_if<std::string>(&value))
            numbers[row] =
                known.emplace(*text, static_cast<std::uint32_t>(known.size()) + 1).first->second;
    }
    return numbers;
}

std::vector<std::uint32_t> numbered(const std::vector<sql::Value>& values) {
    std::map<sql::Value, std::uint32_t> known;
    std::vector<std::uint32_t> numbers;
    for (const auto& value : values)
        numbers.push_back(
            known.emplace(value, static_cast<std::uint32_t>(known.size())).first->second);
    return numbers;
}

std::string text_of(const sql::Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? "" : *text;
}

}  // namespace

/// The cells by what obs says of them: two cells are of one kind when it says the same.
class ToldRows::Kinds {
public:
    explicit Kinds(const RevisionRows& rows)
        : rows_(rows), kind_of_cell_(rows.obs->row_count(), 0) {
        for (const auto name : telling_names)
            if (const auto* column = rows.obs->find(name)) split(numbered(*column));
        for (const auto name : {"cellsuspensionkey", "librarykey"}) {
            const auto given = rows.cell_columns.find(name);
            if (given != rows.cell_columns.end()) split(numbered(given->second));
        }
        for (std::size_t cell = 0; cell < kind_of_cell_.size(); ++cell)
            if (kind_of_cell_[cell] == first_cells_.size()) first_cells_.push_back(cell);
    }

    std::size_t count() const { return first_cells_.size(); }
    sql::Value text(std::size_t kind, std::initializer_list<std::string_view> names) const {
        for (const auto name : names)
            if (const auto* column = rows_.obs->find(name))
                return text_at(*column, first_cells_[kind]);
        return {};
    }
    /// What the revision itself gives for the cells; else `derived`.
    sql::Value given_or(std::size_t kind, std::string_view name, const sql::Value& derived) const {
        const auto given = rows_.cell_columns.find(std::string(name));
        return given == rows_.cell_columns.end() ? derived : given->second[first_cells_[kind]];
    }
    /// A column with one text for each kind.
    Column spread(TextArray texts) const {
        Categorical values;
        values.categories = std::move(texts);
        values.codes.assign(kind_of_cell_.begin(), kind_of_cell_.end());
        return {"", std::move(values), {}};
    }

private:
    /// Numbers the kinds anew, by first cell.
    void split(const std::vector<std::uint32_t>& numbers) {
        std::unordered_map<std::uint64_t, std::uint32_t> known;
        std::uint64_t last = ~std::uint64_t{0};
        std::uint32_t kind = 0;
        for (std::size_t cell = 0; cell < numbers.size(); ++cell) {
            const std::uint64_t pair = std::uint64_t{kind_of_cell_[cell]} << 32 | numbers[cell];
            if (pair != last)
                kind = known.emplace(pair, static_cast<std::uint32_t>(known.size())).first->second;
            last = pair;
            kind_of_cell_[cell] = kind;
        }
    }

    const RevisionRows& rows_;
    std::vector<std::uint32_t> kind_of_cell_;
    std::vector<std::size_t> first_cells_;
};

ToldRows::ToldRows(const RevisionRows& rows, std::deque<expression::Column>& kept) : rows_(rows) {
    const bool tells_libraries = !has("library_preparation");
    if (derives_cells() || tells_libraries) {
        const Kinds kinds(rows);
        if (derives_cells()) tell_cells(kinds, kept);
        if (tells_libraries) tell_libraries(kinds, kept);
    }
    add_own_rows();
}

bool ToldRows::has(std::string_view table) const {
    const auto found = rows_.biology.find(std::string(table));
    return found != rows_.biology.end() && !found->second.empty();
}

sql::Value ToldRows::smallest_key(std::string_view table, std::string_view column) const {
    const auto found = rows_.biology.find(std::string(table));
    std::optional<std::string> smallest;
    if (found == rows_.biology.end()) return {};
    for (const auto& row : found->second) {
        const auto cell = row.find(std::string(column));
        const auto* key = cell == row.end() ? nullptr : std::get_if<std::string>(&cell->second);
        if (key != nullptr && (!smallest || *key < *smallest)) smallest = *key;
    }
    return smallest ? sql::Value(*smallest) : sql::Value();
}

sql::Value ToldRows::suspension_of_all() const {
    return smallest_key("cell_suspension", "cellsuspensionkey");
}

sql::Value ToldRows::library_of_all() const {
    return smallest_key("library_preparation", "librarykey");
}

sql::Value ToldRows::key_of_all(std::string_view table, std::string_view column) const {
    return has(table) ? smallest_key(table, column) : sql::Value(rows_.dataset);
}

std::string ToldRows::key_of(std::string_view kind, std::initializer_list<sql::Value> parts) const {
    std::string text = fmt::format("{}/{}", rows_.dataset, kind);
    for (const auto& part : parts) text += '\x1f' + text_of(part);
    return md5_hex(text);
}

void ToldRows::tell_cells(const Kinds& kinds, std::deque<expression::Column>& kept) {
    TextArray keys;
    for (std::size_t kind = 0; kind < kinds.count(); ++kind) {
        const auto ethnicity = kinds.text(kind, {"self_reported_ethnicity", "ethnicity"});
        const auto ethnicity_term = kinds.text(
            kind, {"self_reported_ethnicity_ontology_term_id", "ethnicity_ontology_term_id"});
        const auto disease = kinds.text(kind, {"disease"});
        const auto disease_term = kinds.text(kind, {"disease_ontology_term_id"});
        const auto stage = kinds.text(kind, {"development_stage"});
        const auto stage_term = kinds.text(kind, {"development_stage_ontology_term_id"});
        const auto sex = kinds.text(kind, {"sex"});
        const auto tissue = kinds.text(kind, {"tissue"});
        const auto tissue_term = kinds.text(kind, {"tissue_ontology_term_id"});
        const auto organism = kinds.text(kind, {"organism"});
        const auto organism_term = kinds.text(kind, {"organism_ontology_term_id"});
        const std::string donor =
            key_of("donor", {kinds.text(kind, {"donor_id"}), ethnicity, ethnicity_term, disease,
                             disease_term, stage, stage_term, sex});
        const std::string specimen = key_of("specimen", {donor, tissue, tissue_term});
        const std::string suspension = key_of("suspension", {specimen, organism, organism_term});
        keys.push_back(suspension);
        biology_["donor"].push_back({{"donorkey", donor},
                                     {"ethnicity_ontology", ethnicity_term},
                                     {"ethnicity_label", ethnicity},
                                     {"diseases_ontology", disease_term},
                                     {"diseases_label", disease},
                                     {"development_stage_ontology", stage_term},
                                     {"development_stage_label", stage},
                                     {"sex", sex}});
        biology_["specimen"].push_back({{"specimenkey", specimen},
                                        {"donorkey", donor},
                                        {"organ_ontology", tissue_term},
                                        {"organ_label", tissue},
                                        {"diseases_ontology", disease_term},
                                        {"diseases_label", disease}});
        biology_["cell_suspension"].push_back(
            {{"cellsuspensionkey", kinds.given_or(kind, "cellsuspensionkey", suspension)},
             {"specimenkey", specimen},
             {"derived_organ_ontology", tissue_term},
             {"derived_organ_label", tissue},
             {"genus_species_ontology", organism_term},
             {"genus_species_label", organism}});
    }
    suspensions_ = &kept.emplace_back(kinds.spread(std::move(keys)));
}

void ToldRows::tell_libraries(const Kinds& kinds, std::deque<expression::Column>& kept) {
    TextArray keys;
    for (std::size_t kind = 0; kind < kinds.count(); ++kind) {
        const auto assay = kinds.text(kind, {"assay"});
        const auto assay_term = kinds.text(kind, {"assay_ontology_term_id"});
        const std::string library = key_of("library", {assay, assay_term});
        keys.push_back(library);
        biology_["library_preparation"].push_back(
            {{"librarykey", kinds.given_or(kind, "librarykey", library)},
             {"construction_approach_ontology", assay_term},
             {"construction_approach_label", assay}});
    }
    libraries_ = &kept.emplace_back(kinds.spread(std::move(keys)));
}

void ToldRows::add_own_rows() {
    if (!has("project"))
        biology_["project"] = {{{"projectkey", rows_.dataset},
                                {"short_name", rows_.dataset_name},
                                {"title", rows_.dataset_name}}};
    if (has("analysis")) return;
    Row analysis = {{"analysiskey", rows_.dataset}};
    if (!rows_.bundle_uuid.empty()) {
        analysis["bundle_fqid"] = rows_.bundle_uuid + "." + rows_.bundle_version;
        analysis["bundle_uuid"] = rows_.bundle_uuid;
        analysis["bundle_version"] = rows_.bundle_version;
    }
    biology_["analysis"] = {std::move(analysis)};
}

}  // namespace stroma::warehouse
