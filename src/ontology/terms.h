#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ontology/term_file.h"

namespace stroma::ontology {

/// What a term's number is in Terms.
using TermNumber = std::uint32_t;

/// How an id stands: `unknown` is only said of an ontology that was read in whole.
enum class Standing { known, unknown, deprecated, not_checked };

struct FoundTerm {
    TermNumber term = 0;
    std::string_view by;  ///< the name or synonym that the question began
};

/// All terms at one time, and what is broader than what. Never changes; any thread.
class Terms {
public:
    /// `whole`: prefix → version of the ontologies of which every term is given.
    /// A term that comes twice is what the first says; that it is a group is said by any.
    Terms(std::vector<Term> terms, std::map<std::string, std::string, std::less<>> whole);

    const Term& operator[](TermNumber number) const { return terms_[number]; }
    std::size_t size() const { return terms_.size(); }
    std::optional<TermNumber> by_id(std::string_view id) const;
    /// The term that a text means, among ontologies of those prefixes: its id, its name, or a
    /// synonym that is exact (or, where no other has it, related). Capitals don't count.
    std::optional<TermNumber> meant_by(std::string_view text,
                                       std::span<const std::string_view> prefixes) const;
    /// All that is broader, of the term's own ontology, nearest first. Cost: their number.
    std::vector<TermNumber> broader(TermNumber term) const;
    bool is_below(TermNumber term, std::string_view ancestor) const;  ///< or is it itself
    Standing standing_of(std::string_view id) const;
    /// Those with a name or synonym of which each word of the question begins a word: whole names
    /// first, then by length. Cost: all terms of those prefixes ({} is all).
    std::vector<FoundTerm> search(std::string_view question,
                                  std::span<const std::string_view> prefixes,
                                  std::size_t limit) const;
    /// Prefix → version of the ontologies that were read in whole.
    const std::map<std::string, std::string, std::less<>>& whole() const { return whole_; }

private:
    void add_name(const std::string& name, TermNumber term, int rank);

    std::vector<Term> terms_;
    std::map<std::string, std::string, std::less<>> whole_;
    std::unordered_map<std::string_view, TermNumber> by_id_;
    struct Named {
        TermNumber term;
        int rank;  ///< 0 a name, 1 an exact synonym, 2 a related one
    };
    std::unordered_map<std::string, std::vector<Named>> by_name_;
    std::vector<std::vector<TermNumber>> parents_;
};

}  // namespace stroma::ontology
