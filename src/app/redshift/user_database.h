#pragma once

#include <memory>

#include "app/site.h"
#include "bucket/buckets.h"
#include "redshift/engine.h"

namespace stroma::app {

/// The database of users' own tables, in the folder "redshift" of the site's data; made when it is
/// absent, with the relations that clients ask of pg_catalog. Its objects are those of `buckets`;
/// without them COPY and UNLOAD of s3:// are refused. Site and buckets outlive it.
Result<std::unique_ptr<redshift::Engine>> open_user_database(Site& site, const Settings& settings,
                                                             bucket::Buckets* buckets);

/// A session of the user that the options name: a superuser where they administer the site; others
/// may what they own there and what was granted to them.
redshift::Answer<std::unique_ptr<redshift::Session>> connect_user(Site& site,
                                                                  redshift::Engine& engine,
                                                                  redshift::SessionOptions asked);

}  // namespace stroma::app
