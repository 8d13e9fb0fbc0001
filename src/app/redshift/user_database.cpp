#include "app/redshift/user_database.h"

#include "app/redshift/bucket_lake.h"
#include "redshift/catalog/pg_catalog.h"

namespace stroma::app {

Result<std::unique_ptr<redshift::Engine>> open_user_database(Site& site, bucket::Buckets* buckets) {
    redshift::EngineOptions options;
    options.folder = site.data() / "redshift";
    options.clock = &site.clock();
    if (buckets != nullptr) options.lake = bucket_lake(*buckets, site.catalog(), site.ids());
    options.add_catalog = redshift::add_pg_catalog;
    return TRY_WITH(redshift::Engine::open(std::move(options)), "opening the user database");
}

}  // namespace stroma::app
