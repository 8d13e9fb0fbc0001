#include "warehouse/warehouse.h"

#include "sql/migrations.h"
#include "warehouse/state.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

Warehouse::Warehouse(std::unique_ptr<State> state) : state_(std::move(state)) {}
Warehouse::~Warehouse() = default;

namespace {

/// Cell tables that an older program wrote lack the columns that came since.
Result<void> add_new_cell_columns(sql::Database& database) {
    const auto connection = TRY(database.connect());
    std::vector<std::string> tables;
    const auto rows = TRY(connection->execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'store' AND "
        "starts_with(table_name, 'cells_') AND table_name NOT IN (SELECT table_name FROM "
        "duckdb_columns() WHERE schema_name = 'store' AND column_name = 'stable_cellkey')"));
    while (TRY(rows->next())) tables.push_back(rows->text(0));
    for (const std::string& table : tables)
        TRY(connection->change("ALTER TABLE store." + table +
                               " ADD COLUMN stable_cellkey VARCHAR"));
    return {};
}

}  // namespace

Result<std::unique_ptr<Warehouse>> Warehouse::open(sql::Database& database, OpenRevision open,
                                                   const Clock& clock) {
    auto* engine = dynamic_cast<sql::EmbeddedDatabase*>(&database);
    if (engine == nullptr) {
        return fail(ErrorCode::unsupported, "the warehouse needs a database in this process");
    }
    TRY(sql::migrate(database, "warehouse", warehouse_migrations()));
    TRY(add_new_cell_columns(database));
    auto state = std::unique_ptr<State>(
        new State{database, *engine, std::move(open), clock, std::make_shared<ScanRegistry>(), {}});
    // The engine keeps the function for as long as it lives, which may be longer than we do.
    TRY(engine->add_table_function("stroma_scan", [scans = state->scans](std::string_view ticket) {
        return scans->find(ticket);
    }));
    return std::unique_ptr<Warehouse>(new Warehouse(std::move(state)));
}

}  // namespace stroma::warehouse
