#pragma once

#include "app/site.h"
#include "matrix/origin.h"
#include "matrix/snapshots.h"

namespace stroma::app {

/// Over a site's stores; the site outlives them.
matrix::Origins origins_of(Site& site);
matrix::Snapshots snapshots_of(Site& site);

}  // namespace stroma::app
