#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "expression/frame.h"

namespace stroma::matrix {

/// Which genes of the parts make the columns of a selection.
struct GeneSpace {
    expression::Frame var;  ///< the output's genes
    /// Per part: output gene of each of its genes, -1 where dropped; empty: as they are.
    std::vector<std::vector<std::int32_t>> output_gene;
    /// Per part: whether each output gene was measured in it. Empty for a single part.
    std::vector<std::vector<bool>> measured;
};

struct GeneChoice {
    std::vector<std::string> genes;  ///< ids or names; empty is all
    std::string feature = "gene";    ///< "gene" or "transcript"
    /// Genes of one dataset with one feature key become one, their values added.
    bool add_equal_keys = false;
};

/// Joins the var frames of the parts. One part keeps its var as it is (but for add_equal_keys).
/// Several are joined by warehouse::featurekeys_of, in order of first appearance; var gets
/// "measured_in_all".
/// errors  invalid_input  a wanted gene is in no part: names it
Result<GeneSpace> join_genes(const std::vector<expression::Frame>& vars, const GeneChoice& choice);

}  // namespace stroma::matrix
