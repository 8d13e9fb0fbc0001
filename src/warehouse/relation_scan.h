#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/embedded_database.h"
#include "warehouse/warehouse.h"

// The relations of users' statements as scans, for an engine that keeps other tables and joins
// them with these.

namespace stroma::warehouse {

struct RelationColumn {
    std::string name;
    std::string engine_type;  ///< "VARCHAR", "INTEGER", "JSON"
    std::string source;       ///< the scan's column that it is
};

/// A relation with columns that stay. What a dataset's own obs or var add is in one column,
/// `fields`, as a JSON object: other datasets, and other people, have others.
struct RelationShape {
    std::string name;
    std::vector<RelationColumn> columns;
    /// Of the scan: integers, reals and booleans as such, all else as text.
    std::vector<sql::ScanColumn> scanned;
};

/// Every relation that may be scanned.
Result<std::vector<RelationShape>> relation_shapes(Warehouse& warehouse);

/// What is asked elsewhere: a SELECT whose mentions of `expression`, `expression_all` and `feature`
/// mean these relations, and nothing else reads them. It lets values be left out that it can't
/// want.
struct AskedElsewhere {
    std::string select;              ///< "" when nothing is known
    std::vector<sql::Value> values;  ///< of $1, $2…
};

/// The relation's rows that the scope shows, each reading from one snapshot. Of expression only
/// what `asked` may want; null: it is not read yet, and opened when it is. Any thread; the
/// warehouse outlives it.
Result<std::shared_ptr<sql::TableScan>> scan_relation(Warehouse& warehouse,
                                                      const RelationShape& shape,
                                                      const Scope& scope,
                                                      const AskedElsewhere* asked);

}  // namespace stroma::warehouse
