#pragma once

#include <string>
#include <vector>

#include "arrow/ipc_writer.h"
#include "explorer/explorer.h"

// Stroma's own answers about a revision: JSON for what describes it, Arrow streams for columns.

namespace stroma::explorer {

/// Columns of obs and var with types and categories, embeddings with dimensions, units and extents,
/// layers with what their values are. The index columns are "cell_id" and "gene_id".
Result<Made> schema_answer(const RevisionData& data);
/// Sizes, layers with totals, and what a person should know before comparing (scaled values, …).
Result<Made> summary_answer(const RevisionData& data);
/// Columns of obs or var, in the order asked for; none named: all, the index first. not_found
Result<Made> obs_answer(const RevisionData& data, const std::vector<std::string>& names,
                        arrow::BodyCompression compression);
Result<Made> var_answer(const RevisionData& data, const std::vector<std::string>& names,
                        arrow::BodyCompression compression);
/// All dimensions, as stored. not_found
Result<Made> embedding_answer(const RevisionData& data, std::string_view name,
                              arrow::BodyCompression compression);

struct GeneQuestion {
    std::string layer = "X";
    std::vector<std::uint32_t> genes;
    bool is_sparse = false;  ///< one gene as (cell, value) rows of what is stored
    arrow::BodyCompression compression = arrow::BodyCompression::none;
};
/// Numbers of the genes that are named, in order. not_found names the first that is unknown.
Result<std::vector<std::uint32_t>> genes_named(const RevisionData& data, std::string_view layer,
                                               const std::vector<std::string>& names);
/// One column a gene, named by its id, one row a cell, in the layer's own type.
/// errors  exhausted  more than 256 MiB of values
Result<Made> expression_answer(const RevisionData& data, const GeneQuestion& question);
/// The mean over the genes for each cell, float32.
Result<Made> mean_answer(const RevisionData& data, const GeneQuestion& question);
/// Genes whose id, symbol or synonym matches.
Made gene_search_answer(const GeneNames& genes, std::string_view text, std::size_t limit);
/// uns' "<column>_colors" as column → category → "#rrggbb"; those that aren't colours are left out.
Result<Made> colors_answer(const RevisionData& data);

}  // namespace stroma::explorer
