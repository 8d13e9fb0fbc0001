#include "portal/facets.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace stroma::portal {
namespace {

constexpr std::size_t different_max = 1000;
constexpr std::size_t kept_max = 500;

using Counts = std::unordered_map<std::string, std::int64_t>;

std::optional<Counts> counts_of(const expression::Column& column) {
    Counts counts;
    if (const auto* labels = std::get_if<expression::Categorical>(&column.values)) {
        if (labels->category_count() > different_max) return std::nullopt;
        std::vector<std::int64_t> by_code(labels->category_count(), 0);
        for (const std::int32_t code : labels->codes)
            if (code >= 0) ++by_code[static_cast<std::size_t>(code)];
        for (std::size_t code = 0; code < by_code.size(); ++code)
            if (by_code[code] > 0) counts[labels->category_text(code)] += by_code[code];
        return counts;
    }
    for (std::size_t row = 0; row < column.size(); ++row) {
        if (column.is_missing(row)) continue;
        ++counts[column.text(row)];
        if (counts.size() > different_max) return std::nullopt;
    }
    return counts;
}

void add(std::vector<FacetValue>& values, std::string_view facet, const Counts& counts) {
    const auto first = static_cast<std::ptrdiff_t>(values.size());
    for (const auto& [value, cells] : counts)
        if (!value.empty() && value.size() <= 200 && value.find_first_of("\x1e\x1f") == value.npos)
            values.push_back({std::string(facet), value, cells});
    std::sort(values.begin() + first, values.end(), [](const auto& one, const auto& other) {
        return one.cells != other.cells ? one.cells > other.cells : one.value < other.value;
    });
    values.resize(std::min(values.size(), static_cast<std::size_t>(first) + kept_max));
}

}  // namespace

std::span<const Facet> all_facets() {
    static const Facet facets[] = {
        {"organism",
         "Organism",
         {"organism", "species", "organism_ontology_term_id"},
         {"NCBITaxon"}},
        {"tissue",
         "Tissue",
         {"tissue", "organ", "tissue_ontology_term_id"},
         {"UBERON", "ZFA", "FBbt", "WBbt", "CL", "CVCL"}},
        {"disease", "Disease", {"disease", "disease_ontology_term_id"}, {"MONDO", "PATO"}},
        {"assay", "Assay", {"assay", "technology", "assay_ontology_term_id"}, {"EFO"}},
        {"cell_type",
         "Cell type",
         {"cell_type", "celltype", "CellType", "cell_types", "bulk_labels",
          "cell_type_ontology_term_id"},
         {"CL", "ZFA", "FBbt", "WBbt"}},
        {"sex", "Sex", {"sex", "sex_ontology_term_id"}, {"PATO"}},
        {"development_stage",
         "Development stage",
         {"development_stage", "development_stage_ontology_term_id"},
         {"HsapDv", "MmusDv", "ZFS", "FBdv", "WBls"}},
        {"ethnicity",
         "Ethnicity",
         {"self_reported_ethnicity", "ethnicity", "self_reported_ethnicity_ontology_term_id"},
         {"HANCESTRO", "AfPO"}},
        {"suspension_type", "Suspension", {"suspension_type"}, {}},
        {"tissue_type", "Kind of tissue", {"tissue_type"}, {}},
    };
    return facets;
}

std::optional<std::size_t> facet_place(std::string_view name) {
    const auto facets = all_facets();
    const auto found = std::find_if(facets.begin(), facets.end(),
                                    [&](const Facet& facet) { return facet.name == name; });
    if (found == facets.end()) return std::nullopt;
    return static_cast<std::size_t>(found - facets.begin());
}

std::string uns_text(const expression::Dict& uns, std::string_view name) {
    for (const auto& [key, element] : uns) {
        if (key != name) continue;
        const auto* grid = std::get_if<expression::TextGrid>(&element.value);
        if (grid != nullptr && grid->texts.size() == 1) return std::string(grid->texts[0]);
    }
    return "";
}

Result<std::vector<FacetValue>> facets_of(const expression::SealedDataset& dataset) {
    std::vector<FacetValue> values;
    const std::vector<std::string> names = dataset.obs_column_names();
    const expression::Dict uns = TRY(dataset.annotations("uns"));
    for (const Facet& facet : all_facets()) {
        const auto column =
            std::find_if(facet.columns.begin(), facet.columns.end(), [&](std::string_view wanted) {
                return std::find(names.begin(), names.end(), wanted) != names.end();
            });
        if (column != facet.columns.end()) {
            if (const auto counts = counts_of(TRY(dataset.obs_column(*column))))
                add(values, facet.name, *counts);
            continue;
        }
        for (const std::string_view name : facet.columns)
            if (const std::string text = uns_text(uns, name); !text.empty()) {
                add(values, facet.name,
                    {{text, static_cast<std::int64_t>(dataset.summary().cells)}});
                break;
            }
    }
    return values;
}

}  // namespace stroma::portal
