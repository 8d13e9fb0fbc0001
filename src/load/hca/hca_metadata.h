#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expression/input_files.h"
#include "warehouse/warehouse.h"

namespace stroma::loading {

/// Labels of ontology terms that metadata files name by id alone. From schema/ontology_labels.tsv.
class OntologyLabels {
public:
    /// Lines "term<TAB>label"; lines that begin with '#' are skipped.
    static OntologyLabels parse(std::string_view tsv);
    /// The table that is built in: schema/ontology_labels.tsv.
    static OntologyLabels shipped();
    /// The label, "" when not known; CL_0000001 is taken as CL:0000001.
    std::string_view find(std::string_view term) const;

private:
    std::map<std::string, std::string, std::less<>> labels_;
};

/// One entity of a bundle: a JSON document with its own id.
struct HcaDocument {
    std::string id;    ///< provenance.document_id
    std::string type;  ///< "donor_organism", "cell_suspension", "analysis_protocol"...
    std::string file;  ///< the file it came from
    std::string text;  ///< the JSON as it came
};

/// One arrow of links.json: what a process made of what, and by which protocol.
struct HcaLink {
    std::string process, input, output;
    std::string input_type, output_type;  ///< "biomaterial", "file"
    std::vector<std::string> protocols;   ///< ids
};

/// The biology of a bundle. Tables and columns: section "warehouse" of docs/hca-bundles.md.
struct HcaMetadata {
    /// donor, specimen, cell_suspension, library_preparation, project, publication, contributor:
    /// one row for every entity, under its real key. (analysis is added by read_hca_bundle, which
    /// knows the FQID.)
    std::map<std::string, std::vector<warehouse::Row>> rows;
    /// The view of the old matrix service: one row a table with the smallest key, in which a value
    /// that the entities disagree on is "". donor, specimen, cell_suspension, library_preparation,
    /// project, analysis.
    std::map<std::string, warehouse::Row> compatibility;
    std::vector<HcaDocument> documents;
    std::vector<HcaLink> links;
    /// protocol_core.protocol_id of the analysis protocols, "" without one; the smallest.
    std::string analysis_protocol;
    std::vector<std::string> notes;
};

/// Reads every metadata file of a bundle's folder: one JSON a file (schemas since v6), the bundled
/// files of v5 (biomaterial.json, protocol.json ...), or one metadata.json of file name → content.
/// Labels: ontology_label, else the table, else text. Lists are joined by ';'.
/// errors  invalid_input  a metadata file that isn't JSON (names it)
Result<HcaMetadata> read_hca_metadata(expression::InputFiles& files, const OntologyLabels& labels);

}  // namespace stroma::loading
