#include "warehouse/tables.h"

#include <algorithm>
#include <array>

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

namespace {

constexpr auto numeric = FieldKind::numeric;
constexpr auto categorical = FieldKind::categorical;

constexpr std::array<ApiField, 43> fields = {{
    {"genes_detected", "cell", "genes_detected", numeric,
     "Number of features with a count in the cell"},
    {"total_umis", "cell", "total_umis", numeric, "Number of molecules counted in the cell"},
    {"barcode", "cell", "barcode", categorical, "Cell barcode, where the method has one"},
    {"emptydrops_is_cell", "cell", "emptydrops_is_cell", FieldKind::boolean,
     "Whether emptyDrops calls the barcode a cell"},
    {"file_uuid", "cell", "file_uuid", categorical, "Id of the file that the counts come from"},
    {"file_version", "cell", "file_version", categorical, "Version of that file"},
    {"cell_suspension.provenance.document_id", "cell_suspension", "cellsuspensionkey", categorical,
     "Id of the cell suspension"},
    {"cell_suspension.genus_species.ontology", "cell_suspension", "genus_species_ontology",
     categorical, "Species of the cells, ontology id"},
    {"cell_suspension.genus_species.ontology_label", "cell_suspension", "genus_species_label",
     categorical, "Species of the cells"},
    {"derived_organ_ontology", "cell_suspension", "derived_organ_ontology", categorical,
     "Organ that the cells stand for (organoid, cell line or specimen), ontology id"},
    {"derived_organ_label", "cell_suspension", "derived_organ_label", categorical,
     "Organ that the cells stand for (organoid, cell line or specimen)"},
    {"derived_organ_parts_ontology", "cell_suspension", "derived_organ_parts_ontology", categorical,
     "Parts of that organ, ontology ids"},
    {"derived_organ_parts_label", "cell_suspension", "derived_organ_parts_label", categorical,
     "Parts of that organ"},
    {"specimen_from_organism.provenance.document_id", "specimen", "specimenkey", categorical,
     "Id of the specimen"},
    {"specimen_from_organism.organ.ontology", "specimen", "organ_ontology", categorical,
     "Organ of the specimen, ontology id"},
    {"specimen_from_organism.organ.ontology_label", "specimen", "organ_label", categorical,
     "Organ of the specimen"},
    {"specimen_from_organism.organ_parts.ontology", "specimen", "organ_parts_ontology", categorical,
     "Parts of the organ, ontology ids"},
    {"specimen_from_organism.organ_parts.ontology_label", "specimen", "organ_parts_label",
     categorical, "Parts of the organ"},
    {"donor_organism.provenance.document_id", "donor", "donorkey", categorical, "Id of the donor"},
    {"donor_organism.human_specific.ethnicity.ontology", "donor", "ethnicity_ontology", categorical,
     "Ethnicity of the donor, ontology id"},
    {"donor_organism.human_specific.ethnicity.ontology_label", "donor", "ethnicity_label",
     categorical, "Ethnicity of the donor"},
    {"donor_organism.diseases.ontology", "donor", "diseases_ontology", categorical,
     "Diseases of the donor, ontology ids"},
    {"donor_organism.diseases.ontology_label", "donor", "diseases_label", categorical,
     "Diseases of the donor"},
    {"donor_organism.development_stage.ontology", "donor", "development_stage_ontology",
     categorical, "Development stage of the donor, ontology id"},
    {"donor_organism.development_stage.ontology_label", "donor", "development_stage_label",
     categorical, "Development stage of the donor"},
    {"donor_organism.sex", "donor", "sex", categorical, "Sex of the donor"},
    {"donor_organism.is_living", "donor", "is_living", categorical,
     "Whether the donor was alive when sampled"},
    {"library_preparation_protocol.provenance.document_id", "library_preparation", "librarykey",
     categorical, "Id of the library preparation protocol"},
    {"library_preparation_protocol.input_nucleic_acid_molecule.ontology", "library_preparation",
     "input_nucleic_acid_ontology", categorical, "Molecule the library was made from, ontology id"},
    {"library_preparation_protocol.input_nucleic_acid_molecule.ontology_label",
     "library_preparation", "input_nucleic_acid_label", categorical,
     "Molecule the library was made from"},
    {"library_preparation_protocol.library_construction_method.ontology", "library_preparation",
     "construction_approach_ontology", categorical, "Method of library construction, ontology id"},
    {"library_preparation_protocol.library_construction_method.ontology_label",
     "library_preparation", "construction_approach_label", categorical,
     "Method of library construction"},
    {"library_preparation_protocol.end_bias", "library_preparation", "end_bias", categorical,
     "Which end of the transcript is read"},
    {"library_preparation_protocol.strand", "library_preparation", "strand", categorical,
     "Which strand is read"},
    {"project.provenance.document_id", "project", "projectkey", categorical, "Id of the project"},
    {"project.project_core.project_short_name", "project", "short_name", categorical,
     "Short name of the project"},
    {"project.project_core.project_title", "project", "title", categorical, "Title of the project"},
    {"analysis_protocol.provenance.document_id", "analysis", "analysiskey", categorical,
     "Id of the analysis protocol"},
    {"analysis_protocol.protocol_core.protocol_id", "analysis", "protocol", categorical,
     "Name of the analysis pipeline"},
    {"dss_bundle_fqid", "analysis", "bundle_fqid", categorical, "Bundle id and version"},
    {"bundle_uuid", "analysis", "bundle_uuid", categorical, "Bundle id"},
    {"bundle_version", "analysis", "bundle_version", categorical, "Bundle version"},
    {"analysis_working_group_approval_status", "analysis", "awg_disposition", categorical,
     "\"blessed\" for the standard pipelines, else \"community\""},
}};

}  // namespace

std::span<const ApiField> api_fields() { return fields; }

std::span<const sql::Migration> warehouse_migrations() {
    static const sql::Migration migrations[] = {
        {1, schema_0001}, {2, schema_0002}, {3, schema_0003}};
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
