#pragma once

#include "base/result.h"
#include "sql/database.h"

namespace stroma::redshift {

/// Makes the relations and functions of pg_catalog in the schema stroma_catalog, anew: views and
/// macros over what the engine knows of its tables. Before users' statements run.
Result<void> add_pg_catalog(sql::Connection& connection);

}  // namespace stroma::redshift
