#include "app/redshift/delivery_copies.h"

#include <fmt/format.h>

#include <atomic>

namespace stroma::app {
namespace {

using redshift::Answer;
using redshift::Session;

std::string sql_text(std::string_view text) {
    std::string made = "'";
    for (const char c : text) made += c == '\'' ? "''" : std::string(1, c);
    return made + "'";
}

std::string copy_text(const delivery::WarehouseCopy& copy) {
    const auto& table = copy.table;
    return fmt::format("COPY {}{} FROM {} IAM_ROLE {} MANIFEST{} {}", table.table,
                       table.columns.empty() ? "" : " (" + table.columns + ")",
                       sql_text(copy.manifest),
                       table.role.empty() ? std::string("default") : sql_text(table.role),
                       copy.gzip ? " GZIP" : "", table.options);
}

/// One statement of that kind, carried out; gives whether it has a row.
Answer<bool> run_one(Session& session, const std::string& text, redshift::StatementKind kind) {
    const auto statements = TRY(redshift::split(text));
    if (statements.size() != 1 || statements[0].kind != kind)
        return redshift::refuse("42601", "the delivery's CopyCommand isn't one COPY");
    const auto cursor = TRY(session.run(statements[0]));
    return cursor->next();
}

Answer<void> take_batch(Session& session, const delivery::WarehouseCopy& copy) {
    using Kind = redshift::StatementKind;
    const std::string batch =
        fmt::format("delivery = {} AND batch = {}", sql_text(copy.delivery), sql_text(copy.batch));
    if (TRY(run_one(session, "SELECT 1 FROM stroma.delivery_ledger WHERE " + batch, Kind::select)))
        return {};
    TRY(run_one(session, copy_text(copy), Kind::copy_from_s3));
    TRY(run_one(
        session,
        fmt::format("INSERT INTO stroma.delivery_ledger VALUES ({}, {}, {}, getdate())",
                    sql_text(copy.delivery), sql_text(copy.batch), sql_text(copy.table.table)),
        Kind::insert));
    return {};
}

Answer<void> make_ledger(Session& session) {
    using Kind = redshift::StatementKind;
    TRY(run_one(session, "CREATE SCHEMA IF NOT EXISTS stroma", Kind::create_schema));
    TRY(run_one(session,
                "CREATE TABLE IF NOT EXISTS stroma.delivery_ledger (delivery varchar(64), "
                "batch varchar(1024), table_name varchar(512), taken timestamp)",
                Kind::create_table));
    return {};
}

Result<catalog::Principal> owner_of(Site& site, const std::string& id) {
    if (catalog::local_administrator().id == id) return catalog::local_administrator();
    const auto found = TRY(site.catalog().find_principal(id));
    if (found) return *found;
    return fail(ErrorCode::denied, fmt::format("the delivery's owner {} is no more", id));
}

Result<void> copy_into(Site& site, redshift::Engine& engine, const delivery::WarehouseCopy& copy,
                       int process) {
    redshift::SessionOptions options;
    options.principal = TRY(owner_of(site, copy.owner));
    options.user = options.principal.name;
    options.application = "delivery";
    options.process = process;
    options.is_superuser = TRY(site.catalog().may(options.principal, catalog::Action::administer,
                                                  {catalog::ThingKind::site, "", ""}));
    const auto session = TRY(engine.connect(std::move(options)));
    const auto told = [](const Answer<void>& done) -> Result<void> {
        return done ? Result<void>{} : fail(redshift::error_of(done.error()));
    };
    TRY(told(make_ledger(*session)));
    session->open_group();
    const auto taken = take_batch(*session, copy);
    const auto closed = session->close_group();
    TRY(told(taken));
    return told(closed);
}

}  // namespace

std::function<Result<void>(const delivery::WarehouseCopy& copy)> delivery_copies(
    Site& site, redshift::Engine& engine) {
    // Far from the numbers that connections of clients have.
    auto process = std::make_shared<std::atomic<int>>(1'000'000'000);
    return [&site, &engine, process](const delivery::WarehouseCopy& copy) {
        return copy_into(site, engine, copy, ++*process);
    };
}

}  // namespace stroma::app
