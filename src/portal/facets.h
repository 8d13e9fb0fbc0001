#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "expression/sealed_dataset.h"

namespace stroma::portal {

/// One thing that datasets are told apart by, the obs columns (first that is there) or the text of
/// uns that say it, and the ontologies (prefixes of ids) that its values are terms of.
struct Facet {
    std::string_view name, title;
    std::vector<std::string_view> columns, ontologies;
};
std::span<const Facet> all_facets();
std::optional<std::size_t> facet_place(std::string_view name);

struct FacetValue {
    std::string facet, value;
    std::int64_t cells = 0;
};

/// The facets' values with their cells, most cells first. A column of more than 1,000 different
/// values tells nothing apart and is left out; of the rest 500 are kept.
Result<std::vector<FacetValue>> facets_of(const expression::SealedDataset& dataset);

/// A text of uns by its name; "" when there is none.
std::string uns_text(const expression::Dict& uns, std::string_view name);

}  // namespace stroma::portal
