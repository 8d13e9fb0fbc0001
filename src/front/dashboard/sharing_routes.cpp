#include <fmt/format.h>

#include "base/json.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/dashboard/dashboard_routes.h"

// Who sees a dashboard, and who may change it.

namespace stroma::front::dashboard {
namespace {

using catalog::Action;
using catalog::Grant;
using stroma::dashboard::Dashboard;

Answer change_visibility(const DashboardDomain& domain, http::Request& request) {
    auto found = TRY(find_dashboard(domain, request, Action::share));
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    if (const auto visible = TRY(fields.optional_text("visibility")))
        found.visibility = TRY(stroma::dashboard::visibility_named(*visible));
    TRY(fields.finish());
    TRY(domain.dashboards.show_to(found.id, found.visibility));
    return api::json_answer(200, TRY(head_json(domain, request, found)));
}

/// "" drops everybody's.
Result<void> drop_grants(const DashboardDomain& domain, const std::string& dashboard,
                         const std::string& principal) {
    for (const Grant& grant : TRY(domain.access.grants_on(dashboard)))
        if (principal.empty() || grant.principal == principal) TRY(domain.access.revoke(grant));
    return {};
}

Answer delete_dashboard(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::remove));
    TRY(domain.dashboards.remove(found.id));
    TRY(drop_grants(domain, found.id, ""));
    return http::text_response(204, "");
}

Answer list_dashboard_grants(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::share));
    Json grants = Json::array();
    for (const Grant& grant : TRY(domain.access.grants_on(found.id))) {
        const auto principal = TRY(domain.find_principal(grant.principal));
        grants.push_back({{"principal", grant.principal},
                          {"name", principal ? principal->name : ""},
                          {"access", grant.access}});
    }
    return api::json_answer(200, Json{{"grants", std::move(grants)}});
}

Result<catalog::Principal> named_principal(const DashboardDomain& domain, const std::string& name) {
    auto found = TRY(domain.find_principal(name));
    if (!found) return fail(ErrorCode::not_found, fmt::format("there is no user '{}'", name));
    return *std::move(found);
}

Answer put_dashboard_grant(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::share));
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    const std::string access = TRY(fields.text("access"));
    TRY(fields.finish());
    if (access != "read" && access != "write")
        return fail(api::error_at(ErrorCode::invalid_input, "/access",
                                  "'access' must be \"read\" or \"write\""));
    const auto principal = TRY(named_principal(domain, request.parameters.at("principal")));
    TRY(domain.access.grant({found.id, principal.id, access, catalog::ThingKind::space}));
    return api::json_answer(
        200, Json{{"principal", principal.id}, {"name", principal.name}, {"access", access}});
}

Answer delete_dashboard_grant(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::share));
    const auto principal = TRY(named_principal(domain, request.parameters.at("principal")));
    TRY(drop_grants(domain, found.id, principal.id));
    return http::text_response(204, "");
}

}  // namespace

std::vector<DashboardRoute> sharing_routes() {
    return {{"PATCH", "/v1/dashboards/{dashboard}", change_visibility},
            {"DELETE", "/v1/dashboards/{dashboard}", delete_dashboard},
            {"GET", "/v1/dashboards/{dashboard}/grants", list_dashboard_grants},
            {"PUT", "/v1/dashboards/{dashboard}/grants/{principal}", put_dashboard_grant},
            {"DELETE", "/v1/dashboards/{dashboard}/grants/{principal}", delete_dashboard_grant}};
}

}  // namespace stroma::front::dashboard
