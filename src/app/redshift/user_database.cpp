#include "app/redshift/user_database.h"

#include "app/redshift/biology_tables.h"
#include "app/redshift/bucket_lake.h"
#include "base/memory.h"
#include "redshift/catalog/pg_catalog.h"

namespace stroma::app {

namespace {

Result<bool> may_administer(Site& site, const catalog::Principal& principal) {
    return site.catalog().may(principal, catalog::Action::administer,
                              {catalog::ThingKind::site, "", ""});
}

/// Whom a GRANT names.
Result<std::optional<redshift::EngineUser>> find_user(Site& site, std::string_view name) {
    if (name == "admin")
        return redshift::EngineUser{catalog::local_administrator().id, "admin", true};
    const auto principal = TRY(site.catalog().find_principal(name));
    if (!principal || principal->role == catalog::Role::anonymous) return std::nullopt;
    return redshift::EngineUser{principal->id, principal->name,
                                TRY(may_administer(site, *principal))};
}

std::uint64_t engine_memory(const Settings& settings) {
    const std::uint64_t given = settings.bytes("redshift.memory");
    return given != 0 ? given : std::max(usable_memory() / 4, std::uint64_t{1} << 30);
}

}  // namespace

Result<std::unique_ptr<redshift::Engine>> open_user_database(Site& site, const Settings& settings,
                                                             bucket::Buckets* buckets) {
    redshift::EngineOptions options;
    options.folder = site.data() / "redshift";
    options.memory_bytes = engine_memory(settings);
    options.temp_bytes_max = settings.bytes("redshift.temp_max");
    options.clock = &site.clock();
    if (buckets != nullptr) options.lake = bucket_lake(*buckets, site.catalog(), site.ids());
    options.outside = TRY(biology_tables(site));
    options.catalog = redshift::pg_catalog();
    options.find_user = [&site](std::string_view name) { return find_user(site, name); };
    auto engine = TRY_WITH(redshift::Engine::open(std::move(options)), "opening the user database");
    site.copy_tables_by(
        [opened = engine.get()](const fs::path& to) { return opened->copy_to(to); });
    return engine;
}

redshift::Answer<std::unique_ptr<redshift::Session>> connect_user(Site& site,
                                                                  redshift::Engine& engine,
                                                                  redshift::SessionOptions asked) {
    const auto administers = may_administer(site, asked.principal);
    if (!administers) return redshift::refuse("57P03", administers.error().message);
    asked.is_superuser = *administers;
    auto session = engine.connect(std::move(asked));
    if (!session) return redshift::refuse("57P03", session.error().message);
    return std::move(*session);
}

}  // namespace stroma::app
