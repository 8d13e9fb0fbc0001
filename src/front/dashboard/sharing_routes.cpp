#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/api/named_grants.h"
#include "front/dashboard/dashboard_routes.h"

// Who sees a dashboard, and who may change it.

namespace stroma::front::dashboard {
namespace {

using catalog::Action;
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

Answer delete_dashboard(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::remove));
    TRY(domain.dashboards.remove(found.id));
    TRY(api::drop_named_grants(domain.access, found.id));
    return http::text_response(204, "");
}

Answer list_dashboard_grants(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::share));
    return api::list_named_grants(domain.access, found.id);
}

Answer put_dashboard_grant(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::share));
    return api::put_named_grant(domain.access, request, found.id);
}

Answer delete_dashboard_grant(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::share));
    return api::delete_named_grant(domain.access, request, found.id);
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
