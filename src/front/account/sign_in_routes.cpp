#include "base/json.h"
#include "front/account/account_routes.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/http/url.h"

// Becoming somebody, and ceasing to be.

namespace stroma::front::account {
namespace {

using Answer = Result<http::Response>;
namespace accounts = stroma::account;

accounts::Place place_of(const http::Request& request, const Visit& visit) {
    return {visit.address, request.header("user-agent").value_or(""), visit.browser};
}

/// A page of another site must not sign anybody in: not with a form, and not with a script.
Result<Json> own_json_body(const http::Request& request, const Visit& visit) {
    const std::string type = http::lower_case(request.header("content-type").value_or(""));
    if (type != "application/json" && !type.starts_with("application/json;"))
        return fail(ErrorCode::invalid_input, "the body must be application/json");
    if (is_from_other_page(request, visit))
        return fail(ErrorCode::invalid_input, "this comes from a page of another site");
    return api::json_body(request, body_bytes_max);
}

http::Response throttled(const http::Request& request, const Error& error) {
    http::Response response = api::error_response(request, error);
    for (auto& [name, value] : response.headers)
        if (name == "Retry-After") value = "60";
    return response;
}

/// The answer to who came in, or didn't; either is kept in the audit.
Answer came_in(const Site& site, http::Request& request, std::string_view how, std::string_view who,
               const Result<accounts::NewSession>& session) {
    if (!session) {
        catalog::Principal nobody = request.principal;
        nobody.name = std::string(who.substr(0, 200));
        TRY(site.domain.audit.note(nobody, how, "user", "", false));
        if (session.error().code == ErrorCode::exhausted)
            return throttled(request, session.error());
        return fail(session.error());
    }
    return signed_in_answer(site, request, *session);
}

Answer sign_in(const Site& site, http::Request& request) {
    const Visit visit = visit_of(request, site.options);
    const Json body = TRY(own_json_body(request, visit));
    api::JsonFields fields(body);
    const std::string user = TRY(fields.text("user"));
    const std::string password = TRY(fields.text("password"));
    TRY(fields.finish());
    return came_in(site, request, "sign-in", user,
                   site.domain.accounts.sign_in(user, password, place_of(request, visit)));
}

Answer set_up(const Site& site, http::Request& request) {
    const Visit visit = visit_of(request, site.options);
    const Json body = TRY(own_json_body(request, visit));
    api::JsonFields fields(body);
    accounts::Accounts::Acceptance acceptance;
    acceptance.secret = TRY(fields.text("secret"));
    acceptance.password = TRY(fields.text("password"));
    acceptance.name = TRY(fields.text_or("name", ""));
    acceptance.email = TRY(fields.text_or("email", ""));
    TRY(fields.finish());
    return came_in(site, request, "setup", acceptance.name,
                   site.domain.accounts.accept_invitation(acceptance, place_of(request, visit)));
}

Answer sign_out(const Site& site, http::Request& request) {
    const Visit visit = visit_of(request, site.options);
    const catalog::Principal& principal = request.principal;
    if (principal.asking.by == "session") {
        TRY(site.domain.accounts.end_session(principal.id, principal.asking.proof));
        TRY(site.domain.audit.note(principal, "sign-out", "user", principal.id, true));
    }
    http::Response response = no_content();
    response.headers.emplace_back("Set-Cookie", session_cookie(visit, "", 0));
    return response;
}

Answer get_me(const Site& site, http::Request& request) {
    const Visit visit = visit_of(request, site.options);
    http::Response response = api::json_answer(200, me_json(site, request, visit));
    const bool is_over = !visit.session.empty() && request.principal.asking.by.empty();
    if (is_over) response.headers.emplace_back("Set-Cookie", session_cookie(visit, "", 0));
    return response;
}

Json user_json(const Site& site, const catalog::Principal& principal) {
    if (principal.role == catalog::Role::anonymous) return nullptr;
    const auto profile = site.domain.accounts.profile(principal.id);
    return {{"id", principal.id},
            {"name", principal.name},
            {"email", profile && !profile->email.empty() ? Json(profile->email) : Json(nullptr)},
            {"role", principal.role == catalog::Role::administrator ? "administrator" : "user"},
            {"has_password", profile && profile->has_password}};
}

Json session_json(const Site& site, const catalog::Principal& principal) {
    if (principal.asking.by != "session") return nullptr;
    const auto sessions = site.domain.accounts.sessions(principal.id);
    if (sessions)
        for (const accounts::Session& session : *sessions)
            if (session.id == principal.asking.proof)
                return {{"id", session.id}, {"expires", api::time_json(session.expires_ms)}};
    return nullptr;
}

Json links_json(const Site& site, const catalog::Principal& principal) {
    Json links = Json::array();
    for (const catalog::LinkRight& right : principal.links) {
        const auto link = site.domain.links.find(right.link);
        if (!link || !*link) continue;
        links.push_back({{"id", right.link},
                         {"kind", right.kind == catalog::ThingKind::collection ? "collection"
                                  : right.kind == catalog::ThingKind::result   ? "result"
                                  : right.kind == catalog::ThingKind::view     ? "view"
                                                                               : "dataset"},
                         {"thing", right.thing},
                         {"rights", right.comments ? "comment" : "read"},
                         {"expires", api::time_json((*link)->expires_ms)}});
    }
    return links;
}

}  // namespace

Json me_json(const Site& site, const http::Request& request, const Visit& visit) {
    const catalog::Principal& principal = request.principal;
    const std::string& by = principal.asking.by;
    const std::string csrf =
        by == "session" || (by.empty() && !principal.links.empty()) ? csrf_token(visit) : "";
    const auto needs_setup = site.domain.accounts.needs_setup();
    return {{"signed_in", principal.role != catalog::Role::anonymous},
            {"by", by.empty() ? "nothing" : by},
            {"user", user_json(site, principal)},
            {"csrf", csrf.empty() ? Json(nullptr) : Json(csrf)},
            {"session", session_json(site, principal)},
            {"links", links_json(site, principal)},
            {"sign_in",
             {{"password", true},
              {"setup", needs_setup && *needs_setup},
              {"oidc", site.domain.oidc.is_on() ? Json{{"title", site.domain.oidc.title()},
                                                       {"url", "/account/oidc/start"}}
                                                : Json(nullptr)}}}};
}

Result<std::vector<std::string>> come_in(const Site& site, http::Request& request,
                                         const accounts::NewSession& session) {
    const Visit visit = visit_of(request, site.options);
    auto principal = TRY(site.domain.accounts.principal_of_session(session.secret));
    if (!principal) return fail(ErrorCode::denied, "the user may not come in");
    principal->asking.address = visit.address;
    principal->asking.request = request.principal.asking.request;
    principal->asking.request_id = request.id;
    request.principal = *std::move(principal);
    TRY(site.domain.audit.note(request.principal, "sign-in", "user", request.principal.id, true));
    const std::int64_t seconds = (session.session.expires_ms - session.session.created_ms) / 1000;
    return std::vector{session_cookie(visit, session.secret, seconds),
                       browser_cookie(visit, session.browser)};
}

Answer signed_in_answer(const Site& site, http::Request& request,
                        const accounts::NewSession& session) {
    const auto cookies = TRY(come_in(site, request, session));
    Visit visit = visit_of(request, site.options);
    visit.session = session.secret;
    http::Response response = api::json_answer(200, me_json(site, request, visit));
    for (const std::string& cookie : cookies) response.headers.emplace_back("Set-Cookie", cookie);
    return response;
}

std::vector<AccountRoute> sign_in_routes() {
    return {{"GET", "/account/me", get_me},
            {"POST", "/account/sign-in", sign_in},
            {"POST", "/account/setup", set_up},
            {"POST", "/account/sign-out", sign_out}};
}

}  // namespace stroma::front::account
