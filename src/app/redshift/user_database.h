#pragma once

#include <memory>

#include "app/site.h"
#include "bucket/buckets.h"
#include "redshift/engine.h"

namespace stroma::app {

/// The database of users' own tables, in the folder "redshift" of the site's data; made when it is
/// absent, with the relations that clients ask of pg_catalog. Its objects are those of `buckets`;
/// without them COPY and UNLOAD of s3:// are refused. Site and buckets outlive it.
Result<std::unique_ptr<redshift::Engine>> open_user_database(Site& site, bucket::Buckets* buckets);

}  // namespace stroma::app
