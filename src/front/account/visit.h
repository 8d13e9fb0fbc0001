#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "front/account/account_front.h"
#include "front/http/message.h"

namespace stroma::front::account {

/// What a request says of where it comes from, read with what proxies are trusted.
struct Visit {
    std::string address;             ///< the client's, behind trusted proxies
    bool is_secure = false;          ///< https up to the browser
    std::string host;                ///< "stroma.example:8080", as the browser has it
    std::string base_url;            ///< without a slash at its end
    std::string session;             ///< secret of the cookie, or ""
    std::string browser;             ///< secret of that cookie, or ""
    std::string way;                 ///< secret of a sign-in by a provider that was begun, or ""
    std::vector<std::string> links;  ///< secrets of that cookie
};
Visit visit_of(const http::Request& request, const AccountFrontOptions& options);

/// Whether a browser sent it from a page of this site: Sec-Fetch-Site says same-origin, and Origin
/// names this host; at least one of both is there. An old or made-up client that sends neither
/// isn't believed.
bool is_from_own_page(const http::Request& request, const Visit& visit);
/// Whether a browser sent it from a page of somewhere else.
bool is_from_other_page(const http::Request& request, const Visit& visit);

/// What X-Stroma-CSRF must say: made from the cookies' secrets, so nothing is stored; "" without.
std::string csrf_token(const Visit& visit);

/// Set-Cookie values. HttpOnly, SameSite=Lax, Path=/; over https Secure with the prefix __Host-.
std::string session_cookie(const Visit& visit, std::string_view secret, std::int64_t seconds);
std::string browser_cookie(const Visit& visit, std::string_view secret);
/// Of a way to a provider: ten minutes; "" ends it.
std::string way_cookie(const Visit& visit, std::string_view secret);
/// The newest first; older ones than eight fall out.
std::string links_cookie(const Visit& visit, const std::vector<std::string>& secrets);

}  // namespace stroma::front::account
