#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expression/frame.h"

namespace stroma::explorer {

/// A gene as a person knows it.
struct GeneHit {
    std::uint32_t gene = 0;  ///< its row in var
    std::string id;          ///< var's index
    std::string symbol;      ///< from the symbol column, or the id
    std::string matched;     ///< the name that was found
};

/// Finds genes by id, Ensembl id with or without version, symbol or synonym. Immutable once made.
class GeneNames {
public:
    GeneNames() = default;
    /// Reads var's index and those of its text columns that are known to hold names.
    explicit GeneNames(const expression::Frame& var);

    std::uint32_t gene_count() const { return static_cast<std::uint32_t>(ids_.size()); }
    std::string_view id(std::uint32_t gene) const { return ids_[gene]; }
    std::string_view symbol(std::uint32_t gene) const {
        return symbols_.empty() ? ids_[gene] : symbols_[gene];
    }
    /// Exactly that name, else in any case; ids go before symbols, symbols before synonyms.
    std::optional<std::uint32_t> find(std::string_view name) const;
    /// Genes with a name that begins with the text, in any case: equal names first, then by name;
    /// then, while there is room, those that hold it anywhere. Each gene once.
    std::vector<GeneHit> search(std::string_view text, std::size_t limit) const;

private:
    struct Name {
        std::string lower, text;
        std::uint8_t rank;  ///< 0 id, 1 id without version, 2 symbol, 3 synonym
        std::uint32_t gene;
    };
    void add(std::string_view name, std::uint8_t rank, std::uint32_t gene);
    void add_column(const expression::Column& column, std::uint8_t rank);

    expression::TextArray ids_, symbols_;
    std::vector<Name> names_;  ///< sorted by lower, rank, gene
};

}  // namespace stroma::explorer
