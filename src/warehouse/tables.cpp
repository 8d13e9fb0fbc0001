#include "warehouse/tables.h"

#include <algorithm>

#include "warehouse/schema.h"

namespace stroma::warehouse {

namespace {

constexpr std::string_view service_prefix = "service_";

std::vector<BiologyTable> all_tables() {
    std::vector<BiologyTable> tables = {
        {"analysis",
         {"analysiskey", "bundle_fqid", "bundle_uuid", "bundle_version", "protocol",
          "awg_disposition"},
         1},
        {"donor",
         {"donorkey", "ethnicity_ontology", "ethnicity_label", "diseases_ontology",
          "diseases_label", "development_stage_ontology", "development_stage_label", "sex",
          "is_living"},
         1},
        {"specimen",
         {"specimenkey", "donorkey", "organ_ontology", "organ_label", "organ_parts_ontology",
          "organ_parts_label", "diseases_ontology", "diseases_label"},
         1},
        {"cell_suspension",
         {"cellsuspensionkey", "specimenkey", "derived_organ_ontology", "derived_organ_label",
          "derived_organ_parts_ontology", "derived_organ_parts_label", "genus_species_ontology",
          "genus_species_label"},
         1},
        {"library_preparation",
         {"librarykey", "input_nucleic_acid_ontology", "input_nucleic_acid_label",
          "construction_approach_ontology", "construction_approach_label", "end_bias", "strand"},
         1},
        {"project", {"projectkey", "short_name", "title"}, 1},
        {"publication", {"projectkey", "pub_title", "pub_doi"}, 0},
        {"contributor", {"projectkey", "cont_name", "cont_institution"}, 0},
        {"feature",
         {"featurekey", "source", "featurename", "featuretype", "chromosome", "featurestart",
          "featureend", "isgene", "genus_species"},
         1},
        {"document",
         {"document_id", "document_type", "document_version", "file_name", "content"},
         1},
        {"file", {"file_uuid", "file_version", "file_name", "content_type", "size", "sha256"}, 2},
        {"link",
         {"process_id", "link_type", "source_id", "source_type", "target_id", "target_type"},
         0},
    };
    for (const std::string_view name : {"service_donor", "service_specimen",
                                        "service_cell_suspension", "service_library_preparation"}) {
        const auto entities = std::find_if(tables.begin(), tables.end(), [&](const auto& table) {
            return table.name == entities_of(name);
        });
        BiologyTable table = *entities;
        table.name = name;
        tables.push_back(std::move(table));
    }
    return tables;
}

}  // namespace

const std::vector<BiologyTable>& biology_tables() {
    static const std::vector<BiologyTable> tables = all_tables();
    return tables;
}

std::string_view entities_of(std::string_view table) {
    return table.starts_with(service_prefix) ? table.substr(service_prefix.size()) : "";
}

const BiologyTable* find_biology_table(std::string_view name) {
    for (const auto& table : biology_tables()) {
        if (table.name == name) return &table;
    }
    return nullptr;
}

std::string_view sql_type_of(std::string_view column) {
    if (column == "featurestart" || column == "featureend" || column == "size") return "BIGINT";
    if (column == "isgene") return "BOOLEAN";
    return "VARCHAR";
}

std::span<const sql::Migration> warehouse_migrations() {
    static const sql::Migration migrations[] = {{1, schema_0001}, {2, schema_0002}};
    return migrations;
}

namespace {
std::string quoted_with(std::string_view text, char mark) {
    std::string result(1, mark);
    for (const char letter : text) {
        result += letter;
        if (letter == mark) result += mark;
    }
    return result + mark;
}
}  // namespace

std::string quoted_name(std::string_view name) { return quoted_with(name, '"'); }
std::string quoted_text(std::string_view text) { return quoted_with(text, '\''); }

}  // namespace stroma::warehouse
