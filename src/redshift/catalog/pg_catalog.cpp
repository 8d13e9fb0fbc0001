#include "redshift/catalog/pg_catalog.h"

namespace stroma::redshift_catalog {
std::span<const sql::Migration> migrations();
}

namespace stroma::redshift {

std::span<const sql::Migration> pg_catalog() { return redshift_catalog::migrations(); }

}  // namespace stroma::redshift
