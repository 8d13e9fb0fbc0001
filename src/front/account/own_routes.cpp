#include "base/json.h"
#include "front/account/account_routes.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"

// What somebody who is signed in looks after: their password, sessions and tokens.

namespace stroma::front::account {
namespace {

using Answer = Result<http::Response>;

constexpr std::uint64_t body_bytes_max = 16u << 10;

Answer change_password(const Site& site, http::Request& request) {
    TRY(needs_session(request));
    const Visit visit = visit_of(request, site.options);
    const Json body = TRY(api::json_body(request, body_bytes_max));
    api::JsonFields fields(body);
    const std::string old_password = TRY(fields.text("old"));
    const std::string new_password = TRY(fields.text("new"));
    TRY(fields.finish());
    const catalog::Principal& principal = request.principal;
    const auto changed = site.domain.accounts.change_password(
        principal.id, old_password, new_password, principal.asking.proof, {visit.address, "", ""});
    if (changed || changed.error().code == ErrorCode::denied)
        TRY(site.domain.audit.note(principal, "password", "user", principal.id,
                                   changed.has_value()));
    TRY(changed);
    return no_content();
}

Answer list_sessions(const Site& site, http::Request& request) {
    TRY(needs_session(request));
    Json json{{"sessions", Json::array()}};
    for (const auto& session : TRY(site.domain.accounts.sessions(request.principal.id)))
        json["sessions"].push_back({{"id", session.id},
                                    {"current", session.id == request.principal.asking.proof},
                                    {"created", api::time_json(session.created_ms)},
                                    {"used", api::time_json(session.used_ms)},
                                    {"expires", api::time_json(session.expires_ms)},
                                    {"address", session.address},
                                    {"agent", session.agent}});
    return api::json_answer(200, json);
}

Answer end_session(const Site& site, http::Request& request) {
    TRY(needs_session(request));
    const std::string& id = request.parameters["session"];
    TRY(site.domain.accounts.end_session(request.principal.id, id));
    TRY(site.domain.audit.note(request.principal, "end-session", "session", id, true));
    return no_content();
}

Answer end_other_sessions(const Site& site, http::Request& request) {
    TRY(needs_session(request));
    TRY(site.domain.accounts.end_other_sessions(request.principal.id,
                                                request.principal.asking.proof));
    TRY(site.domain.audit.note(request.principal, "end-session", "user", request.principal.id,
                               true));
    return no_content();
}

Answer list_tokens(const Site& site, http::Request& request) {
    TRY(needs_session(request));
    Json json{{"tokens", Json::array()}};
    for (const auto& token : TRY(site.domain.access.tokens(request.principal.id)))
        json["tokens"].push_back(api::token_json(token));
    return api::json_answer(200, json);
}

Answer create_token(const Site& site, http::Request& request) {
    TRY(needs_session(request));
    const Json body = TRY(api::json_body(request, body_bytes_max));
    api::JsonFields fields(body);
    const std::string label = TRY(fields.text("label"));
    auto scopes = TRY(fields.texts("scopes"));
    const std::int64_t seconds = TRY(fields.integer_or("expires_in_seconds", 0));
    TRY(fields.finish());
    constexpr std::int64_t quarter = 90LL * 24 * 3600;
    const Milliseconds length = TRY(length_of(seconds, quarter));
    const auto made =
        TRY(site.domain.access.create_token(request.principal.id, label, std::move(scopes),
                                            site.domain.clock.unix_ms() + length.count()));
    TRY(site.domain.audit.note(request.principal, "create", "token", made.token.id, true));
    Json json = api::token_json(made.token);
    json["secret"] = made.secret;
    return api::json_answer(201, json);
}

Answer revoke_token(const Site& site, http::Request& request) {
    TRY(needs_session(request));
    const std::string& id = request.parameters["token"];
    for (const auto& token : TRY(site.domain.access.tokens(request.principal.id)))
        if (token.id == id) {
            TRY(site.domain.access.revoke_token(id));
            TRY(site.domain.audit.note(request.principal, "remove", "token", id, true));
            return no_content();
        }
    return fail(ErrorCode::not_found, "there is no token '" + id + "'");
}

}  // namespace

std::vector<AccountRoute> own_routes() {
    return {{"POST", "/account/password", change_password},
            {"GET", "/account/sessions", list_sessions},
            {"DELETE", "/account/sessions", end_other_sessions},
            {"DELETE", "/account/sessions/{session}", end_session},
            {"GET", "/account/tokens", list_tokens},
            {"POST", "/account/tokens", create_token},
            {"DELETE", "/account/tokens/{token}", revoke_token}};
}

}  // namespace stroma::front::account
