#pragma once

#include <memory>

#include "app/settings.h"
#include "app/site.h"
#include "redshift/engine.h"

namespace stroma::app {

/// The database of users' own tables, in the folder "redshift" of the site's data; made when it is
/// absent, with the relations that clients ask of pg_catalog.
Result<std::unique_ptr<redshift::Engine>> open_user_database(Site& site, const Settings& settings);

}  // namespace stroma::app
