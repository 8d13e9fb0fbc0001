#include "redshift/catalog/pg_catalog.h"

#include <span>

#include "sql/migrations.h"

namespace stroma::redshift_catalog {
std::span<const sql::Migration> migrations();
}

namespace stroma::redshift {

Result<void> add_pg_catalog(sql::Connection& connection) {
    return connection.in_transaction([&]() -> Result<void> {
        for (const sql::Migration& part : redshift_catalog::migrations())
            TRY(connection.run_script(part.script));
        return {};
    });
}

}  // namespace stroma::redshift
