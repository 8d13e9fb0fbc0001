#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "expression/sealed_dataset.h"

namespace stroma::expression {

/// Genes by groups of cells, for dot plots and marker lists. Entry gene · groups + group, genes in
/// the order asked for. Values that aren't finite are left out; what isn't defined is NaN.
struct GroupSummaries {
    std::uint32_t groups = 0;
    std::vector<std::uint64_t> cells;     ///< of each group
    std::vector<double> mean, variance;   ///< of scaled values
    std::vector<double> fraction;         ///< of the values, those that are stored
    std::vector<std::uint64_t> nonzeros;  ///< stored finite values
};

/// `group_of_cell` has a number from 0 to groups - 1 for each cell, or -1 for none: the codes of a
/// categorical column. No genes: all of var, read by cell; few genes are read by gene. Both ways
/// give the same numbers to the bit.
/// errors  invalid_input, exhausted (more than 1 GiB of sums), cancelled, corrupt
Result<GroupSummaries> summarise_groups(const SealedMatrix& matrix,
                                        std::span<const std::uint32_t> genes,
                                        std::span<const std::int32_t> group_of_cell,
                                        std::uint32_t groups, Scale scale, const Watch& watch);

/// Quantiles of each gene over each group, zeros included: entry (gene · groups + group) ·
/// shares + share. Between two values it goes along the line, as numpy's default does (Hyndman and
/// Fan's type 7). NaN for groups without a value. `shares` are in [0, 1].
/// errors  as summarise_groups
Result<std::vector<double>> gene_quantiles(const SealedMatrix& matrix,
                                           std::span<const std::uint32_t> genes,
                                           std::span<const std::int32_t> group_of_cell,
                                           std::uint32_t groups, std::span<const double> shares,
                                           Scale scale, const Watch& watch);

/// Mean of those genes in each cell, of scaled values; out.size() is cell_count().
/// errors  invalid_input  no genes, a gene that isn't there; cancelled, corrupt
Result<void> gene_set_mean(const SealedMatrix& matrix, std::span<const std::uint32_t> genes,
                           Scale scale, std::span<float> out, const Watch& watch);

}  // namespace stroma::expression
