#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "sql/database.h"

namespace stroma::account {

struct AccountOptions {
    Milliseconds session_idle{24 * 3600 * 1000};           ///< unused so long, a session is over
    Milliseconds session_length{14LL * 24 * 3600 * 1000};  ///< however much it is used
    Milliseconds invitation_length{7LL * 24 * 3600 * 1000};
    std::size_t tries_of_user = 5;      ///< wrong passwords a minute, from places not known
    std::size_t tries_of_address = 20;  ///< of any users, a minute
};

/// Where a sign-in comes from.
struct Place {
    std::string address;
    std::string agent;    ///< the browser's name for itself, for the list of sessions
    std::string browser;  ///< secret that a browser keeps from its first sign-in on; "" at first
};

struct Profile {
    std::string email;
    bool has_password = false;
};

struct Session {
    std::string id, principal, address, agent;
    std::int64_t created_ms = 0, used_ms = 0, expires_ms = 0;
};

struct NewSession {
    Session session;
    std::string secret;   ///< for the cookie; kept as a hash
    std::string browser;  ///< for the browser's own cookie: Place::browser, or a new one
};

/// How people come in: passwords, sessions, invitations, identities at a provider. In the control
/// database, beside the catalog's principals. Any thread.
class Accounts {
public:
    static Result<std::unique_ptr<Accounts>> open(sql::Database& database,
                                                  catalog::Catalog& catalog, const Clock& clock,
                                                  IdSource& ids, const AccountOptions& options);
    ~Accounts();

    Result<Profile> profile(std::string_view principal);
    /// "" takes it away. errors  already_exists  another user has it   invalid_input  no address
    Result<void> set_email(std::string_view principal, std::string_view email);
    /// Ends every session of the user but `kept` (an id, or "").
    /// errors  invalid_input  check_password   not_found  no such user
    Result<void> set_password(std::string_view principal, std::string_view password,
                              std::string_view kept = "");
    /// The same, after the old one was given. errors  denied  it is wrong  exhausted  throttled
    Result<void> change_password(std::string_view principal, std::string_view old_password,
                                 std::string_view new_password, std::string_view kept,
                                 const Place& place);
    /// By name or address and password. One answer in one time whatever is wrong. Of wrong
    /// passwords a user gets a few a minute from places they never signed in from; a browser or
    /// address that they did sign in from counts for itself, so nobody locks them out.
    /// errors  denied  wrong, unknown or disabled   exhausted  too many tries; wait a minute
    Result<NewSession> sign_in(std::string_view user, std::string_view password,
                               const Place& place);
    /// A session of somebody who proved otherwise who they are. errors  denied  disabled
    Result<NewSession> start_session(std::string_view principal, const Place& place);

    /// The session's principal, with `asking` set; nothing when it is unknown or over.
    Result<std::optional<catalog::Principal>> principal_of_session(std::string_view secret);
    Result<std::vector<Session>> sessions(std::string_view principal);
    /// errors  not_found  the user has no such session
    Result<void> end_session(std::string_view principal, std::string_view id);
    Result<void> end_other_sessions(std::string_view principal, std::string_view kept);

    /// A secret with which that user sets a password, once; "" invites the first administrator.
    /// Former invitations of the same user end. `length` 0 is the usual one.
    struct Invitation {
        std::string secret;
        std::int64_t expires_ms = 0;
    };
    Result<Invitation> invite(std::string_view principal, Milliseconds length);
    struct Acceptance {
        std::string secret, password;
        std::string name;   ///< of the first administrator; else ""
        std::string email;  ///< "" leaves it
    };
    /// errors  denied  the secret is unknown, used or over   exhausted  too many tries
    Result<NewSession> accept_invitation(const Acceptance& acceptance, const Place& place);
    /// No administrator can sign in yet.
    Result<bool> needs_setup();

    /// Whoever is that subject at the issuer.
    Result<std::optional<std::string>> principal_of_identity(std::string_view issuer,
                                                             std::string_view subject);
    /// errors  already_exists  the subject is somebody already
    Result<void> link_identity(std::string_view issuer, std::string_view subject,
                               std::string_view principal);

    /// Removes what is over.
    Result<void> expire();

    struct State;

private:
    explicit Accounts(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::account
