#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ontology/terms.h"
#include "portal/facets.h"

namespace stroma::portal {

/// What a revision's content says of itself; the same for ever.
struct RevisionFacts {
    std::string revision, title;
    std::int64_t number = 0, created_ms = 0;
    std::uint64_t cells = 0, genes = 0, nonzeros = 0;
    std::vector<FacetValue> facets;
};

using NodeNumber = std::uint32_t;

/// One line of a facet: a term, by whichever of its names the datasets call it, or a text that is
/// no term's name.
struct FacetNode {
    std::size_t facet = 0;  ///< place in all_facets()
    std::string value;      ///< the term's name, or the text
    std::string term;       ///< the term's id; "" of a text
    bool is_group = false;  ///< offered also where no dataset says it by itself
};

/// A revision's facets as numbers, and the words it is found by.
struct IndexedRevision {
    std::shared_ptr<const RevisionFacts> facts;
    std::vector<NodeNumber> own;  ///< what its cells say, rising
    std::vector<NodeNumber> all;  ///< and what is broader, rising
    std::string said;             ///< in small letters: title, values, terms with their synonyms
};

/// The lines of all facets, by number. Grows; used by one thread, or by many that only read.
class FacetIndex {
public:
    explicit FacetIndex(std::shared_ptr<const ontology::Terms> terms) : terms_(std::move(terms)) {}

    const std::shared_ptr<const ontology::Terms>& terms() const { return terms_; }
    const std::deque<FacetNode>& nodes() const { return nodes_; }
    IndexedRevision index(std::shared_ptr<const RevisionFacts> facts);
    /// The line that a text of a question means, if any dataset has it or a narrower one.
    std::optional<NodeNumber> find(std::size_t facet, std::string_view text) const;
    /// How the text is told where no line means it.
    FacetNode told(std::size_t facet, std::string_view text) const;

private:
    std::optional<ontology::TermNumber> meant_by(std::size_t facet, std::string_view text) const;
    NodeNumber number_of(std::size_t facet, std::string_view key, const FacetNode& node);
    NodeNumber number_of(std::size_t facet, ontology::TermNumber term);

    std::shared_ptr<const ontology::Terms> terms_;
    std::deque<FacetNode> nodes_;
    std::unordered_map<std::string, NodeNumber> numbers_;
};

}  // namespace stroma::portal
