#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "redshift/engine_session.h"
#include "redshift/load/copy_grammar.h"
#include "redshift/spectrum/external_scan.h"

// An external table as it is kept, between the statements that make it and those that write it.

namespace stroma::redshift {

struct ExternalColumn {
    std::string name, engine, declared;
};

/// A partition: the values of the partition columns, and where its objects lie.
struct ExternalPartition {
    std::vector<std::string> values;
    std::string location;
};

struct ExternalTable {
    TableName name;
    ExternalPlace place;
    std::vector<ExternalColumn> columns, partitioned_by;
    std::vector<ExternalPartition> partitions;
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    std::string serde;       ///< as it was said, or what the format means
    Pairs serde_parameters;  ///< as they were said
    Pairs properties;        ///< TABLE PROPERTIES
    const ExternalPartition* partition(const std::vector<std::string>& values) const;
};

/// What an empty value of a partition column is called in a path.
constexpr std::string_view null_partition = "__HIVE_DEFAULT_PARTITION__";

/// The query that stands for the table: a branch for each place. With what is told of each object
/// ("$path", "$size") behind the columns where that is asked for.
std::string view_of(const ExternalTable& table, bool tells_objects);
/// The external table of that name, if it is one.
Answer<std::optional<ExternalTable>> external_table(EngineSession& session, const TableName& name);
/// The table and its view, in one transaction.
Answer<void> keep_external(EngineSession& session, const ExternalTable& table, bool is_new);
/// Writes the rows of a query, whose columns are the table's and then those it is partitioned by,
/// as objects below its location; partitions that are new become the table's in `table`.
/// errors  0A000  a format that can't be written;  42601  another number of columns
Answer<std::int64_t> write_external(EngineSession& session, ExternalTable& table,
                                    const std::string& query);

/// An object that UNLOAD or its like wrote.
struct WrittenObject {
    std::string url;
    std::int64_t rows = 0;
};
/// The rows of statement.query below statement.source, in files whose names begin so.
Answer<std::vector<WrittenObject>> unload_objects(EngineSession& session, CopyStatement statement,
                                                  std::string file_prefix);

}  // namespace stroma::redshift
