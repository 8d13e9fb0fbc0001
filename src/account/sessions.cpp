#include <fmt/format.h>

#include "account/accounts_state.h"
#include "base/digest.h"

// Sessions, and who somebody is at a provider.

namespace stroma::account {
namespace {

constexpr std::size_t secret_bytes = 32;
constexpr std::size_t agent_bytes_max = 200;
constexpr std::size_t sessions_of_user_max = 100;
constexpr std::int64_t used_precision_ms = 60'000;
constexpr std::int64_t place_is_known_ms = 90LL * 24 * 3600 * 1000;

constexpr std::string_view select_session =
    "SELECT id, principal, address, agent, created_ms, used_ms, expires_ms FROM sessions";

Session session_in(const sql::Rows& row) {
    return {.id = row.text(0),
            .principal = row.text(1),
            .address = row.text(2),
            .agent = row.text(3),
            .created_ms = row.integer(4),
            .used_ms = row.integer(5),
            .expires_ms = row.integer(6)};
}

/// Cut where no character of UTF-8 is torn.
std::string shortened(std::string_view text, std::size_t most) {
    if (text.size() <= most) return std::string(text);
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
    return std::string(text.substr(0, most));
}

Result<void> note_places(sql::Connection& connection, const std::string& principal,
                         const std::string& address, const std::string& browser, std::int64_t now) {
    for (const std::string& place : {"browser:" + sha256_hex(browser), "address:" + address})
        TRY(
            connection.change("INSERT INTO known_places VALUES(?, ?, ?) ON CONFLICT(principal, "
                              "place) DO UPDATE SET used_ms = excluded.used_ms",
                              {principal, place, now}));
    return {};
}

}  // namespace

Result<NewSession> Accounts::start_session(std::string_view principal, const Place& place) {
    const auto user = TRY(state_->catalog.find_principal(principal));
    if (!user || user->disabled) return fail(ErrorCode::denied, "the user may not come in");
    const std::int64_t now = state_->clock.unix_ms();
    NewSession made;
    made.secret = state_->ids.secret(secret_bytes);
    made.browser = place.browser.empty() ? state_->ids.secret(secret_bytes) : place.browser;
    made.session = {.id = state_->ids.uuid(),
                    .principal = user->id,
                    .address = place.address,
                    .agent = shortened(place.agent, agent_bytes_max),
                    .created_ms = now,
                    .used_ms = now,
                    .expires_ms = now + state_->options.session_length.count()};
    const Session& session = made.session;
    const auto keep = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("INSERT INTO sessions VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                              {session.id, session.principal, sha256_hex(made.secret),
                               session.address, session.agent, now, now, session.expires_ms}));
        TRY(connection.change(
            "DELETE FROM sessions WHERE principal = ? AND id NOT IN (SELECT id FROM sessions "
            "WHERE principal = ? ORDER BY created_ms DESC, id <> ? LIMIT ?)",
            {session.principal, session.principal, session.id,
             static_cast<std::int64_t>(sessions_of_user_max)}));
        return note_places(connection, session.principal, session.address, made.browser, now);
    };
    TRY(state_->in_transaction(keep));
    return made;
}

Result<std::optional<catalog::Principal>> Accounts::principal_of_session(std::string_view secret) {
    const std::int64_t now = state_->clock.unix_ms();
    const std::int64_t used_since = now - state_->options.session_idle.count();
    const auto connection = TRY(state_->pool.take());
    Session session;
    {
        const auto rows =
            TRY(connection->execute(fmt::format("{} WHERE secret_hash = ? AND expires_ms > ? AND "
                                                "used_ms > ?",
                                                select_session),
                                    {sha256_hex(secret), now, used_since}));
        if (!TRY(rows->next())) return std::nullopt;
        session = session_in(*rows);
    }
    auto principal = TRY(state_->catalog.find_principal(session.principal));
    if (!principal || principal->disabled) return std::nullopt;
    if (now - session.used_ms >= used_precision_ms)
        TRY(connection->change("UPDATE sessions SET used_ms = ? WHERE id = ?", {now, session.id}));
    principal->asking.by = "session";
    principal->asking.proof = session.id;
    return principal;
}

Result<std::vector<Session>> Accounts::sessions(std::string_view principal) {
    const std::int64_t now = state_->clock.unix_ms();
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        fmt::format("{} WHERE principal = ? AND expires_ms > ? AND used_ms > ? ORDER BY "
                    "used_ms DESC, id",
                    select_session),
        {std::string(principal), now, now - state_->options.session_idle.count()}));
    std::vector<Session> sessions;
    while (TRY(rows->next())) sessions.push_back(session_in(*rows));
    return sessions;
}

Result<void> Accounts::end_session(std::string_view principal, std::string_view id) {
    const auto connection = TRY(state_->pool.take());
    if (TRY(connection->change("DELETE FROM sessions WHERE principal = ? AND id = ?",
                               {std::string(principal), std::string(id)})) == 0)
        return fail(ErrorCode::not_found, fmt::format("there is no session '{}'", id));
    return {};
}

Result<void> Accounts::end_other_sessions(std::string_view principal, std::string_view kept) {
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change("DELETE FROM sessions WHERE principal = ? AND id <> ?",
                           {std::string(principal), std::string(kept)}));
    return {};
}

Result<std::optional<std::string>> Accounts::principal_of_identity(std::string_view issuer,
                                                                   std::string_view subject) {
    const auto connection = TRY(state_->pool.take());
    const auto rows =
        TRY(connection->execute("SELECT principal FROM identities WHERE issuer = ? AND subject = ?",
                                {std::string(issuer), std::string(subject)}));
    if (!TRY(rows->next())) return std::nullopt;
    return rows->text(0);
}

Result<void> Accounts::link_identity(std::string_view issuer, std::string_view subject,
                                     std::string_view principal) {
    const auto connection = TRY(state_->pool.take());
    const auto kept = connection->change("INSERT INTO identities VALUES(?, ?, ?, ?)",
                                         {std::string(issuer), std::string(subject),
                                          std::string(principal), state_->clock.unix_ms()});
    if (kept) return {};
    if (kept.error().code != ErrorCode::already_exists) return fail(kept.error());
    return fail(ErrorCode::already_exists, "that identity is a user's already");
}

Result<void> Accounts::expire() {
    const std::int64_t now = state_->clock.unix_ms();
    return state_->in_transaction([&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM sessions WHERE expires_ms <= ? OR used_ms <= ?",
                              {now, now - state_->options.session_idle.count()}));
        TRY(connection.change("DELETE FROM known_places WHERE used_ms <= ?",
                              {now - place_is_known_ms}));
        TRY(connection.change("DELETE FROM invitations WHERE expires_ms <= ?", {now}));
        TRY(connection.change("DELETE FROM sign_ins WHERE expires_ms <= ?", {now}));
        return {};
    });
}

}  // namespace stroma::account
