#include "sql/sqlite/sqlite_database.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>

#include "sql/sqlite/sqlite_handle.h"

namespace stroma::sql {

struct SqliteDatabase::State {
    fs::path path;
    SqliteOptions options;
    bool in_memory = false;
    std::shared_ptr<WriterGate> gate = std::make_shared<WriterGate>();
    sqlite3* anchor = nullptr;  // keeps the WAL open between connections
    std::shared_ptr<IdleHandles> idle = std::make_shared<IdleHandles>();

    ~State() {
        idle.reset();
        sqlite3_close_v2(anchor);
        if (!in_memory) return;
        for (const char* suffix : {"", "-wal", "-shm"}) ::unlink((path.string() + suffix).c_str());
    }
};

SqliteDatabase::SqliteDatabase(std::shared_ptr<State> state) : state_(std::move(state)) {}
SqliteDatabase::~SqliteDatabase() = default;

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const fs::path& path,
                                                             const SqliteOptions& options) {
    auto state = std::make_shared<State>();
    state->path = path;
    state->options = options;
    // Made here rather than by SQLite, for its mode; the WAL takes the mode of the file.
    if (!fs::exists(path)) {
        TRY(File::open_to_write(path));
        TRY(sync_folder(path.parent_path()));
    }
    state->anchor = TRY(open_sqlite(path, options.busy_wait, true));
    return std::unique_ptr<SqliteDatabase>(new SqliteDatabase(std::move(state)));
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open_in_memory(
    const SqliteOptions& options) {
    static std::atomic<int> number{0};
    auto state = std::make_shared<State>();
    const fs::path memory = "/dev/shm";
    std::error_code ignored;
    const fs::path folder = fs::is_directory(memory, ignored) && ::access("/dev/shm", W_OK) == 0
                                ? memory
                                : fs::temp_directory_path();
    state->options = options;
    state->in_memory = true;
    for (;;) {
        state->path = folder / fmt::format("stroma-sqlite-{}-{}", ::getpid(), ++number);
        auto made = File::create(state->path);
        if (made) break;
        if (made.error().code != ErrorCode::already_exists) return fail(std::move(made.error()));
    }
    state->anchor = TRY(open_sqlite(state->path, options.busy_wait, false));
    return std::unique_ptr<SqliteDatabase>(new SqliteDatabase(std::move(state)));
}

Result<std::unique_ptr<Connection>> SqliteDatabase::connect() {
    if (auto handle = state_->idle->take())
        return make_sqlite_connection(std::move(handle), state_->idle);
    const Milliseconds busy_wait = state_->options.busy_wait;
    sqlite3* database = TRY(open_sqlite(state_->path, busy_wait, !state_->in_memory));
    return make_sqlite_connection(std::make_shared<SqliteHandle>(database, state_->gate, busy_wait),
                                  state_->idle);
}

void SqliteDatabase::let_commits_wait_for_disk(bool wait) {
    state_->gate->commits_reach_disk = wait;
}

Abilities SqliteDatabase::abilities() const {
    return {.concurrent_writers = false, .columnar = false, .interruptible = true};
}

const fs::path& SqliteDatabase::path() const { return state_->path; }

Result<void> SqliteDatabase::backup_to(const fs::path& path) {
    const fs::path partial = path.string() + ".partial";
    TRY(remove_file(partial));
    TRY(File::create(partial));
    sqlite3* source = TRY(open_sqlite(state_->path, state_->options.busy_wait, true));
    sqlite3* target = nullptr;
    int code = sqlite3_open_v2(partial.c_str(), &target, SQLITE_OPEN_READWRITE, nullptr);
    if (code == SQLITE_OK) {
        sqlite3_backup* backup = sqlite3_backup_init(target, "main", source, "main");
        if (backup != nullptr) {
            sqlite3_backup_step(backup, -1);
            sqlite3_backup_finish(backup);
        }
        code = sqlite3_errcode(target);
    }
    Result<void> done;
    if (code != SQLITE_OK)
        done = fail(error_from_sqlite(target, code, "backing up to " + path.string()));
    sqlite3_close_v2(target);
    sqlite3_close_v2(source);
    if (!done) {
        (void)remove_file(partial);
        return done;
    }
    File file = TRY(File::open_to_write(partial));
    TRY(file.sync());
    TRY(rename_file(partial, path));
    return sync_folder(path.parent_path());
}

Result<void> SqliteDatabase::verify() {
    const auto connection = TRY(connect());
    const std::string name = state_->path.string();
    auto rows = TRY_WITH(connection->execute("PRAGMA integrity_check(1)"), name);
    if (!TRY_WITH(rows->next(), name) || rows->text(0) != "ok")
        return fail(ErrorCode::corrupt,
                    fmt::format("{}: {}; restore it from a backup", name, rows->text(0)));
    rows = TRY_WITH(connection->execute("PRAGMA foreign_key_check"), name);
    if (TRY_WITH(rows->next(), name))
        return fail(ErrorCode::corrupt,
                    fmt::format("{}: a row of table '{}' points to a missing row of '{}'", name,
                                rows->text(0), rows->text(2)));
    return {};
}

}  // namespace stroma::sql
