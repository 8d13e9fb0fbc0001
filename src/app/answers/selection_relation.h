#pragma once

#include "annotation/kept_things.h"
#include "catalog/catalog.h"
#include "warehouse/warehouse.h"

namespace stroma::app {

/// Lets SQL read the cells of kept selections as the relation `selected_cell`: one's own, and those
/// that the statement names by id and one may see. All three outlive the warehouse's statements.
void add_selection_relation(warehouse::Warehouse& warehouse, annotation::KeptThings& kept,
                            catalog::Catalog& catalog);

}  // namespace stroma::app
