#pragma once

#include <span>

#include "sql/migrations.h"

namespace stroma::redshift {

/// Scripts that make the relations and functions of pg_catalog in the schema stroma_catalog: views
/// and macros over what the engine knows of its tables. For EngineOptions::catalog.
std::span<const sql::Migration> pg_catalog();

}  // namespace stroma::redshift
