#include <algorithm>

#include "base/json.h"
#include "front/annotation/annotation_routes.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"

// Spaces: whose they are, and with whom they are shared.

namespace stroma::front::annotation {
namespace {

using catalog::Action;
using catalog::Grant;
using catalog::ThingKind;
using stroma::annotation::Space;

Result<bool> may(const AnnotationDomain& domain, const http::Request& request, Action action,
                 const Space& space) {
    return domain.explorer.access.may(request.principal, action,
                                      {ThingKind::space, space.id, space.owner});
}

Result<Json> space_json(const AnnotationDomain& domain, const http::Request& request,
                        const Space& space) {
    const char* access = TRY(may(domain, request, Action::share, space))    ? "own"
                         : TRY(may(domain, request, Action::change, space)) ? "write"
                                                                            : "read";
    return Json{{"id", space.id},
                {"title", space.title},
                {"owner", space.owner},
                {"access", access},
                {"created", api::time_json(space.created_ms)}};
}

/// Own ones and those granted by name: an administrator, who may see all, isn't shown all.
Answer list_spaces(const AnnotationDomain& domain, http::Request& request) {
    Json spaces = Json::array();
    if (request.principal.role != catalog::Role::anonymous)
        for (const Space& space : TRY(domain.spaces.all())) {
            const auto is_mine = [&]() -> Result<bool> {
                if (space.owner == request.principal.id) return true;
                const auto grants = TRY(domain.explorer.access.grants_on(space.id));
                return std::any_of(grants.begin(), grants.end(), [&](const Grant& grant) {
                    return grant.principal == request.principal.id;
                });
            };
            if (TRY(is_mine()) && TRY(may(domain, request, Action::read, space)))
                spaces.push_back(TRY(space_json(domain, request, space)));
        }
    auto response = api::json_answer(200, Json{{"spaces", std::move(spaces)}});
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

Answer create_space(const AnnotationDomain& domain, http::Request& request) {
    if (!TRY(domain.explorer.access.decide(request.principal, Action::create,
                                           {ThingKind::space, "", ""})))
        return fail(ErrorCode::denied, "sign in to keep labels, gene sets and views here");
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    const std::string title = TRY(fields.text("title"));
    TRY(fields.finish());
    const Space space = TRY(domain.spaces.create(request.principal.id, title));
    return api::json_answer(201, TRY(space_json(domain, request, space)));
}

Answer get_space(const AnnotationDomain& domain, http::Request& request) {
    const Space space =
        TRY(find_space(domain, request, request.parameters.at("space"), Action::read));
    return api::json_answer(200, TRY(space_json(domain, request, space)));
}

http::Response no_content() { return http::text_response(204, ""); }

Result<void> drop_grants(const AnnotationDomain& domain, const std::string& space,
                         const std::string& principal) {
    std::string last;  // older stores have several grants of one principal, one behind the other
    for (const Grant& grant : TRY(domain.explorer.access.grants_on(space)))
        if ((principal.empty() || grant.principal == principal) && grant.principal != last) {
            TRY(domain.explorer.access.revoke(grant));
            last = grant.principal;
        }
    return {};
}

Answer delete_space(const AnnotationDomain& domain, http::Request& request) {
    const Space space =
        TRY(find_space(domain, request, request.parameters.at("space"), Action::remove));
    TRY(domain.spaces.remove(space.id));
    TRY(drop_grants(domain, space.id, ""));
    return no_content();
}

Answer list_grants(const AnnotationDomain& domain, http::Request& request) {
    const Space space =
        TRY(find_space(domain, request, request.parameters.at("space"), Action::share));
    const auto principals = TRY(domain.explorer.access.principals());
    Json grants = Json::array();
    for (const Grant& grant : TRY(domain.explorer.access.grants_on(space.id))) {
        Json json{{"principal", grant.principal}, {"access", grant.access}};
        for (const auto& principal : principals)
            if (principal.id == grant.principal) json["name"] = principal.name;
        grants.push_back(std::move(json));
    }
    return api::json_answer(200, Json{{"grants", std::move(grants)}});
}

/// By id or name.
Result<catalog::Principal> principal_named(const AnnotationDomain& domain,
                                           const std::string& name) {
    for (const auto& principal : TRY(domain.explorer.access.principals()))
        if (principal.id == name || principal.name == name) return principal;
    return fail(ErrorCode::not_found, "there is no principal '" + name + "'");
}

Answer put_grant(const AnnotationDomain& domain, http::Request& request) {
    const Space space =
        TRY(find_space(domain, request, request.parameters.at("space"), Action::share));
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    const std::string access = TRY(fields.text("access"));
    TRY(fields.finish());
    if (access != "read" && access != "write")
        return fail(api::error_at(ErrorCode::invalid_input, "/access",
                                  "'access' must be \"read\" or \"write\""));
    const auto principal = TRY(principal_named(domain, request.parameters.at("principal")));
    TRY(drop_grants(domain, space.id, principal.id));
    TRY(domain.explorer.access.grant({space.id, principal.id, access, ThingKind::space}));
    return api::json_answer(
        200, Json{{"principal", principal.id}, {"name", principal.name}, {"access", access}});
}

Answer delete_grant(const AnnotationDomain& domain, http::Request& request) {
    const Space space =
        TRY(find_space(domain, request, request.parameters.at("space"), Action::share));
    const auto principal = TRY(principal_named(domain, request.parameters.at("principal")));
    TRY(drop_grants(domain, space.id, principal.id));
    return no_content();
}

}  // namespace

std::vector<AnnotationRoute> space_routes() {
    return {{"GET", "/u/spaces", list_spaces},
            {"POST", "/u/spaces", create_space},
            {"GET", "/u/spaces/{space}", get_space},
            {"DELETE", "/u/spaces/{space}", delete_space},
            {"GET", "/u/spaces/{space}/grants", list_grants},
            {"PUT", "/u/spaces/{space}/grants/{principal}", put_grant},
            {"DELETE", "/u/spaces/{space}/grants/{principal}", delete_grant}};
}

}  // namespace stroma::front::annotation
