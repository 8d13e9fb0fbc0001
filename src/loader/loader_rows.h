#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "loader/table_load.h"

namespace stroma::loader {

struct DeadLetter {
    std::string target, bucket, key, etag, reason, message;
};
Result<void> keep_dead_letters(sql::Database& ledger, const std::vector<DeadLetter>& letters,
                               std::int64_t now_ms);

/// Makes the tables and views in the user database.
Result<void> make_tables(redshift::Engine& engine);
/// Makes the ledger's tables and views in a PostgreSQL database, where they aren't there yet.
Result<void> make_ledger(sql::Database& postgres);

/// (name, document) of the configurations that were given.
Result<std::vector<std::pair<std::string, std::string>>> kept_configs(redshift::Engine& engine);
Result<void> keep_config(redshift::Engine& engine, const std::string& name,
                         const std::string& document, std::int64_t now_ms);
/// errors  not_found
Result<void> forget_config(redshift::Engine& engine, const std::string& name);

/// A bulk load as it is kept.
struct BulkRow {
    std::string id, document, role, state, answer, error;
    std::int64_t paths_done = 0, paths = 0, given_ms = 0;
    bool is_over() const { return state != "QUEUED" && state != "RUNNING"; }
};
Result<void> keep_bulk(redshift::Engine& engine, const BulkRow& row, std::int64_t now_ms);
/// The last hundred, newest first; or the one of that id.
Result<std::vector<BulkRow>> kept_bulks(redshift::Engine& engine, const std::string& id = {});

/// Adds a load to the metrics.
void count_load(const std::string& table, const LoadReport& report);
/// Sets the gauges of how fresh tables are.
Result<void> publish_freshness(sql::Database& ledger);

}  // namespace stroma::loader
