#pragma once

#include "explorer/comparisons.h"
#include "warehouse/warehouse.h"

namespace stroma::app {

/// Lets SQL read the comparisons that were made of what a principal may read. Both outlive it.
void add_comparison_relations(warehouse::Warehouse& warehouse, explorer::Comparisons& comparisons);

}  // namespace stroma::app
