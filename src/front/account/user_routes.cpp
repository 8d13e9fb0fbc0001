#include "base/json.h"
#include "front/account/account_routes.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"

// What administrators do with users beside making and listing them.

namespace stroma::front::account {
namespace {

using Answer = Result<http::Response>;

constexpr std::uint64_t body_bytes_max = 16u << 10;

Result<catalog::Principal> named_user(const Site& site, const http::Request& request) {
    const std::string& name = request.parameters.at("principal");
    if (auto user = TRY(site.domain.catalog.find_principal(name))) return *std::move(user);
    return fail(ErrorCode::not_found, "there is no principal '" + name + "'");
}

Answer change_user(const Site& site, http::Request& request) {
    TRY(needs_administrator(site, request));
    const auto user = TRY(named_user(site, request));
    const Json body = TRY(api::json_body(request, body_bytes_max));
    api::JsonFields fields(body);
    const Json* disabled = fields.find("disabled");
    const auto email = TRY(fields.optional_text("email"));
    TRY(fields.finish());
    if (disabled != nullptr && !disabled->is_boolean())
        return fail(api::error_at(ErrorCode::invalid_input, "/disabled",
                                  "'disabled' must be true or false"));
    if (disabled != nullptr && disabled->get<bool>() && user.id == request.principal.id)
        return fail(ErrorCode::invalid_input, "you would lock yourself out");
    if (email) TRY(site.domain.accounts.set_email(user.id, *email));
    if (disabled != nullptr) TRY(site.domain.catalog.set_disabled(user.id, disabled->get<bool>()));
    const auto changed = TRY(named_user(site, request));
    return api::json_answer(200, api::principal_json(changed));
}

Answer invite(const Site& site, http::Request& request) {
    TRY(needs_administrator(site, request));
    const auto user = TRY(named_user(site, request));
    if (user.id == catalog::local_administrator().id)
        return fail(ErrorCode::invalid_input,
                    "the local administrator is who owns the data directory; it has no password");
    const Json body = TRY(api::json_body(request, body_bytes_max));
    api::JsonFields fields(body);
    const std::int64_t seconds = TRY(fields.integer_or("expires_in_seconds", 0));
    TRY(fields.finish());
    const Milliseconds length = TRY(length_of(seconds, 0));
    const auto made = TRY(site.domain.accounts.invite(user.id, length));
    const Visit visit = visit_of(request, site.options);
    return api::json_answer(201, {{"url", visit.base_url + "/#/setup?secret=" + made.secret},
                                  {"secret", made.secret},
                                  {"expires", api::time_json(made.expires_ms)}});
}

}  // namespace

std::vector<AccountRoute> user_routes() {
    return {{"PATCH", "/v1/principals/{principal}", change_user},
            {"POST", "/v1/principals/{principal}/invitation", invite}};
}

}  // namespace stroma::front::account
