#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "account/accounts.h"
#include "account/audit.h"
#include "account/links.h"
#include "account/oidc.h"
#include "front/api/api_domain.h"
#include "front/http/server.h"

namespace stroma::front::account {

/// What the routes ask. The references outlive the front.
struct AccountDomain {
    stroma::account::Accounts& accounts;
    stroma::account::Links& links;
    stroma::account::Audit& audit;
    stroma::account::Oidc& oidc;
    catalog::Catalog& catalog;
    api::AccessAnswers& access;
    const Clock& clock;
};

struct AccountFrontOptions {
    /// "https://stroma.example/lab": how the site is reached from outside. "" takes each request's
    /// own Host, and https where a trusted proxy says so.
    std::string public_url;
    /// Addresses of peers whose X-Forwarded-For, -Proto and -Host are believed.
    std::vector<std::string> trusted_proxies;
};

using Authenticator = std::function<std::optional<http::Response>(http::Request&)>;

/// Signing in by browser, users, links and the audit: routes, and the function that names the
/// principal of every request of the site. Any thread; outlives the server.
class AccountFront {
public:
    AccountFront(AccountDomain domain, AccountFrontOptions options);
    ~AccountFront();
    std::vector<http::Route> routes();
    /// Who asks: by `bearer` where there is an Authorization header, else by the session's and
    /// links' cookies. Refuses with 403 a request that cookies would let change something and that
    /// doesn't prove to come from the site's own pages. Then fills the principal's `asking`.
    Authenticator authenticator(Authenticator bearer);

    struct State;

private:
    std::unique_ptr<const State> state_;
};

/// A line of GET /v1/audit.
nlohmann::ordered_json audit_entry_json(const stroma::account::AuditEntry& entry);

}  // namespace stroma::front::account
