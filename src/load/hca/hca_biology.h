#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "load/hca/hca_metadata.h"

// Inside of the HCA metadata reader: how documents become rows.

namespace stroma::loading {

struct ParsedDocument {
    std::string id, type, file;
    Json json;
};

/// The text at a path of member names, "" when there is none.
std::string text_at(const Json& json, std::initializer_list<const char*> path);

/// Fills rows, compatibility, analysis_protocol and notes from the documents (sorted by id) and
/// metadata.links.
void build_biology(const std::vector<ParsedDocument>& documents, const OntologyLabels& labels,
                   HcaMetadata& metadata);

}  // namespace stroma::loading
