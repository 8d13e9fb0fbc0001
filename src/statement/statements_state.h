#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "sql/connection_pool.h"
#include "statement/statements.h"

// Private to this folder.

namespace stroma::statement {

struct KeptSession;

/// A statement that isn't over. What may change is guarded by the state's mutex.
struct Live {
    Statement statement;
    catalog::Principal principal;
    redshift::Session* session = nullptr;  ///< while it runs
    bool is_called_off = false;
    std::shared_ptr<KeptSession> kept;  ///< the session that it belongs to; null for one of its own
};

/// A session that stays between statements. Its thread runs them, so that none waits behind others
/// for a transaction that only this session can end.
struct KeptSession {
    std::string id, owner, database;
    std::int64_t created_ms = 0, expires_ms = 0, keep_ms = 0;
    std::shared_ptr<Live> current;               ///< null when it is idle
    bool is_reserved = false;                    ///< a statement for it is being kept
    std::unique_ptr<redshift::Session> session;  ///< its thread's alone
    std::jthread thread;
};

struct Statements::State {
    State(sql::WriteGroup& group, Connect connecting, const Clock& time, IdSource& id_source,
          StatementsOptions the_options)
        : writes(group),
          connect(std::move(connecting)),
          clock(time),
          ids(id_source),
          options(std::move(the_options)),
          readers(group.database()) {}

    fs::path result_path(std::string_view id, std::size_t part) const;
    /// The row that holds it; its status and record become these.
    Result<void> keep(sql::Connection& connection, const Statement& statement);
    Result<void> recover();
    Result<void> settle(Statement statement, bool took_effect);
    Result<Statement> insert(Order& order, const Statement& made, bool& is_known);
    Result<std::shared_ptr<KeptSession>> session_for(const Order& order, Live& live);

    // running.cpp
    void work(const std::stop_token& stop);
    void serve(const std::stop_token& stop, const std::shared_ptr<KeptSession>& kept);
    void run_alone(Live& live);
    void run(Live& live, redshift::Session& session);
    void run_parts(Live& live, redshift::Session& session, Statement& statement);
    redshift::Answer<void> run_part(Live& live, redshift::Session& session, Statement& statement,
                                    std::size_t at);
    void fail_start(Live& live, const redshift::Failure& failure);
    /// Becomes over: kept, told, and no longer live.
    void finish(Live& live, Statement statement);
    bool is_called_off(Live& live);
    void show(Live& live, const Statement& statement);
    redshift::Answer<std::unique_ptr<redshift::Session>> open_session(
        const catalog::Principal& principal, const std::string& database);

    sql::WriteGroup& writes;
    const Connect connect;
    const Clock& clock;
    IdSource& ids;
    const StatementsOptions options;
    sql::ConnectionPool readers;

    std::mutex mutex;
    std::condition_variable_any changed;
    std::map<std::string, std::shared_ptr<Live>, std::less<>> live;
    std::deque<std::shared_ptr<Live>> waiting;
    std::map<std::string, std::shared_ptr<KeptSession>, std::less<>> sessions;
    std::set<std::string> over_marks;  ///< marks of statements that were over a round ago
    std::vector<std::shared_ptr<KeptSession>> ended;  ///< their threads are to be joined
    std::int32_t next_process = 1 << 30;              ///< beyond those of connected clients
    std::atomic<bool> is_stopping{false};
    std::vector<std::jthread> workers;
    std::jthread keeper;
};

// records.cpp
std::string record_of(const Statement& statement);
Result<Statement> statement_of(std::string_view record);

}  // namespace stroma::statement
