#include "front/api/named_grants.h"

#include "base/json.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"

namespace stroma::front::api {
namespace {

using catalog::Grant;

/// "" drops everybody's.
Result<void> drop_grants_of(AccessAnswers& access, const std::string& thing,
                            const std::string& principal) {
    std::string last;  // older stores have several grants of one principal, one behind the other
    for (const Grant& grant : TRY(access.grants_on(thing)))
        if ((principal.empty() || grant.principal == principal) && grant.principal != last) {
            TRY(access.revoke(grant));
            last = grant.principal;
        }
    return {};
}

Result<catalog::Principal> principal_of_path(AccessAnswers& access, const http::Request& request) {
    const std::string& name = request.parameters.at("principal");
    for (const auto& principal : TRY(access.principals()))
        if (principal.id == name || principal.name == name) return principal;
    return fail(ErrorCode::not_found, "there is no user '" + name + "'");
}

}  // namespace

Result<http::Response> list_named_grants(AccessAnswers& access, const std::string& thing) {
    const auto principals = TRY(access.principals());
    Json grants = Json::array();
    for (const Grant& grant : TRY(access.grants_on(thing))) {
        Json json{{"principal", grant.principal}, {"access", grant.access}};
        for (const auto& principal : principals)
            if (principal.id == grant.principal) json["name"] = principal.name;
        grants.push_back(std::move(json));
    }
    return json_answer(200, Json{{"grants", std::move(grants)}});
}

Result<http::Response> put_named_grant(AccessAnswers& access, http::Request& request,
                                       const std::string& thing) {
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    const std::string right = TRY(fields.text("access"));
    TRY(fields.finish());
    if (right != "read" && right != "write")
        return fail(error_at(ErrorCode::invalid_input, "/access",
                             "'access' must be \"read\" or \"write\""));
    const auto principal = TRY(principal_of_path(access, request));
    TRY(drop_grants_of(access, thing, principal.id));
    TRY(access.grant({thing, principal.id, right, catalog::ThingKind::space}));
    return json_answer(
        200, Json{{"principal", principal.id}, {"name", principal.name}, {"access", right}});
}

Result<http::Response> delete_named_grant(AccessAnswers& access, http::Request& request,
                                          const std::string& thing) {
    const auto principal = TRY(principal_of_path(access, request));
    TRY(drop_grants_of(access, thing, principal.id));
    return http::text_response(204, "");
}

Result<void> drop_named_grants(AccessAnswers& access, const std::string& thing) {
    return drop_grants_of(access, thing, "");
}

}  // namespace stroma::front::api
