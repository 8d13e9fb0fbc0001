#include <fmt/format.h>

#include "redshift/engine_session.h"
#include "redshift/token_reader.h"
#include "sql/duckdb/duckdb_call.h"

namespace stroma::redshift {

void OpenSessions::add(EngineSession& session) {
    const std::lock_guard lock(mutex_);
    sessions_.insert(&session);
}

void OpenSessions::remove(EngineSession& session) {
    const std::lock_guard lock(mutex_);
    sessions_.erase(&session);
}

void OpenSessions::cancel_all() {
    const std::lock_guard lock(mutex_);
    for (EngineSession* session : sessions_) session->cancel();
}

EngineSession* OpenSessions::numbered(std::int64_t number) const {
    for (EngineSession* session : sessions_)
        if (session->number() == number) return session;
    return nullptr;
}

Answer<bool> OpenSessions::end(std::int64_t process, std::int64_t caller, Ends what,
                               const std::string& words) {
    const std::lock_guard lock(mutex_);
    return end_now(process, numbered(caller), what, words);
}

Result<bool> OpenSessions::end_by_call(std::int64_t process, std::int64_t caller, Ends what) {
    const std::lock_guard lock(mutex_);
    EngineSession* const asks = numbered(caller);
    auto ended = end_now(process, asks, what, "");
    if (!ended) {
        const Error told = error_of(ended.error());
        if (asks != nullptr) asks->blame(std::move(ended.error()));
        return fail(told);
    }
    if (!*ended)
        asks->tell({"WARNING", "01000",
                    fmt::format("PID {} is not a PostgreSQL server process", process)});
    return *ended;
}

Answer<bool> OpenSessions::end_now(std::int64_t process, EngineSession* asks, Ends what,
                                   const std::string& words) const {
    if (asks == nullptr) return refuse("42501", "only a session ends another");
    EngineSession* other = nullptr;
    // Those that no client of a port holds have no number of a process.
    for (EngineSession* session : sessions_)
        if (process != 0 && session->options().process == process) other = session;
    if (other == nullptr) return false;
    const bool is_session = what == Ends::session;
    if (!asks->is_superuser() && other->is_superuser())
        return refuse("42501", is_session ? "must be a superuser to terminate superuser process"
                                          : "must be a superuser to cancel superuser query");
    if (!asks->is_superuser() && asks->user_id() != other->user_id())
        return refuse("42501", fmt::format("must be a member of the role whose {}, or a superuser",
                                           is_session ? "process is being terminated"
                                                      : "query is being canceled"));
    if (is_session) {
        other->terminate();
    } else {
        other->cancel(words);
    }
    // What asks for its own end would else be done before it is noticed.
    if (other == asks)
        return is_session ? refuse("57P01", "terminating connection due to administrator command")
                          : refuse("57014", "canceling statement due to user request");
    return true;
}

Result<void> add_session_calls(sql::EmbeddedDatabase& database,
                               const std::shared_ptr<OpenSessions>& sessions) {
    // The process, who asks, and whether all of the session ends.
    const auto call =
        [sessions](std::span<const std::optional<std::int64_t>> given) -> Result<bool> {
        if (!given[0] || !given[1] || !given[2]) return false;
        return sessions->end_by_call(
            *given[0], *given[1],
            *given[2] == 0 ? OpenSessions::Ends::statement : OpenSessions::Ends::session);
    };
    return sql::add_duckdb_call(database, "stroma_end_session", 3, call);
}

// CANCEL process ['message']
Answer<std::unique_ptr<Cursor>> run_cancel(EngineSession& session, const Prepared& prepared) {
    TokenReader reader(prepared.plan->tokens, 1);
    const std::int64_t process = TRY(reader.integer());
    const std::string words = reader.at_end() ? "" : TRY(reader.text());
    if (!reader.at_end()) return reader.wrong("the end of the statement");
    if (!TRY(session.engine().open_sessions->end(process, session.number(),
                                                 OpenSessions::Ends::statement, words)))
        return refuse("42704", fmt::format("there is no session of process {}: stv_sessions "
                                           "tells of those that are open",
                                           process));
    return done(StatementKind::other, 0, "CANCEL");
}

}  // namespace stroma::redshift
