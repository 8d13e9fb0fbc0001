#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "expression/annotated_data.h"
#include "expression/sealed_dataset.h"
#include "matrix/gene_space.h"

namespace stroma::matrix {

/// The chosen cells of one dataset revision.
struct SelectionInput {
    std::string dataset_name, revision;
    std::shared_ptr<const expression::SealedDataset> sealed;
    std::vector<std::uint32_t> cells;  ///< rows of obs, rising
    /// Its whole obs where that has been read already.
    std::shared_ptr<const expression::Frame> obs = nullptr;
};

struct SelectionOptions {
    std::string matrix = "X";
    GeneChoice genes;
    /// When set, the output's obs in the order of the inputs' cells; else their own obs in full.
    const expression::Frame* obs = nullptr;
    bool with_layers = true;  ///< layers, raw and pairwise annotations, where they carry over
};

/// A selection over stored datasets as one AnnotatedData, ready for a format writer: cells in the
/// order of the inputs; features joined (join_genes); zero where a cell's dataset didn't measure a
/// gene, and which genes those are in uns["measured_in"][dataset] (bool per gene) and var's
/// "measured_in_all". The sealed datasets stay open while the result lives.
/// errors  not_found  a dataset has no matrix of that name     invalid_input  an unknown gene
///         corrupt
Result<expression::AnnotatedData> build_selection(const std::vector<SelectionInput>& inputs,
                                                  const SelectionOptions& options);

}  // namespace stroma::matrix
