#include "redshift/engine.h"

#include <fmt/format.h>

#include <array>

#include "base/digest.h"
#include "redshift/engine_session.h"
#include "redshift/external.h"
#include "redshift/state.h"
#include "sql/duckdb/duckdb_database.h"
#include "sql/migrations.h"

namespace stroma::redshift {

std::span<const sql::Migration> migrations();

}  // namespace stroma::redshift

namespace stroma::redshift_functions {
std::span<const sql::Migration> migrations();
}

namespace stroma::redshift {

RowSources::Ticket::Ticket(RowSources& sources, std::shared_ptr<sql::TableScan> scan)
    : sources_(sources) {
    const std::lock_guard lock(sources_.mutex_);
    number_ = std::to_string(sources_.next_++);
    sources_.scans_[number_] = std::move(scan);
}

RowSources::Ticket::~Ticket() {
    const std::lock_guard lock(sources_.mutex_);
    sources_.scans_.erase(number_);
}

std::string RowSources::Ticket::relation() const {
    return fmt::format("stroma_rows('{}')", number_);
}

Result<std::shared_ptr<sql::TableScan>> RowSources::find(std::string_view number) const {
    const std::lock_guard lock(mutex_);
    const auto found = scans_.find(number);
    if (found == scans_.end()) return fail(ErrorCode::not_found, "there are no such rows any more");
    return found->second;
}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

sql::EmbeddedDatabase& Engine::database() { return *state_->database; }
const EngineOptions& Engine::options() const { return state_->options; }

namespace {

constexpr const char* database_file = "dev.duckdb";

/// What a COPY or UNLOAD left when the process ended.
Result<void> sweep(const fs::path& staging) {
    std::error_code ignored;
    fs::remove_all(staging, ignored);
    return make_folders(staging);
}

/// Makes what the program knows, not the file: functions, and views of the system and catalog. A
/// file that the same program opened before has them. Who puts others in their place empties
/// stroma_system.made_by.
Result<void> make_known(sql::Connection& connection, const EngineOptions& options) {
    const std::array parts = {redshift_functions::migrations(), options.catalog};
    Digest digest(DigestKind::sha256);
    for (const auto& scripts : parts)
        for (const sql::Migration& script : scripts) digest.update(script.script);
    const std::string made = digest.hex();
    TRY(connection.run_script("CREATE TABLE IF NOT EXISTS stroma_system.made_by(digest VARCHAR)"));
    const auto before = TRY(connection.execute("SELECT digest FROM stroma_system.made_by"));
    if (TRY(before->next()) && before->text(0) == made) return {};
    return connection.in_transaction([&]() -> Result<void> {
        for (const auto& scripts : parts)
            for (const sql::Migration& script : scripts) TRY(connection.run_script(script.script));
        TRY(connection.change("DELETE FROM stroma_system.made_by"));
        TRY(connection.change("INSERT INTO stroma_system.made_by VALUES (?)", {made}));
        return {};
    });
}

Result<void> add_log(sql::EmbeddedDatabase& database, const std::string& name, const auto& log) {
    return database.add_table_function(
        name,
        [log](std::string_view) -> Result<std::shared_ptr<sql::TableScan>> { return log->scan(); });
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(EngineOptions options) {
    TRY(make_folders(options.folder));
    options.folder = fs::canonical(options.folder);
    TRY(sweep(options.folder / "staging"));
    TRY(make_folders(options.folder / "spill"));
    sql::DuckDbOptions duckdb;
    duckdb.file = options.folder / database_file;
    duckdb.temp_folder = options.folder / "spill";
    duckdb.memory_bytes = options.memory_bytes;
    duckdb.temp_bytes_max = options.temp_bytes_max;
    duckdb.open_folders = {options.folder / "staging"};
    duckdb.concurrent_writers = true;
    duckdb.storage_version = "v1.4.0";  // the first whose macros' parameters have types
    duckdb.integer_division = true;
    duckdb.open_settings = true;  // no statement of a user's reaches SET but by our own grammar
    auto database = TRY(sql::open_duckdb(duckdb));
    TRY(sql::migrate(*database, "redshift", migrations()));
    // Numbers of statements rise over restarts, and stay below 2^31 until 2037.
    constexpr std::int64_t start_of_2020 = 1'577'836'800, numbers_a_second = 4;
    const std::int64_t first = (options.clock->unix_ms() / 1000 - start_of_2020) * numbers_a_second;
    auto state = std::make_unique<State>(std::move(options), database, first);
    TRY(database->add_table_function("stroma_rows", [rows = state->rows](std::string_view number) {
        return rows->find(number);
    }));
    TRY(add_log(*database, "stroma_queries", state->log));
    TRY(add_log(*database, "stroma_sessions", state->session_log));
    TRY(add_log(*database, "stroma_unloads", state->unload_log));
    TRY(add_log(*database, "stroma_locks", state->kept_locks));
    TRY(add_table_blocks(database));
    TRY(add_session_calls(*database, state->open_sessions));
    TRY(add_hash_calls(*database));
    TRY(add_external_functions(database, state->options.lake, state->staging()));
    const auto connection = TRY(database->connect());
    TRY_WITH(make_known(*connection, state->options), "Redshift's functions and views");
    if (state->options.outside)
        TRY_WITH(add_outside(*database, *connection, state->options.outside), "outside relations");
    return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

Result<std::unique_ptr<Session>> Engine::connect(SessionOptions options) {
    if (state_->stopping) return fail(ErrorCode::unavailable, "the database is being closed");
    const bool is_local =
        options.by_site || options.principal.id == catalog::local_administrator().id;
    options.is_superuser |= is_local;
    const std::string id =
        is_local ? catalog::local_administrator().id : std::string(options.principal.id);
    TRY(state_->know_user({id, is_local ? "admin" : options.principal.name, options.is_superuser}));
    auto connection = TRY(state_->database->connect());
    // What the views of the log and of rights ask; no statement of a user's reaches it.
    auto session =
        std::make_unique<EngineSession>(*state_, std::move(options), std::move(connection));
    const std::string me = fmt::format(
        "SET VARIABLE stroma_user = {}; SET VARIABLE "
        "stroma_session = CAST({} AS BIGINT)",
        quoted_text(id), session->number());
    const auto ready = session->set("search_path", "\"$user\", public");
    if (!ready) return fail(error_of(ready.error()));
    TRY(session->connection().run_script("SET TimeZone = 'UTC'; " + me));
    return session;
}

Result<void> Engine::State::know_user(const EngineUser& user) {
    const std::lock_guard lock(users_mutex);
    const auto known = users.find(user.id);
    if (known != users.end() && known->second.name == user.name &&
        known->second.is_superuser == user.is_superuser)
        return {};
    const auto connection = TRY(database->connect());
    const std::shared_lock no_backup(commits);
    const auto keep = [&]() -> Result<void> {
        const auto changed = TRY(connection->change(
            "UPDATE stroma_system.users SET \"name\" = ?, is_super = ? WHERE id = ?",
            {user.name, user.is_superuser, user.id}));
        if (changed > 0) return {};
        TRY(connection->change(
            "INSERT INTO stroma_system.users SELECT max(\"number\") + 1, ?, ?, ? FROM "
            "stroma_system.users",
            {user.id, user.name, user.is_superuser}));
        return {};
    };
    TRY(connection->in_transaction(keep));
    users[user.id] = user;
    return {};
}

Result<std::vector<CopyJob>> Engine::copy_jobs() {
    const auto connection = TRY(state_->database->connect());
    const auto rows =
        TRY(connection->execute("SELECT id, name, source, owner FROM stroma_system.copy_jobs WHERE "
                                "automatic ORDER BY id"));
    std::vector<CopyJob> jobs;
    while (TRY(rows->next()))
        jobs.push_back({rows->integer(0), rows->text(1), rows->text(2), rows->text(3)});
    return jobs;
}

void Engine::follow_copy_jobs(std::function<void()> changed) {
    const std::lock_guard lock(state_->followed_mutex);
    state_->copy_jobs_followed = std::move(changed);
}

Result<std::vector<std::string>> Engine::marks() {
    const auto connection = TRY(state_->database->connect());
    const auto rows =
        TRY(connection->execute("SELECT DISTINCT id FROM stroma_system.statement_marks"));
    std::vector<std::string> names;
    while (TRY(rows->next())) names.push_back(rows->text(0));
    return names;
}

Result<void> Engine::drop_marks(const std::vector<std::string>& names) {
    const auto connection = TRY(state_->database->connect());
    const std::shared_lock no_backup(state_->commits);
    for (const std::string& name : names)
        TRY(connection->change("DELETE FROM stroma_system.statement_marks WHERE id = ?", {name}));
    return {};
}

Result<void> Engine::copy_to(const fs::path& folder) {
    const std::unique_lock nobody_commits(state_->commits);
    return state_->database->backup_to(folder / database_file);
}

void Engine::stop() {
    state_->stopping = true;
    state_->open_sessions->cancel_all();
}

}  // namespace stroma::redshift
