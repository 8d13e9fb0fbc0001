#pragma once

#include <memory>
#include <string>
#include <vector>

#include "redshift/engine_session.h"
#include "redshift/load/load_scan.h"
#include "redshift/table_statements.h"

namespace stroma::redshift {

/// A table, and its columns in the order in which a statement loads them.
struct LoadTarget {
    TableName table;
    TableAttributes attributes;
    std::vector<TableColumn> all;
    std::vector<LoadColumn> columns;
    std::string column_list() const;  ///< "a", "b"
};

/// How values of a table's column are read.
LoadColumn load_column(const TableColumn& column, const TableAttributes& attributes);
/// The object as a file of a load.
LoadFile file_of(std::shared_ptr<LakeReader> object);
/// The paths of COPY's JSON 's3://…'; none where it has none.
Answer<std::vector<std::string>> json_paths_of(EngineSession& session, const CopyOptions& options);
/// The table named at `at`, with the columns listed, or all but those that number themselves.
Answer<LoadTarget> load_target(EngineSession& session, const std::vector<Token>& tokens,
                               std::size_t at, const std::vector<std::string>& listed,
                               bool explicit_ids);
/// Puts the scan's rows into the table, in the order of its sort key. Gives their number.
Answer<std::int64_t> insert_rows(EngineSession& session, const LoadTarget& target,
                                 const std::shared_ptr<LoadScan>& scan, bool is_dry);
/// Writes what was refused into stl_load_errors, in a transaction of its own.
Result<void> keep_errors(EngineSession& session, const LoadTarget& target,
                         const std::vector<LoadError>& errors);
/// Files of a COPY: of a manifest, or all whose keys begin so. errors  what Redshift says
Answer<std::vector<LoadFile>> find_files(EngineSession& session, const CopyStatement& copy);
Answer<std::string> read_object(EngineSession& session, const Address& address,
                                std::size_t bytes_max);

}  // namespace stroma::redshift
