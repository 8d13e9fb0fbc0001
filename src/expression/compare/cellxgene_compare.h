#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "expression/sealed_dataset.h"

namespace stroma::expression {

struct CellxgeneOptions {
    std::uint32_t count = 50;  ///< genes a side
    double fold_change_cutoff = 0.01;
    /// What the peer's setting "X approximate distribution" says. `automatic`: count when
    /// max - min is above 24 and, unlike the peer, no value is negative.
    enum class Distribution : std::uint8_t { automatic, normal, count };
    Distribution distribution = Distribution::automatic;
};

struct CellxgeneRow {
    std::uint32_t gene = 0;
    double log_fold_change = 0;  ///< mean a - mean b, natural where logarithms are taken
    double p = 0, p_adjusted = 0;
    double t = 0;
};
struct CellxgeneResult {
    bool logarithms_taken = false;
    std::vector<CellxgeneRow> positive, negative;  ///< from the largest, and from the smallest t
};

/// cellxgene's own differential expression (topN), for its clients: both variances over the
/// smaller n, p of all genes times their number, genes within the cutoff left out when more than
/// 2 · count are beyond it. docs/statistics.md says where this differs from the peer on purpose:
/// sets of fewer than two cells are refused, any count is taken, no gene is told twice. The sets
/// may overlap, as the peer's may.
/// errors  invalid_input, cancelled, corrupt
Result<CellxgeneResult> compare_as_cellxgene(const SealedMatrix& matrix,
                                             std::span<const std::uint32_t> a,
                                             std::span<const std::uint32_t> b,
                                             const CellxgeneOptions& options, const Watch& watch);

}  // namespace stroma::expression
