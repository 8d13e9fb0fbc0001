#include "front/account/account_front.h"

#include "base/digest.h"
#include "front/account/account_routes.h"
#include "front/api/api_errors.h"

namespace stroma::front::account {
namespace {

bool is_safe(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

/// Routes by which somebody becomes somebody: whoever they were before doesn't count, and they look
/// at where the request comes from by themselves.
bool begins_a_session(std::string_view path) {
    return path == "/account/sign-in" || path == "/account/setup";
}

/// Who the cookies say; false when they say somebody and the request doesn't prove itself.
Result<bool> read_cookies(const Site& site, const Visit& visit, http::Request& request) {
    request.principal = catalog::anonymous_principal();
    if (begins_a_session(request.path)) return true;
    if (!visit.session.empty())
        if (auto principal = TRY(site.domain.accounts.principal_of_session(visit.session)))
            request.principal = *std::move(principal);
    for (const std::string& secret : visit.links)
        if (auto right = TRY(site.domain.links.right_of(secret)))
            request.principal.links.push_back(*std::move(right));
    const bool is_somebody =
        !request.principal.asking.by.empty() || !request.principal.links.empty();
    if (!is_somebody || is_safe(request.method)) return true;
    return is_from_own_page(request, visit) &&
           equal_in_constant_time(request.header("x-stroma-csrf").value_or(""), csrf_token(visit));
}

void fill_asking(const Visit& visit, http::Request& request) {
    catalog::Asking& asking = request.principal.asking;
    asking.address = visit.address;
    asking.request = request.method + " " + request.path;
    asking.request_id = request.id;
}

}  // namespace

AccountFront::AccountFront(AccountDomain domain, AccountFrontOptions options)
    : state_(new State{domain, std::move(options)}) {}
AccountFront::~AccountFront() = default;

Authenticator AccountFront::authenticator(Authenticator bearer) {
    return [site = state_.get(),
            bearer = std::move(bearer)](http::Request& request) -> std::optional<http::Response> {
        const Visit visit = visit_of(request, site->options);
        if (request.header("authorization")) {
            if (auto refused = bearer(request)) return refused;
            fill_asking(visit, request);
            if (request.principal.role != catalog::Role::anonymous)
                request.principal.asking.by = "token";
            return std::nullopt;
        }
        const auto proven = read_cookies(*site, visit, request);
        if (!proven) return api::error_response(request, proven.error());
        fill_asking(visit, request);
        if (*proven) return std::nullopt;
        return api::error_response(
            request, 403,
            Error{ErrorCode::denied,
                  "this would change something, and doesn't come from a page of this site with "
                  "its X-Stroma-CSRF; programs send a token instead of a cookie"});
    };
}

std::vector<http::Route> AccountFront::routes() {
    std::vector<http::Route> routes;
    for (const auto& group : {sign_in_routes(), oidc_routes(), own_routes(), user_routes(),
                              link_routes(), audit_routes()})
        for (const AccountRoute& route : group)
            routes.push_back(
                {route.method, route.pattern,
                 [site = state_.get(), handler = route.handler](http::Request& request) {
                     auto answer = handler(*site, request);
                     return answer ? *std::move(answer)
                                   : api::error_response(request, answer.error());
                 }});
    return routes;
}

Result<void> needs_session(const http::Request& request) {
    if (request.principal.asking.by == "session") return {};
    return fail(ErrorCode::denied, "sign in first; a token doesn't do here");
}

Result<void> needs_administrator(const Site& site, const http::Request& request) {
    if (TRY(site.domain.access.decide(request.principal, catalog::Action::administer, {})))
        return {};
    return fail(ErrorCode::denied, "only administrators may do this");
}

http::Response no_content() {
    http::Response response;
    response.status = 204;
    return response;
}

Result<Milliseconds> length_of(std::int64_t seconds, std::int64_t fallback) {
    constexpr std::int64_t seconds_max = 366LL * 24 * 3600;
    const std::int64_t length = seconds == 0 ? fallback : seconds;
    if (length >= 0 && length <= seconds_max) return Milliseconds{length * 1000};
    return fail(api::error_at(ErrorCode::invalid_input, "/expires_in_seconds",
                              "'expires_in_seconds' must be 1 to a year's seconds"));
}

}  // namespace stroma::front::account
