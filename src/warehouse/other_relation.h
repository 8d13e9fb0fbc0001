#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/embedded_database.h"

namespace stroma::warehouse {

class Warehouse;
struct Scope;

/// A relation whose rows are kept elsewhere: "comparison", "comparison_gene" or "selected_cell".
/// They have a column `revision`, and are seen with the names of its dataset.
struct OtherRelation {
    using Names = std::optional<std::set<std::string>>;
    std::string name;
    std::string key;  ///< the column that conditions may narrow
    /// The rows of these revisions, which the scope shows; `keys`: only those whose key is among
    /// them may be asked for.
    std::function<Result<std::shared_ptr<sql::TableScan>>(const std::vector<std::string>& revisions,
                                                          const Names& keys, const Scope& scope)>
        open;
};

/// Lets statements name the relation from now on. Before the first query.
void add_relation(Warehouse& warehouse, OtherRelation relation);

}  // namespace stroma::warehouse
