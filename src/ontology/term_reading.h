#pragma once

#include "ontology/term_file.h"

// Private to this folder: what both readers share.

namespace stroma::ontology {

constexpr std::size_t terms_max = 3'000'000;
constexpr std::size_t list_max = 2000;  ///< synonyms or parents of one term
constexpr std::size_t text_bytes_max = 4000;

/// A file's terms before it is known which are its own.
struct ReadTerms {
    std::string ontology, version;
    std::vector<Term> terms;
};
Result<ReadTerms> read_obo(std::string_view text);
Result<ReadTerms> read_obo_graph(std::string_view text);

/// "http://purl.obolibrary.org/obo/UBERON_0002048" → "UBERON:0002048"; ids stay as they are.
std::string id_of_iri(std::string_view iri);

}  // namespace stroma::ontology
