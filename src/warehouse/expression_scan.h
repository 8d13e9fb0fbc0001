#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "warehouse/state.h"

namespace stroma::warehouse {

/// What a statement needs of the expression relation at most; unset is everything. Leaving rows
/// out is always right when the statement itself would: it still checks its own conditions.
struct ExpressionNeed {
    std::optional<std::set<std::string>> featurekeys;
    std::optional<std::set<std::string>> datasets;  ///< names
    std::optional<std::set<std::string>> cellkeys;
    std::optional<std::set<std::string>> exprtypes;
};

/// One dataset, ready to be read. `cells` are those that may be given, rising; unset is all.
struct ExpressionPart {
    VisibleDataset dataset;
    std::shared_ptr<const RevisionKeys> keys;
    std::optional<std::vector<std::uint32_t>> cells;
};

/// Brings the parts' keys into memory in the connection's transaction.
Result<std::vector<ExpressionPart>> expression_parts(Warehouse::State& state,
                                                     sql::Connection& connection,
                                                     const std::vector<VisibleDataset>& datasets,
                                                     const ExpressionNeed& need, bool called_only);

/// The rows cellkey, featurekey, exprtype, exrpvalue, dataset, cell_index, gene_index of every
/// stored value, read by several threads: whole genes when genes are named, else whole cells.
Result<std::shared_ptr<sql::TableScan>> scan_expression(const OpenRevision& open,
                                                        std::vector<ExpressionPart> parts,
                                                        const ExpressionNeed& need);

/// "Count", "TPM", or the unit's name for other matrices: the values of exprtype.
std::string exprtype_of(expression::Unit unit);

}  // namespace stroma::warehouse
