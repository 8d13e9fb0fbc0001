#pragma once

#include <memory>

#include "app/site.h"
#include "redshift/outside/outside_tables.h"

namespace stroma::app {

/// The relations of datasets (docs/sql.md) as the schema `biology` of the user database, each
/// principal seeing the datasets that it may read. The site outlives them.
Result<std::shared_ptr<redshift::OutsideTables>> biology_tables(Site& site);

}  // namespace stroma::app
