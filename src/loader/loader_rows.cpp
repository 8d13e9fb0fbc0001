#include "loader/loader_rows.h"

#include <fmt/format.h>

#include "base/metrics.h"
#include "sql/migrations.h"

namespace stroma::loader {

std::span<const sql::Migration> migrations();

}  // namespace stroma::loader

namespace stroma::loader_views {
std::span<const sql::Migration> migrations();
}
namespace stroma::loader_postgres {
std::span<const sql::Migration> migrations();
}

namespace stroma::loader {
namespace {

std::string moment(std::int64_t unix_ms) { return iso_time(unix_ms).substr(0, 23); }

}  // namespace

Result<void> make_tables(redshift::Engine& engine) {
    TRY(sql::migrate(engine.database(), "loader", migrations()));
    const auto connection = TRY(engine.database().connect());
    for (const sql::Migration& script : loader_views::migrations())
        TRY_WITH(connection->run_script(script.script), "the loader's views");
    return {};
}

// Each statement makes what isn't there; several programs may come at once.
Result<void> make_ledger(sql::Database& postgres) {
    const auto connection = TRY(postgres.connect());
    return connection->in_transaction([&]() -> Result<void> {
        // "ledger" as bytes.
        TRY(connection->change("SELECT pg_advisory_xact_lock(119182731994482)"));
        for (const sql::Migration& script : loader_postgres::migrations())
            TRY_WITH(connection->run_script(script.script), "the loader's tables in PostgreSQL");
        return {};
    });
}

Result<void> keep_dead_letters(sql::Database& ledger, const std::vector<DeadLetter>& letters,
                               std::int64_t now_ms) {
    const auto connection = TRY(ledger.connect());
    return connection->in_transaction([&]() -> Result<void> {
        for (const DeadLetter& letter : letters)
            TRY(connection->change(
                "INSERT INTO stroma_system.dead_letters VALUES (?, ?, ?, ?, ?, ?, CAST(? AS "
                "TIMESTAMP))",
                {letter.target, letter.bucket, letter.key, letter.etag, letter.reason,
                 letter.message, moment(now_ms)}));
        return {};
    });
}

Result<std::vector<std::pair<std::string, std::string>>> kept_configs(redshift::Engine& engine) {
    const auto connection = TRY(engine.database().connect());
    const auto rows = TRY(connection->execute(
        "SELECT \"name\", document FROM stroma_system.loader_configs ORDER BY \"name\""));
    std::vector<std::pair<std::string, std::string>> found;
    while (TRY(rows->next())) found.emplace_back(rows->text(0), rows->text(1));
    return found;
}

Result<void> keep_config(redshift::Engine& engine, const std::string& name,
                         const std::string& document, std::int64_t now_ms) {
    const auto connection = TRY(engine.database().connect());
    TRY(connection->change(
        "INSERT OR REPLACE INTO stroma_system.loader_configs VALUES (?, ?, CAST(? AS TIMESTAMP))",
        {name, document, moment(now_ms)}));
    return {};
}

Result<void> forget_config(redshift::Engine& engine, const std::string& name) {
    const auto connection = TRY(engine.database().connect());
    const auto gone = TRY(
        connection->change("DELETE FROM stroma_system.loader_configs WHERE \"name\" = ?", {name}));
    if (gone > 0) return {};
    return fail(ErrorCode::not_found,
                fmt::format("'{}' wasn't given by `stroma load --config`", name));
}

Result<void> keep_bulk(redshift::Engine& engine, const BulkRow& row, std::int64_t now_ms) {
    const auto connection = TRY(engine.database().connect());
    TRY(connection->change(
        "INSERT OR REPLACE INTO stroma_system.bulk_loads VALUES (?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS "
        "TIMESTAMP), CAST(? AS TIMESTAMP))",
        {row.id, row.document, row.role, row.state, row.paths_done, row.paths, row.answer,
         row.error, moment(row.given_ms), moment(now_ms)}));
    return {};
}

Result<std::vector<BulkRow>> kept_bulks(redshift::Engine& engine, const std::string& id) {
    const auto connection = TRY(engine.database().connect());
    const auto rows = TRY(connection->execute(
        "SELECT id, document, role, state, answer, error, paths_done, paths, epoch_ms(given) FROM "
        "stroma_system.bulk_loads WHERE $1 = '' OR id = $1 ORDER BY given DESC LIMIT 100",
        {id}));
    std::vector<BulkRow> found;
    while (TRY(rows->next()))
        found.push_back({rows->text(0), rows->text(1), rows->text(2), rows->text(3), rows->text(4),
                         rows->text(5), rows->integer(6), rows->integer(7), rows->integer(8)});
    return found;
}

void count_load(const std::string& table, const LoadReport& report) {
    const Labels labels = {{"table", table}};
    const auto add = [&](const char* name, const char* help, std::int64_t by) {
        counter(name, help, labels).add(static_cast<double>(by));
    };
    const LoadCounts& counts = report.counts;
    add("stroma_loader_rows_total", "Rows that the loader put into a table",
        counts.inserted + counts.updated);
    add("stroma_loader_files_total", "Objects that the loader loaded", counts.files);
    add("stroma_loader_bytes_total", "Bytes of the objects that the loader loaded", counts.bytes);
    add("stroma_loader_merged_total", "Rows that lost to another of their key", counts.merged);
    add("stroma_loader_rejected_total", "Rows that the loader refused", counts.rejected);
    add("stroma_loader_retries_total", "Loads repeated after a conflict", report.retries);
    std::int64_t refused = 0;
    for (const ObjectOutcome& outcome : report.objects)
        refused += outcome.state == ObjectState::refused ? 1 : 0;
    add("stroma_loader_refused_objects_total", "Objects that went to the dead letters", refused);
}

Result<void> publish_freshness(sql::Database& ledger) {
    const auto connection = TRY(ledger.connect());
    const auto rows = TRY(
        connection->execute("SELECT table_name, CAST(lag_seconds AS DOUBLE PRECISION), "
                            "CAST(last_seconds AS DOUBLE PRECISION), CAST(dead_letters AS DOUBLE "
                            "PRECISION) FROM "
                            "stroma_system.stroma_freshness"));
    while (TRY(rows->next())) {
        const Labels labels = {{"table", rows->text(0)}};
        gauge("stroma_loader_lag_seconds", "Age of the newest event in a table", labels)
            .set(rows->real(1));
        gauge("stroma_loader_last_load_seconds",
              "From an object's notification to its rows, of the last load", labels)
            .set(rows->real(2));
        gauge("stroma_loader_dead_letters", "Objects of a table that wait among dead letters",
              labels)
            .set(rows->real(3));
    }
    return {};
}

}  // namespace stroma::loader
