#include "sql/sqlite/sqlite_handle.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <utility>

namespace stroma::sql {

bool WriterGate::enter(Milliseconds wait) {
    std::unique_lock lock(mutex_);
    if (!left_.wait_for(lock, wait, [&] { return !taken_; })) return false;
    taken_ = true;
    return true;
}

void WriterGate::leave() {
    {
        const std::lock_guard lock(mutex_);
        taken_ = false;
    }
    left_.notify_one();
}

namespace {

ErrorCode code_of_constraint(int extended) {
    switch (extended) {
        case SQLITE_CONSTRAINT_UNIQUE:
        case SQLITE_CONSTRAINT_PRIMARYKEY:
        case SQLITE_CONSTRAINT_ROWID: return ErrorCode::already_exists;
        default: return ErrorCode::invalid_input;
    }
}

ErrorCode code_of(sqlite3* database, int code) {
    switch (code & 0xff) {
        case SQLITE_CONSTRAINT: return code_of_constraint(code);
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return ErrorCode::conflict;
        case SQLITE_FULL:
        case SQLITE_NOMEM:
        case SQLITE_TOOBIG: return ErrorCode::exhausted;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return ErrorCode::corrupt;
        case SQLITE_INTERRUPT: return ErrorCode::cancelled;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH: return ErrorCode::denied;
        case SQLITE_IOERR: {
            const int error_number = database == nullptr ? 0 : sqlite3_system_errno(database);
            return error_number == ENOSPC || error_number == EDQUOT ? ErrorCode::exhausted
                                                                    : ErrorCode::unavailable;
        }
        case SQLITE_CANTOPEN:
        case SQLITE_PROTOCOL: return ErrorCode::unavailable;
        default: return ErrorCode::invalid_input;
    }
}

}  // namespace

Error error_from_sqlite(sqlite3* database, int code, std::string_view doing) {
    const char* words = database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
    return {code_of(database, code), fmt::format("{}: {}", doing, words)};
}

namespace {

/// Held while it lives by one opener of a file in that folder. Two processes that make one file at
/// once need turns: turning it to WAL is refused to one of them without the wait that SQLite has
/// for every other statement. (The file itself can't be locked so: closing it would let go of the
/// locks that SQLite has on it.)
File take_turn_in(const fs::path& folder) {
    File turn(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder.string());
    // Without turns, where a file system has none, opening works as long as others don't.
    while (turn.is_open() && ::flock(turn.descriptor(), LOCK_EX) != 0 && errno == EINTR) {
    }
    return turn;
}

}  // namespace

Result<sqlite3*> open_sqlite(const fs::path& path, Milliseconds busy_wait, bool durable) {
    // A file that isn't durable lies in a folder of everybody's, and is nobody else's.
    const File turn = durable ? take_turn_in(path.parent_path()) : File();
    sqlite3* database = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path.c_str(), &database, flags, nullptr);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(database, static_cast<int>(busy_wait.count()));
        const char* settings = durable ? "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
                                         "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                         "SELECT count(*) FROM sqlite_schema;"
                                       : "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
                                         "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                                         "SELECT count(*) FROM sqlite_schema;";
        code = sqlite3_exec(database, settings, nullptr, nullptr, nullptr);
    }
    if (code == SQLITE_OK) return database;
    Error error = error_from_sqlite(database, code, "opening " + path.string());
    sqlite3_close_v2(database);
    return fail(std::move(error));
}

SqliteHandle::SqliteHandle(sqlite3* database, std::shared_ptr<WriterGate> gate,
                           Milliseconds busy_wait)
    : database_(database), gate_(std::move(gate)), busy_wait_(busy_wait) {}

SqliteHandle::~SqliteHandle() {
    for (const auto& [text, statement] : idle_) sqlite3_finalize(statement);
    sqlite3_close_v2(database_);
    leave_gate();
}

Result<sqlite3_stmt*> SqliteHandle::prepare(std::string_view text) {
    if (auto idle = idle_.extract(std::string(text))) return idle.mapped();
    sqlite3_stmt* statement = nullptr;
    const char* rest = nullptr;
    int code = sqlite3_prepare_v3(database_, text.data(), static_cast<int>(text.size()),
                                  SQLITE_PREPARE_PERSISTENT, &statement, &rest);
    if (code != SQLITE_OK) return fail(error_from_sqlite(database_, code, "preparing a statement"));
    if (statement == nullptr) return fail(ErrorCode::invalid_input, "the statement is empty");
    sqlite3_stmt* second = nullptr;
    const int rest_bytes = static_cast<int>(text.data() + text.size() - rest);
    code = sqlite3_prepare_v2(database_, rest, rest_bytes, &second, nullptr);
    sqlite3_finalize(second);
    if (code == SQLITE_OK && second == nullptr) return statement;
    sqlite3_finalize(statement);
    // Even an empty rest is "interrupted" when interrupt() is called while it is parsed.
    if (code == SQLITE_INTERRUPT)
        return fail(error_from_sqlite(database_, code, "preparing a statement"));
    return fail(ErrorCode::invalid_input, "one statement at a time; use run_script for several");
}

void SqliteHandle::put_back(sqlite3_stmt* statement) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    const char* text = sqlite3_sql(statement);
    if (idle_.size() < idle_max && idle_.emplace(text, statement).second) return;
    sqlite3_finalize(statement);
}

Result<void> SqliteHandle::run(const char* statement) {
    const int code = sqlite3_exec(database_, statement, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail(error_from_sqlite(database_, code, statement));
    return {};
}

Result<void> SqliteHandle::enter_gate() {
    if (in_gate_) return {};
    if (!gate_->enter(busy_wait_))
        return fail(ErrorCode::conflict,
                    fmt::format("another write transaction of this database stayed open for {} ms",
                                busy_wait_.count()));
    in_gate_ = true;
    if (const bool wanted = gate_->commits_reach_disk; wanted != reaches_disk_) {
        TRY(run(wanted ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
        reaches_disk_ = wanted;
    }
    return {};
}

void SqliteHandle::leave_gate() {
    if (std::exchange(in_gate_, false)) gate_->leave();
}

std::shared_ptr<SqliteHandle> IdleHandles::take() {
    const std::lock_guard lock(mutex_);
    if (handles_.empty()) return nullptr;
    auto handle = std::move(handles_.back());
    handles_.pop_back();
    return handle;
}

void IdleHandles::put(std::shared_ptr<SqliteHandle> handle) {
    const std::lock_guard lock(mutex_);
    if (handles_.size() < most) handles_.push_back(std::move(handle));
}

Error SqliteHandle::failed(Error error) {
    if (inside != Inside::nothing && !first_failure) first_failure = error;
    return error;
}

}  // namespace stroma::sql
