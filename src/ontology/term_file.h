#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::ontology {

/// One term, as its ontology has it.
struct Term {
    std::string id, name;              ///< "UBERON:0002048", "lung"
    std::vector<std::string> exact;    ///< synonyms that name the same thing
    std::vector<std::string> related;  ///< narrower, broader or looser ones
    std::vector<std::string> parents;  ///< ids: is_a and part_of
    bool is_deprecated = false;
    std::string replaced_by;  ///< id; "" when nothing does
    bool is_group = false;    ///< offered as a group among a facet's values
};

/// An ontology in a file: the terms whose ids have its own prefix.
struct TermFile {
    std::string prefix;   ///< "UBERON"
    std::string version;  ///< as the file says; "" when it says nothing
    std::vector<Term> terms;
};

constexpr std::size_t file_bytes_max = 512u << 20;
constexpr std::size_t json_bytes_max = 64u << 20;  ///< JSON is held whole, at many times its size

/// Reads OBO 1.2 or 1.4, or OBO Graphs JSON (which begins with '{'). Of terms of other ontologies
/// that the file repeats, only the links to them are kept.
/// errors  invalid_input  neither of the two; a line or a list past its limit, with its line
///         exhausted      a file, or a number of terms, past the limit
Result<TermFile> read_terms(std::string_view text);

/// All terms of an OBO file, whatever their prefix; for the starter table.
Result<std::vector<Term>> read_obo_terms(std::string_view text);

/// "UBERON" of "UBERON:0002048" (and of CVCL_0030 "CVCL"); "" of what is no id.
std::string_view prefix_of(std::string_view id);

/// The starter table, OBO.
std::string_view starter_text();

}  // namespace stroma::ontology
