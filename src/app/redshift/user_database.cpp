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
    auto engine = TRY_WITH(redshift::Engine::open(std::move(options)), "opening the user database");
    site.copy_tables_by(
        [opened = engine.get()](const fs::path& to) { return opened->copy_to(to); });
    return engine;
}

redshift::Answer<std::unique_ptr<redshift::Session>> connect_user(Site& site,
                                                                  redshift::Engine& engine,
                                                                  redshift::SessionOptions asked) {
    const auto may_write = site.catalog().may(asked.principal, catalog::Action::administer,
                                              {catalog::ThingKind::site, "", ""});
    if (!may_write) return redshift::refuse("57P03", may_write.error().message);
    asked.may_write = *may_write;
    auto session = engine.connect(std::move(asked));
    if (!session) return redshift::refuse("57P03", session.error().message);
    return std::move(*session);
}

}  // namespace stroma::app
