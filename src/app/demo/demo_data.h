#pragma once

#include <cstdint>

#include "expression/annotated_data.h"

namespace stroma::app {

struct DemoShape {
    std::uint32_t cells = 5000, genes = 2000;  ///< genes at least 100
    std::uint64_t seed = 1;
};

/// A made-up dataset of blood cells that looks like one a user brings: eight cell types with their
/// known markers, six donors with sex, age and disease, two tissues, quality columns, X_pca and
/// X_umap that separate the types, colours in uns, counts in X and their log-normalised form in
/// layers/log_normalised. The same shape gives the same values on every machine with the same
/// mathematical library. Matrices are random access and made as they are read, so memory stays
/// small at any size; about 30 ns a cell and gene.
expression::AnnotatedData make_demo_data(const DemoShape& shape);

}  // namespace stroma::app
