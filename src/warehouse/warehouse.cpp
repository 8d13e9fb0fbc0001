#include "warehouse/warehouse.h"

#include <fmt/format.h>

#include "sql/migrations.h"
#include "warehouse/state.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

Warehouse::Warehouse(std::unique_ptr<State> state) : state_(std::move(state)) {}
Warehouse::~Warehouse() = default;

std::uint64_t Warehouse::version() const { return state_->version; }

namespace {

/// Cell tables that an older program wrote lack the columns that came since.
Result<void> take_over_old_tables(sql::Connection& connection) {
    std::vector<std::int64_t> old;
    const auto rows =
        TRY(connection.execute("SELECT loaded FROM store.dataset WHERE cells_in IS NULL"));
    while (TRY(rows->next())) old.push_back(rows->integer(0));
    for (const auto loaded : old) {
        const std::string table = fmt::format("ALTER TABLE store.cells_{} ADD COLUMN ", loaded);
        TRY(connection.change(table + "IF NOT EXISTS stable_cellkey VARCHAR"));
        TRY(connection.change(table +
                              fmt::format("IF NOT EXISTS loaded BIGINT DEFAULT {}", loaded)));
    }
    if (old.empty()) return {};
    TRY(connection.change(
        "UPDATE store.dataset SET cells_in = loaded, genes_in = loaded WHERE cells_in IS NULL"));
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
    const auto connection = TRY(database.connect());
    TRY_WITH(take_over_old_tables(*connection), "bringing the warehouse's tables up to date");
    auto state = std::unique_ptr<State>(new State{.database = database,
                                                  .engine = *engine,
                                                  .open_revision = std::move(open),
                                                  .clock = clock,
                                                  .scans = std::make_shared<ScanRegistry>()});
    const auto arrived = TRY(connection->execute("SELECT count(*) FROM store.arrived"));
    TRY(arrived->next());
    state->loads.arrived_count = static_cast<std::uint64_t>(arrived->integer(0));
    // The engine keeps the function for as long as it lives, which may be longer than we do.
    TRY(engine->add_table_function("stroma_scan", [scans = state->scans](std::string_view ticket) {
        return scans->find(ticket);
    }));
    return std::unique_ptr<Warehouse>(new Warehouse(std::move(state)));
}

}  // namespace stroma::warehouse
