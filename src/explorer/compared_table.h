#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "explorer/explorer.h"
#include "expression/compare/compare.h"
#include "sql/embedded_database.h"

// A comparison's numbers as they are kept, and as rows that an engine reads.

namespace stroma::explorer {

/// The columns of docs/statistics.md, each with a value for each gene of the layer; NaN where it
/// isn't defined.
struct ComparedTable {
    struct Column {
        std::string name;
        std::vector<double> values;
    };
    std::vector<Column> columns;
    std::uint64_t genes = 0;
};

ComparedTable compared_table_of(const expression::Comparison& comparison);
std::string to_bytes(const ComparedTable& table);
/// errors  corrupt
Result<ComparedTable> compared_table_in(std::string_view bytes);

/// One comparison, opened for its rows.
struct OpenedComparison {
    std::string id, revision, test;
    std::shared_ptr<const ComparedTable> table;
    std::shared_ptr<const RevisionData> data;
    const GeneNames* genes = nullptr;  ///< of `data`
};
using OpenComparison = std::function<Result<OpenedComparison>(std::size_t number)>;

/// What every comparison has as a row of SQL: comparison, revision, test, gene_id, gene_name and
/// all columns there may be, the test's t or z as "statistic".
std::vector<sql::ScanColumn> compared_columns();
/// gene_id, gene_name and a table's own columns.
std::vector<sql::ScanColumn> columns_of_table(const ComparedTable& table);
/// The rows of `count` comparisons one behind the other, each opened when it is reached. A column
/// that a comparison hasn't, and what isn't defined, is null.
std::shared_ptr<sql::TableScan> scan_compared(std::vector<sql::ScanColumn> columns,
                                              std::size_t count, OpenComparison open);

}  // namespace stroma::explorer
