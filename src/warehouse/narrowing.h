#pragma once

#include "base/json.h"
#include "warehouse/expression_scan.h"
#include "warehouse/relations.h"

namespace stroma::warehouse {

/// A set of names that a column of a relation must be among, found in a statement's conditions.
struct ColumnCondition {
    std::string column;
    std::set<std::string> values;
};

/// What can be said of one mention of expression in a statement.
struct ExpressionMention {
    std::vector<ColumnCondition> own;  ///< featurekey, dataset, cellkey, exprtype
    std::vector<ColumnCondition>
        feature;  ///< featurename or featurekey of the feature joined to it
};

/// What a column of a relation must be among wherever the statement names it; unset when a mention
/// doesn't say.
std::optional<std::set<std::string>> values_needed(const Json& tree, std::string_view relation,
                                                   std::string_view column);

/// Every mention of expression or expression_all in the statement's tree.
std::vector<ExpressionMention> find_mentions(const Json& tree);

/// What all the mentions together need: a set only where each mention has one.
/// `featurekeys_of_names` answers which features carry one of those names.
Result<ExpressionNeed> need_of(
    const std::vector<ExpressionMention>& mentions,
    const std::function<Result<std::set<std::string>>(const std::set<std::string>&)>&
        featurekeys_of_names);

/// Text values in the place of their parameters, for what reads the tree to leave out genes and
/// cells that the statement doesn't want. The engine gets the statement as it came.
void put_in_values(Json& tree, const sql::NamedValues& parameters);

/// The features that carry one of the names.
Result<std::set<std::string>> featurekeys_named(sql::Connection& connection,
                                                const Relations& relations,
                                                const std::set<std::string>& names);

}  // namespace stroma::warehouse
