#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expression/sealed_dataset.h"

namespace stroma::explorer {

/// Coordinates of all cells, as they were stored: obsm's two-dimensional numbers.
struct Embedding {
    std::string key;   ///< "X_umap", "spatial"
    std::string name;  ///< without "X_": "umap"
    expression::Array values;
    std::uint64_t dims() const { return values.shape[1]; }
    std::string dim_name(std::uint64_t dim) const { return name + "_" + std::to_string(dim); }
};

/// In stored order.
Result<std::vector<Embedding>> embeddings(const expression::SealedDataset& sealed);
/// By key or name. not_found
Result<Embedding> find_embedding(const expression::SealedDataset& sealed, std::string_view name);

/// Whether cellxgene would show it: "X_…", two dimensions or more, none infinite, not all NaN.
bool fits_cellxgene(const Embedding& embedding);
/// The first two dimensions as cellxgene shows them: moved and scaled by one factor into [0, 1],
/// reckoned in the stored type; two columns.
std::vector<std::vector<float>> unit_square(const Embedding& embedding);

}  // namespace stroma::explorer
