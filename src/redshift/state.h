#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>

#include "redshift/engine.h"
#include "redshift/monitor/session_log.h"
#include "redshift/query_log.h"
#include "redshift/table_locks.h"
#include "redshift/zone_offsets.h"

namespace stroma::redshift {

/// Rows that C++ makes for one statement, by a number that it names: stroma_rows('17').
class RowSources {
public:
    /// The relation, while the given thing lives.
    class Ticket {
    public:
        Ticket(RowSources& sources, std::shared_ptr<sql::TableScan> scan);
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;
        ~Ticket();
        std::string relation() const;

    private:
        RowSources& sources_;
        std::string number_;
    };
    Result<std::shared_ptr<sql::TableScan>> find(std::string_view number) const;

private:
    mutable std::mutex mutex_;
    std::uint64_t next_ = 1;
    std::map<std::string, std::shared_ptr<sql::TableScan>, std::less<>> scans_;
};

class EngineSession;

/// The sessions that are open, so that one can end what another runs, or the other itself. Any
/// thread; a session that is in here lives.
class OpenSessions {
public:
    enum class Ends { statement, session };

    void add(EngineSession& session);
    void remove(EngineSession& session);
    void cancel_all();
    /// As pg_cancel_backend and pg_terminate_backend do: users their own, superusers all. `caller`
    /// is the number that SessionLog gave the session that asks; `words` go behind what the other's
    /// client is told. False: there is no session of that process.
    /// errors  42501  a session of somebody else
    ///         57014, 57P01  it is the caller's own, which ends by this answer
    Answer<bool> end(std::int64_t process, std::int64_t caller, Ends what,
                     const std::string& words = "");
    /// The same by a function within a statement: what is to be told of it the session keeps.
    Result<bool> end_by_call(std::int64_t process, std::int64_t caller, Ends what);

private:
    EngineSession* numbered(std::int64_t number) const;
    Answer<bool> end_now(std::int64_t process, EngineSession* caller, Ends what,
                         const std::string& words) const;

    std::mutex mutex_;
    std::set<EngineSession*> sessions_;
};

/// Lets the functions of SQL call end().
Result<void> add_session_calls(sql::EmbeddedDatabase& database,
                               const std::shared_ptr<OpenSessions>& sessions);

/// Lets SQL call the hash functions that the engine hasn't got, by names of ours.
Result<void> add_hash_calls(sql::EmbeddedDatabase& database);

/// Adds two relations about users' tables, as they are committed when a statement asks:
/// `stroma_blocks('')`, a row for each stored segment of a column (schema_name, table_name, column,
/// from 0, column_name, row_group, block, -1 where it lies in the log alone, first_row, rows,
/// compression, least and greatest as the engine's statistics have them, null where they say
/// nothing), and `stroma_row_counts('')` (schema_name, table_name, rows).
Result<void> add_table_blocks(const std::shared_ptr<sql::EmbeddedDatabase>& database);

struct Engine::State {
    State(EngineOptions the_options, std::shared_ptr<sql::EmbeddedDatabase> opened,
          std::int64_t first_query)
        : options(std::move(the_options)),
          database(std::move(opened)),
          log(std::make_shared<QueryLog>(first_query)) {}

    EngineOptions options;
    std::shared_ptr<sql::EmbeddedDatabase> database;
    // The engine below keeps its functions for as long as it lives, which may be longer than we do.
    std::shared_ptr<RowSources> rows = std::make_shared<RowSources>();
    std::shared_ptr<QueryLog> log;
    std::shared_ptr<SessionLog> session_log = std::make_shared<SessionLog>();
    std::shared_ptr<UnloadLog> unload_log = std::make_shared<UnloadLog>();
    std::shared_ptr<TableLocks> kept_locks = std::make_shared<TableLocks>();
    TableLocks& locks = *kept_locks;
    ZoneOffsets zones{[this] { return database->connect(); }};
    std::atomic<std::uint64_t> next_transaction{1};
    std::atomic<bool> stopping{false};
    std::shared_ptr<OpenSessions> open_sessions = std::make_shared<OpenSessions>();
    /// Shared by every commit and checkpoint; a backup's alone, while it copies the file.
    std::shared_mutex commits;
    std::mutex followed_mutex;
    std::function<void()> copy_jobs_followed;
    /// After a COPY JOB was made, changed or taken away.
    void tell_copy_jobs() {
        const std::lock_guard lock(followed_mutex);
        if (copy_jobs_followed) copy_jobs_followed();
    }
    /// Keeps by what name and number SQL knows a user; cheap where nothing changed.
    Result<void> know_user(const EngineUser& user);
    std::mutex users_mutex;
    std::map<std::string, EngineUser> users;
    std::int64_t now_us() const { return options.clock->unix_ms() * 1000; }
    fs::path staging() const { return options.folder / "staging"; }
};

}  // namespace stroma::redshift
