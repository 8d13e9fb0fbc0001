#pragma once

#include "app/settings.h"
#include "catalog/principal.h"
#include "warehouse/warehouse.h"

namespace stroma::app {

/// What one statement of such a principal may take: the settings query.*.
warehouse::QueryLimits query_limits(const Settings& settings, catalog::Role role);

}  // namespace stroma::app
