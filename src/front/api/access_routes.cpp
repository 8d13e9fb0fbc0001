#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"

// Who may come in: principals, tokens, grants.

namespace stroma::front::api {
Json principal_json(const catalog::Principal& principal) {
    const char* role = principal.role == catalog::Role::administrator ? "administrator"
                       : principal.role == catalog::Role::user        ? "user"
                                                                      : "anonymous";
    return Json{{"id", principal.id},
                {"name", principal.name},
                {"role", role},
                {"disabled", principal.disabled},
                {"created", time_json(principal.created_ms)}};
}

Json token_json(const catalog::Token& token) {
    return Json{{"id", token.id},
                {"principal", token.principal},
                {"label", token.label},
                {"scopes", token.scopes},
                {"created", time_json(token.created_ms)},
                {"expires", time_json(token.expires_ms)},
                {"used", time_json(token.used_ms)},
                {"revoked", token.revoked}};
}

namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using catalog::ThingKind;

Json grant_json(const catalog::Grant& grant) {
    return Json{{"thing", grant.thing}, {"principal", grant.principal}, {"access", grant.access}};
}

http::Response no_content() {
    http::Response response;
    response.status = 204;
    return response;
}

Answer whoami(ApiContext&, http::Request& request) {
    return json_answer(200, principal_json(request.principal));
}

Answer list_principals(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, Action::administer, {}));
    Json json{{"principals", Json::array()}};
    for (const auto& principal : TRY(api.domain.access.principals()))
        json["principals"].push_back(principal_json(principal));
    return json_answer(200, json);
}

Answer create_principal(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, Action::administer, {}));
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    const std::string name = TRY(fields.text("name"));
    const std::string role = TRY(fields.text_or("role", "user"));
    TRY(fields.finish());
    if (role != "user" && role != "administrator")
        return fail(error_at(ErrorCode::invalid_input, "/role",
                             "'role' must be \"user\" or \"administrator\""));
    return json_answer(
        201, principal_json(TRY(api.domain.access.create_principal(
                 name, role == "user" ? catalog::Role::user : catalog::Role::administrator))));
}

Answer list_tokens(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, Action::administer, {}));
    Json json{{"tokens", Json::array()}};
    const std::string principal = request.query_value("principal").value_or(request.principal.id);
    for (const auto& token : TRY(api.domain.access.tokens(principal)))
        json["tokens"].push_back(token_json(token));
    return json_answer(200, json);
}

Answer create_token(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, Action::administer, {}));
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    const std::string principal = TRY(fields.text("principal"));
    const std::string label = TRY(fields.text_or("label", ""));
    const auto scopes = TRY(fields.texts("scopes"));
    const std::int64_t seconds = TRY(fields.integer_or("expires_in_seconds", 0));
    TRY(fields.finish());
    constexpr std::int64_t seconds_max = 100LL * 366 * 24 * 3600;
    if (seconds < 0 || seconds > seconds_max)
        return fail(error_at(ErrorCode::invalid_input, "/expires_in_seconds",
                             "'expires_in_seconds' must be 0 (never) or up to a hundred years"));
    const std::int64_t expires_ms =
        seconds == 0 ? 0 : api.domain.site.clock().unix_ms() + seconds * 1000;
    const auto made = TRY(api.domain.access.create_token(principal, label, scopes, expires_ms));
    Json json = token_json(made.token);
    json["secret"] = made.secret;
    return json_answer(201, json);
}

Answer revoke_token(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, Action::administer, {}));
    TRY(api.domain.access.revoke_token(request.parameters["token"]));
    return no_content();
}

Result<catalog::Dataset> shareable(ApiContext& api, http::Request& request) {
    const std::string& id = request.parameters["dataset"];
    auto found = TRY(api.domain.datasets.find_dataset(id));
    if (!found) return absent(ThingKind::dataset, id);
    const auto allowed =
        allow(api, request, Action::share, {ThingKind::dataset, found->id, found->owner});
    if (!allowed && allowed.error().code == ErrorCode::not_found)
        return absent(ThingKind::dataset, id);
    if (!allowed) return fail(allowed.error());
    return std::move(*found);
}

Answer list_grants(ApiContext& api, http::Request& request) {
    const auto dataset = TRY(shareable(api, request));
    Json json{{"grants", Json::array()}};
    for (const auto& grant : TRY(api.domain.access.grants_on(dataset.id)))
        json["grants"].push_back(grant_json(grant));
    return json_answer(200, json);
}

Answer put_grant(ApiContext& api, http::Request& request) {
    const auto dataset = TRY(shareable(api, request));
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    const std::string access = TRY(fields.text("access"));
    TRY(fields.finish());
    if (access != "read" && access != "write" && access != "own")
        return fail(error_at(ErrorCode::invalid_input, "/access",
                             "'access' must be \"read\", \"write\" or \"own\""));
    const catalog::Grant grant{dataset.id, request.parameters["principal"], access};
    TRY(api.domain.access.grant(grant));
    return json_answer(200, grant_json(grant));
}

Answer delete_grant(ApiContext& api, http::Request& request) {
    const auto dataset = TRY(shareable(api, request));
    TRY(api.domain.access.revoke({dataset.id, request.parameters["principal"], ""}));
    return no_content();
}

}  // namespace

std::vector<ApiRoute> access_routes() {
    return {{"GET", "/v1/me", whoami},
            {"GET", "/v1/principals", list_principals},
            {"POST", "/v1/principals", create_principal},
            {"GET", "/v1/tokens", list_tokens},
            {"POST", "/v1/tokens", create_token},
            {"DELETE", "/v1/tokens/{token}", revoke_token},
            {"GET", "/v1/datasets/{dataset}/grants", list_grants},
            {"PUT", "/v1/datasets/{dataset}/grants/{principal}", put_grant},
            {"DELETE", "/v1/datasets/{dataset}/grants/{principal}", delete_grant}};
}

}  // namespace stroma::front::api
