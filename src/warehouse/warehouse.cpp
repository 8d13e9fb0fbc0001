#include "warehouse/warehouse.h"

#include "sql/migrations.h"
#include "warehouse/state.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

Warehouse::Warehouse(std::unique_ptr<State> state) : state_(std::move(state)) {}
Warehouse::~Warehouse() = default;

Result<std::unique_ptr<Warehouse>> Warehouse::open(sql::Database& database, OpenRevision open,
                                                   const Clock& clock) {
    auto* engine = dynamic_cast<sql::EmbeddedDatabase*>(&database);
    if (engine == nullptr) {
        return fail(ErrorCode::unsupported, "the warehouse needs a database in this process");
    }
    TRY(sql::migrate(database, "warehouse", warehouse_migrations()));
    auto state = std::unique_ptr<State>(
        new State{database, *engine, std::move(open), clock, std::make_shared<ScanRegistry>(), {}});
    // The engine keeps the function for as long as it lives, which may be longer than we do.
    TRY(engine->add_table_function("stroma_scan", [scans = state->scans](std::string_view ticket) {
        return scans->find(ticket);
    }));
    return std::unique_ptr<Warehouse>(new Warehouse(std::move(state)));
}

}  // namespace stroma::warehouse
