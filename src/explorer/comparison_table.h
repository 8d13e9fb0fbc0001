#pragma once

#include <string>
#include <vector>

#include "explorer/compared_table.h"
#include "explorer/comparison_order.h"
#include "expression/compare/compare.h"
#include "expression/compare/pseudobulk.h"

// What a comparison came to, and its representations.

namespace stroma::explorer {

struct ComparedGenes {
    expression::Comparison table;
    std::vector<expression::DonorSample> samples;  ///< of a pseudobulk
    bool paired = false;
    std::vector<std::string> donors;  ///< names of the samples' donors
};

/// Compares as a settled order says. errors  as expression::compare and compare_donors
Result<ComparedGenes> run_comparison(const ComparisonOrder& order, const RevisionData& data,
                                     const expression::Watch& watch);

/// What was compared and how, in words and numbers: a JSON object.
std::string comparison_summary(const ComparisonOrder& order, const RevisionData& data,
                               const ComparedGenes& genes);

enum class TableFormat : std::uint8_t { arrow, csv, json, parquet };
std::string_view name_of(TableFormat format);
/// Every gene of the layer, in its order: gene_id, gene_name, then the columns of
/// docs/statistics.md. What isn't defined is NaN in Arrow, "nan" in CSV and null in JSON; what is
/// infinite is "inf" or
/// "-inf" in CSV and as a text in JSON. Not Parquet: that is Comparisons::table's.
Result<Made> comparison_table(const ComparisonOrder& order, const RevisionData& data,
                              const ComparedTable& table, TableFormat format);

}  // namespace stroma::explorer
