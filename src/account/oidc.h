#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "account/accounts.h"

namespace stroma::account {

struct OidcOptions {
    std::string issuer;  ///< "https://login.lab.example"; "" has no provider
    std::string client_id;
    std::string client_secret;  ///< "" for a public client
    std::string title;          ///< on the button
    std::string scopes = "openid profile email";
    bool create_users = true;  ///< else only who linked their account may come in
    std::string role_claim;    ///< "groups": a text or a list of them; "" leaves roles alone
    std::vector<std::string> administrator_values;  ///< of that claim
    std::vector<std::string> user_values;           ///< empty lets everybody in
};

/// Asks a URL: a GET, or a POST of the form when it isn't empty. The body of a 200.
using Ask = std::function<Result<std::string>(std::string_view url, std::string_view form,
                                              std::string_view authorization)>;

/// Signing in by a provider: OpenID Connect's code flow with PKCE (S256), state and nonce. People
/// are known by issuer and subject, never by their e-mail address. Any thread.
class Oidc {
public:
    /// The tables are those of Accounts::open. All outlive it.
    Oidc(sql::Database& database, Accounts& accounts, catalog::Catalog& catalog, const Clock& clock,
         IdSource& ids, OidcOptions options, Ask ask);
    ~Oidc();

    bool is_on() const;
    const std::string& title() const;

    struct Begun {
        std::string url;    ///< the provider's page
        std::string state;  ///< for a cookie of the browser that began
    };
    /// `return_to` is where the browser goes afterwards; `redirect` this site's callback. With
    /// `link_to` the identity becomes that user's instead of starting a session.
    /// errors  unavailable  the provider doesn't answer, or not as it should
    Result<Begun> begin(std::string_view redirect, std::string_view return_to,
                        std::string_view link_to);

    struct Finished {
        std::string principal, return_to;
        bool is_linking = false;
    };
    /// `state` came back in the URL and must be the browser's own `cookie`; `issuer` is what the
    /// URL said of who sends it (RFC 9207), or "".
    /// errors  denied       the way wasn't begun by this browser, is used up, or the token refused
    ///         unavailable  the provider doesn't answer
    Result<Finished> finish(std::string_view state, std::string_view cookie, std::string_view code,
                            std::string_view issuer, std::string_view redirect);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace stroma::account
