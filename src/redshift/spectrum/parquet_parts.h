#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "redshift/lake.h"
#include "sql/database.h"

namespace stroma::redshift {

/// Copies of a Parquet object what a question about some columns needs: its footer and those
/// columns' pages; the rest of the file is a hole that takes no room, and the engine doesn't look
/// there. An object that doesn't end as Parquet does is copied whole, for the engine to say what is
/// wrong. Gives the bytes copied. `columns` are compared without regard to case; of a nested column
/// everything is copied.
/// errors  those of the object and of the engine;  already_exists  something is at `path`
Result<std::uint64_t> copy_parquet_parts(LakeReader& object,
                                         const std::vector<std::string>& columns,
                                         sql::Connection& connection, const fs::path& path);

}  // namespace stroma::redshift
