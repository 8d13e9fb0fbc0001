#include <algorithm>

#include "base/json.h"
#include "front/annotation/annotation_routes.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/api/named_grants.h"

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

Answer delete_space(const AnnotationDomain& domain, http::Request& request) {
    const Space space =
        TRY(find_space(domain, request, request.parameters.at("space"), Action::remove));
    TRY(domain.spaces.remove(space.id));
    TRY(api::drop_named_grants(domain.explorer.access, space.id));
    return http::text_response(204, "");
}

Answer list_grants(const AnnotationDomain& domain, http::Request& request) {
    const Space space =
        TRY(find_space(domain, request, request.parameters.at("space"), Action::share));
    return api::list_named_grants(domain.explorer.access, space.id);
}

Answer put_grant(const AnnotationDomain& domain, http::Request& request) {
    const Space space =
        TRY(find_space(domain, request, request.parameters.at("space"), Action::share));
    return api::put_named_grant(domain.explorer.access, request, space.id);
}

Answer delete_grant(const AnnotationDomain& domain, http::Request& request) {
    const Space space =
        TRY(find_space(domain, request, request.parameters.at("space"), Action::share));
    return api::delete_named_grant(domain.explorer.access, request, space.id);
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
