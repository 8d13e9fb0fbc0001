#include "base/log.h"
#include "front/account/account_routes.h"
#include "front/http/url.h"

// Signing in by a provider: there and back. A person looks at these answers, so what goes wrong
// leads to the sign-in page with its words.

namespace stroma::front::account {
namespace {

using Answer = Result<http::Response>;

constexpr std::string_view callback_path = "/account/oidc/callback";
/// Both routes lie two levels deep; relative, so that it holds behind any prefix.
constexpr std::string_view root = "../..";

http::Response see_other(std::string location) {
    http::Response response = http::text_response(303, "");
    response.headers.emplace_back("Location", std::move(location));
    return response;
}

http::Response problem_page(const Visit& visit, const Error& error) {
    log(LogLevel::warning, "a sign-in by the provider failed", {{"why", error.message}});
    const std::string words = error.code == ErrorCode::denied
                                  ? error.message
                                  : "the sign-in provider could not be asked; try again later";
    http::Response response =
        see_other(std::string(root) + "/#/sign-in?problem=" + http::percent_encode(words));
    response.headers.emplace_back("Set-Cookie", way_cookie(visit, ""));
    return response;
}

/// A path of this site: one that a browser can't take for another host.
bool is_own_path(std::string_view path) {
    return path.starts_with('/') && !path.starts_with("//") && path.find('\\') == path.npos &&
           path.size() <= 2000 && http::is_clean_utf8(path);
}

Answer start(const Site& site, http::Request& request) {
    if (!site.domain.oidc.is_on())
        return fail(ErrorCode::not_found, "this site has no sign-in provider");
    const std::string to = request.query_value("to").value_or("/");
    if (!is_own_path(to))
        return fail(ErrorCode::invalid_input, "the query's 'to' must be a path of this site");
    const bool links = request.query_value("link").value_or("") == "true";
    if (links) TRY(needs_session(request));
    const Visit visit = visit_of(request, site.options);
    const auto begun = site.domain.oidc.begin(visit.base_url + std::string(callback_path), to,
                                              links ? request.principal.id : "");
    if (!begun) return problem_page(visit, begun.error());
    http::Response response = see_other(begun->url);
    response.headers.emplace_back("Set-Cookie", way_cookie(visit, begun->state));
    return response;
}

Result<http::Response> finish(const Site& site, http::Request& request, const Visit& visit) {
    const std::string state = request.query_value("state").value_or("");
    const auto finished = TRY(site.domain.oidc.finish(
        state, visit.way, request.query_value("code").value_or(""),
        request.query_value("iss").value_or(""), visit.base_url + std::string(callback_path)));
    http::Response response = see_other(std::string(root) + finished.return_to);
    if (finished.is_linking) {
        TRY(site.domain.audit.note(request.principal, "link-identity", "user", finished.principal,
                                   true));
    } else {
        const auto session = TRY(site.domain.accounts.start_session(
            finished.principal,
            {visit.address, request.header("user-agent").value_or(""), visit.browser}));
        for (const std::string& cookie : TRY(come_in(site, request, session)))
            response.headers.emplace_back("Set-Cookie", cookie);
    }
    response.headers.emplace_back("Set-Cookie", way_cookie(visit, ""));
    return response;
}

Answer callback(const Site& site, http::Request& request) {
    if (!site.domain.oidc.is_on())
        return fail(ErrorCode::not_found, "this site has no sign-in provider");
    const Visit visit = visit_of(request, site.options);
    if (request.query_value("error"))
        return problem_page(visit, {ErrorCode::denied, "the provider let nobody in"});
    auto response = finish(site, request, visit);
    if (response) return response;
    TRY(site.domain.audit.note(request.principal, "sign-in", "user", "", false));
    return problem_page(visit, response.error());
}

}  // namespace

std::vector<AccountRoute> oidc_routes() {
    return {{"GET", "/account/oidc/start", start}, {"GET", callback_path.data(), callback}};
}

}  // namespace stroma::front::account
