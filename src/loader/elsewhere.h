#pragma once

#include <memory>

#include "redshift/engine.h"
#include "sql/database.h"

namespace stroma::loader {

/// Has the engine show what lies in another database: stroma_freshness and its sisters, and the
/// lines of stl_load_errors, so that whoever watches loads asks the same statements of the same
/// server. They are read when they are asked for. Null: the loader's views as they are, and
/// those that an earlier start made of another database are empty.
Result<void> show_ledger(redshift::Engine& engine, std::shared_ptr<sql::Database> elsewhere);

}  // namespace stroma::loader
