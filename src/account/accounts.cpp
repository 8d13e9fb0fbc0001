#include "account/accounts.h"

#include <fmt/format.h>

#include <algorithm>

#include "account/accounts_state.h"
#include "account/password.h"
#include "base/ascii.h"
#include "base/digest.h"
#include "sql/migrations.h"

namespace stroma::account {

std::span<const sql::Migration> migrations();

namespace {

constexpr std::size_t email_bytes_max = 254;

Result<void> check_email(std::string_view email) {
    const std::size_t at = email.find('@');
    const bool plain = std::none_of(email.begin(), email.end(),
                                    [](unsigned char c) { return c <= 0x20 || c == 0x7f; });
    if (plain && email.size() <= email_bytes_max && at != 0 && at != email.npos &&
        at + 1 < email.size() && email.find('@', at + 1) == email.npos)
        return {};
    return fail(ErrorCode::invalid_input,
                fmt::format("'{}' is no e-mail address", email.substr(0, email_bytes_max)));
}

struct Account {
    std::string principal, email, password_hash;
};

/// What is kept of a user; all but the id empty when nothing is.
Result<Account> account_of(sql::Connection& connection, std::string_view principal) {
    const auto rows = TRY(connection.execute(
        "SELECT email, password_hash FROM accounts WHERE principal = ?", {std::string(principal)}));
    if (!TRY(rows->next())) return Account{std::string(principal), "", ""};
    return Account{std::string(principal), rows->text(0), rows->text(1)};
}

/// Whom a name or an address means; the id is "" for nobody.
Result<Account> account_named(sql::Connection& connection, std::string_view user) {
    std::string id;
    {
        const auto rows = TRY(connection.execute(
            "SELECT id FROM principals WHERE name = ? AND id <> 'local' UNION ALL SELECT principal "
            "FROM accounts WHERE email_key = ? AND email_key <> ''",
            {std::string(user), ascii_lower(user)}));
        if (TRY(rows->next())) id = rows->text(0);
    }
    if (id.empty()) return Account{};
    return account_of(connection, id);
}

std::vector<std::string> places_of(const Place& place) {
    std::vector<std::string> places;
    if (!place.browser.empty()) places.push_back("browser:" + sha256_hex(place.browser));
    if (!place.address.empty()) places.push_back("address:" + place.address);
    return places;
}

/// What the tries of a user at that place are counted under.
Result<std::string> throttle_key(sql::Connection& connection, const Account& account,
                                 std::string_view user, const Place& place) {
    if (account.principal.empty()) return "nobody:" + sha256_hex(ascii_lower(user));
    for (const std::string& known : places_of(place)) {
        const auto rows =
            TRY(connection.execute("SELECT 1 FROM known_places WHERE principal = ? AND place = ?",
                                   {account.principal, known}));
        if (TRY(rows->next())) return "user:" + account.principal + "|" + known;
    }
    return "user:" + account.principal;
}

Result<void> keep_password(sql::Connection& connection, std::string_view principal,
                           const std::string& hash, std::int64_t now) {
    TRY(connection.change(
        "INSERT INTO accounts VALUES(?, '', '', ?, ?) ON CONFLICT(principal) DO UPDATE SET "
        "password_hash = excluded.password_hash, changed_ms = excluded.changed_ms",
        {std::string(principal), hash, now}));
    return {};
}

Error too_many_tries() { return {ErrorCode::exhausted, "too many wrong passwords; wait a minute"}; }

Error wrong_password() { return {ErrorCode::denied, "the user or the password is wrong"}; }

}  // namespace

Accounts::Accounts(std::unique_ptr<State> state) : state_(std::move(state)) {}
Accounts::~Accounts() = default;

Result<std::unique_ptr<Accounts>> Accounts::open(sql::Database& database, catalog::Catalog& catalog,
                                                 const Clock& clock, IdSource& ids,
                                                 const AccountOptions& options) {
    TRY(sql::migrate(database, "account", migrations()));
    return std::unique_ptr<Accounts>(
        new Accounts(std::make_unique<State>(database, catalog, clock, ids, options)));
}

Result<Profile> Accounts::profile(std::string_view principal) {
    const auto connection = TRY(state_->pool.take());
    const auto account = TRY(account_of(*connection, principal));
    return Profile{account.email, !account.password_hash.empty()};
}

Result<void> Accounts::set_email(std::string_view principal, std::string_view email) {
    if (!email.empty()) TRY(check_email(email));
    const auto connection = TRY(state_->pool.take());
    const auto kept = connection->change(
        "INSERT INTO accounts VALUES(?, ?, ?, '', ?) ON CONFLICT(principal) DO UPDATE SET "
        "email = excluded.email, email_key = excluded.email_key",
        {std::string(principal), std::string(email), ascii_lower(email), state_->clock.unix_ms()});
    if (kept) return {};
    if (kept.error().code != ErrorCode::already_exists) return fail(kept.error());
    return fail(ErrorCode::already_exists, fmt::format("another user has the address '{}'", email));
}

Result<void> Accounts::set_password(std::string_view principal, std::string_view password,
                                    std::string_view kept) {
    const auto user = TRY(state_->catalog.find_principal(principal));
    if (!user || user->id == catalog::local_administrator().id)
        return fail(ErrorCode::not_found, fmt::format("there is no user '{}'", principal));
    const Profile now = TRY(profile(user->id));
    TRY(check_password(password, user->name, now.email));
    const std::string hash = TRY(hash_password(password));
    return state_->in_transaction([&](sql::Connection& connection) -> Result<void> {
        TRY(keep_password(connection, user->id, hash, state_->clock.unix_ms()));
        TRY(connection.change("DELETE FROM sessions WHERE principal = ? AND id <> ?",
                              {user->id, std::string(kept)}));
        return {};
    });
}

Result<void> Accounts::change_password(std::string_view principal, std::string_view old_password,
                                       std::string_view new_password, std::string_view kept,
                                       const Place& place) {
    const std::string key = fmt::format("change:{}|{}", principal, place.address);
    if (!state_->throttle.take(key, state_->options.tries_of_user)) return fail(too_many_tries());
    std::string hash;
    {
        const auto connection = TRY(state_->pool.take());
        hash = TRY(account_of(*connection, principal)).password_hash;
    }
    if (!TRY(is_password(hash, old_password)))
        return fail(ErrorCode::denied, "the old password is wrong");
    state_->throttle.give_back(key);
    return set_password(principal, new_password, kept);
}

Result<NewSession> Accounts::sign_in(std::string_view user, std::string_view password,
                                     const Place& place) {
    const std::string address_key = "address:" + place.address;
    Account account;
    std::string user_key;
    {
        const auto connection = TRY(state_->pool.take());
        account = TRY(account_named(*connection, user));
        user_key = TRY(throttle_key(*connection, account, user, place));
    }
    if (!state_->throttle.take(address_key, state_->options.tries_of_address))
        return fail(too_many_tries());
    if (!state_->throttle.take(user_key, state_->options.tries_of_user))
        return fail(too_many_tries());
    const auto right = is_password(account.password_hash, password);
    if (!right || *right) {
        state_->throttle.give_back(address_key);
        state_->throttle.give_back(user_key);
    }
    if (!right) return fail(right.error());
    if (!*right) return fail(wrong_password());
    if (is_weaker_hash(account.password_hash)) {
        const std::string hash = TRY(hash_password(password));
        const auto connection = TRY(state_->pool.take());
        TRY(keep_password(*connection, account.principal, hash, state_->clock.unix_ms()));
    }
    auto session = start_session(account.principal, place);
    if (!session && session.error().code == ErrorCode::denied) return fail(wrong_password());
    return session;
}

Result<Accounts::Invitation> Accounts::invite(std::string_view principal, Milliseconds length) {
    Invitation made;
    made.secret = "invite_" + state_->ids.secret();
    made.expires_ms = state_->clock.unix_ms() +
                      (length.count() > 0 ? length : state_->options.invitation_length).count();
    const auto keep = [&](sql::Connection& connection) -> Result<void> {
        TRY(connection.change("DELETE FROM invitations WHERE principal = ?",
                              {std::string(principal)}));
        TRY(connection.change("INSERT INTO invitations VALUES(?, ?, ?)",
                              {sha256_hex(made.secret), std::string(principal), made.expires_ms}));
        return {};
    };
    TRY(state_->in_transaction(keep));
    return made;
}

Result<NewSession> Accounts::accept_invitation(const Acceptance& acceptance, const Place& place) {
    if (!state_->throttle.take("invitation:" + place.address, state_->options.tries_of_address))
        return fail(too_many_tries());
    const std::string hash = sha256_hex(acceptance.secret);
    const Error over{ErrorCode::denied,
                     "the invitation is unknown, used or over; ask for a new one"};
    std::string invited;
    {
        const auto connection = TRY(state_->pool.take());
        const auto rows = TRY(connection->execute(
            "SELECT principal FROM invitations WHERE secret_hash = ? AND expires_ms > ?",
            {hash, state_->clock.unix_ms()}));
        if (!TRY(rows->next())) return fail(over);
        invited = rows->text(0);
    }
    const bool first = invited.empty();
    if (first != !acceptance.name.empty())
        return fail(ErrorCode::invalid_input,
                    first ? "the first administrator needs a name"
                          : "an invitation is for one user, whose name stays as it is");
    // What could be refused is looked at before the invitation is used up.
    std::string name = acceptance.name;
    if (!first)
        if (const auto user = TRY(state_->catalog.find_principal(invited))) name = user->name;
    TRY(check_password(acceptance.password, name, acceptance.email));
    if (!acceptance.email.empty()) TRY(check_email(acceptance.email));
    if (first && TRY(state_->catalog.find_principal(name)))
        return fail(ErrorCode::already_exists, fmt::format("the name '{}' is taken", name));
    {
        const auto connection = TRY(state_->pool.take());
        if (TRY(connection->change("DELETE FROM invitations WHERE secret_hash = ?", {hash})) == 0)
            return fail(over);  // somebody else took it in this moment
    }
    if (first)
        invited = TRY(state_->catalog.create_principal(name, catalog::Role::administrator)).id;
    TRY(set_password(invited, acceptance.password));
    if (!acceptance.email.empty()) TRY(set_email(invited, acceptance.email));
    return start_session(invited, place);
}

Result<bool> Accounts::needs_setup() {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        "SELECT 1 FROM principals WHERE role = 'administrator' AND id <> 'local' AND NOT disabled "
        "AND (EXISTS(SELECT 1 FROM accounts WHERE principal = principals.id AND "
        "password_hash <> '') OR EXISTS(SELECT 1 FROM identities WHERE principal = "
        "principals.id)) LIMIT 1"));
    return !TRY(rows->next());
}

}  // namespace stroma::account
