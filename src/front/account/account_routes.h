#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "front/account/account_front.h"
#include "front/account/visit.h"

// What the files of this folder share.

namespace stroma::front::account {

struct AccountFront::State {
    AccountDomain domain;
    AccountFrontOptions options;
};
using Site = AccountFront::State;

using AccountHandler = Result<http::Response> (*)(const Site&, http::Request&);
struct AccountRoute {
    const char* method;
    const char* pattern;
    AccountHandler handler;
};
std::vector<AccountRoute> sign_in_routes();
std::vector<AccountRoute> oidc_routes();
std::vector<AccountRoute> own_routes();
std::vector<AccountRoute> user_routes();
std::vector<AccountRoute> link_routes();
std::vector<AccountRoute> audit_routes();

/// Denied unless the request came by a session; programs with a token don't touch what people
/// sign in with.
Result<void> needs_session(const http::Request& request);
/// The one decision about the site itself. errors  denied
Result<void> needs_administrator(const Site& site, const http::Request& request);
http::Response no_content();
/// Makes the request's principal the one of a session that began, and notes that in the audit;
/// gives the values of the Set-Cookie headers.
Result<std::vector<std::string>> come_in(const Site& site, http::Request& request,
                                         const stroma::account::NewSession& session);
/// The same, answered as GET /account/me.
Result<http::Response> signed_in_answer(const Site& site, http::Request& request,
                                        const stroma::account::NewSession& session);
nlohmann::ordered_json me_json(const Site& site, const http::Request& request, const Visit& visit);
/// `expires_in_seconds` of a body, as a length of time; 0 where `fallback` is.
Result<Milliseconds> length_of(std::int64_t seconds, std::int64_t fallback);

}  // namespace stroma::front::account
