#include "sql/migrations.h"

#include <fmt/format.h>

#include <cassert>

namespace stroma::sql {
namespace {

/// 0 when the part has no tables yet.
Result<std::int64_t> version_of(Connection& connection, std::string_view part) {
    const auto rows = TRY(connection.execute("SELECT version FROM schema_versions WHERE part = ?",
                                             {std::string(part)}));
    return TRY(rows->next()) ? rows->integer(0) : 0;
}

Result<void> apply(Connection& connection, std::string_view part, const Migration& migration) {
    return connection.in_transaction([&]() -> Result<void> {
        const std::int64_t version = TRY(version_of(connection, part));
        if (version >= migration.number) return {};
        TRY(connection.run_script(migration.script));
        TRY(connection.change("DELETE FROM schema_versions WHERE part = ?", {std::string(part)}));
        TRY(connection.change("INSERT INTO schema_versions(part, version) VALUES(?, ?)",
                              {std::string(part), std::int64_t{migration.number}}));
        return {};
    });
}

}  // namespace

Result<void> migrate(Database& database, std::string_view part,
                     std::span<const Migration> migrations) {
    const auto connection = TRY(database.connect());
    TRY(
        connection->run_script("CREATE TABLE IF NOT EXISTS schema_versions("
                               "part TEXT PRIMARY KEY, version BIGINT NOT NULL)"));
    const std::int64_t version = TRY(version_of(*connection, part));
    const auto newest = static_cast<std::int64_t>(migrations.size());
    if (version > newest)
        return fail(ErrorCode::unsupported,
                    fmt::format("the {} tables have version {}, this program knows {}: "
                                "use the newer stroma that wrote them",
                                part, version, newest));
    for (std::size_t m = 0; m < migrations.size(); ++m) {
        assert(migrations[m].number == static_cast<int>(m) + 1);
        if (migrations[m].number > version)
            TRY_WITH(apply(*connection, part, migrations[m]),
                     fmt::format("bringing the {} tables to version {}", part, m + 1));
    }
    return {};
}

}  // namespace stroma::sql
