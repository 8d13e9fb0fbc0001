#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "redshift/lake.h"
#include "sql/database.h"

namespace stroma::redshift {

/// Copies of a Parquet object what a question about some columns needs: its footer and those
/// columns' pages; the rest of the file is a hole that takes no room, and the engine doesn't look
/// there. An object that doesn't end as Parquet does is copied whole, for the engine to say what is
/// wrong. `columns` are compared without regard to case; of a nested column everything is copied.
/// Row groups are left out of which `excluded` (row_conditions.h) is true in one of the engine's
/// parquet_metadata rows; "": none is.
/// errors  those of the object and of the engine;  already_exists  something is at `path`
struct ParquetParts {
    std::uint64_t bytes = 0;  ///< copied
    bool is_whole = true;     ///< every row group is there
    /// Rows of the file, from 0, that were copied where it isn't whole: first, and behind the last.
    std::vector<std::pair<std::int64_t, std::int64_t>> rows;
};
Result<ParquetParts> copy_parquet_parts(LakeReader& object, const std::vector<std::string>& columns,
                                        const std::string& excluded, sql::Connection& connection,
                                        const fs::path& path);

}  // namespace stroma::redshift
