#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "explorer/explorer.h"

namespace stroma::explorer {

/// A gene in the cells that share a label. `sum` is of the values at the scale that is told.
struct GeneInGroup {
    std::string label;
    std::uint64_t cells = 0, expressing = 0;
    double sum = 0;
};

/// How one gene is expressed in a revision.
struct GeneExpression {
    std::string gene_id, gene_name;
    /// Counts where there are any (raw.X, X, layers/counts, layers/raw), else X.
    std::string layer;
    /// log_cp10k of counts: ln(1 + 10,000 v / total of the cell); else as_stored.
    std::string scale, unit;
    std::string column;               ///< that told the groups apart; "" when none did
    std::vector<GeneInGroup> groups;  ///< most cells first; cells without a label are in none
    std::uint64_t cells = 0, expressing = 0;
    double sum = 0;  ///< of all cells
};

/// By the first of those columns that obs has, when it has at most 1,000 different labels. The gene
/// is named by id, Ensembl id, symbol or synonym. Nothing when the revision didn't measure it.
/// Cost: the gene's own non-zeros, one column, and the cells' totals.
Result<std::optional<GeneExpression>> gene_expression(const RevisionData& data,
                                                      std::string_view gene,
                                                      const std::vector<std::string>& columns);

/// The same, kept among the revision's bodies: asked for again, it costs a small file.
Result<std::optional<GeneExpression>> kept_gene_expression(Explorer& explorer,
                                                           const std::string& revision,
                                                           const std::string& gene,
                                                           const std::vector<std::string>& columns);

}  // namespace stroma::explorer
