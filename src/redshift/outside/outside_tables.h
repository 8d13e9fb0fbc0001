#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/principal.h"
#include "sql/embedded_database.h"

namespace stroma::redshift {

/// A relation whose rows are kept elsewhere, with columns that stay.
struct OutsideRelation {
    struct Column {
        std::string name, engine_type;
        std::string source;  ///< the scan's column
    };
    std::string name;
    std::vector<Column> columns;
    std::vector<sql::ScanColumn> scanned;
};

/// The statement that reads, so that rows which it leaves out need not be given.
struct OutsideQuestion {
    /// One SELECT, the engine's: whatever it names like an outside relation is one, and nothing
    /// else reads them for it. "" where that can't be said.
    std::string select;
    std::vector<sql::Value> values;  ///< of $1, $2…
};

/// Relations that everybody may name, each seeing the rows that are theirs to see. Any thread.
class OutsideTables {
public:
    virtual ~OutsideTables() = default;
    /// The schema that they lie in, in lower case.
    virtual const std::string& schema() const = 0;
    virtual const std::vector<OutsideRelation>& relations() const = 0;
    /// The rows for this principal. `question` null: the statement isn't run yet, only understood.
    virtual Result<std::shared_ptr<sql::TableScan>> scan(const OutsideRelation& relation,
                                                         const catalog::Principal& principal,
                                                         const OutsideQuestion* question) = 0;
};

}  // namespace stroma::redshift
