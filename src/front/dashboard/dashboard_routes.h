#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "front/dashboard/dashboard_front.h"

// What the route files of this folder share.

namespace stroma::front::dashboard {

using Answer = Result<http::Response>;
using Handler = Answer (*)(const DashboardDomain&, http::Request&);
struct DashboardRoute {
    const char* method;
    const char* pattern;
    Handler handler;
};
std::vector<DashboardRoute> panel_routes();
std::vector<DashboardRoute> sharing_routes();

/// The dashboard that the path names, where who asks may do that; it looks absent where they may
/// not see it.
Result<stroma::dashboard::Dashboard> find_dashboard(const DashboardDomain& domain,
                                                    const http::Request& request,
                                                    catalog::Action action);
Result<bool> may(const DashboardDomain& domain, const http::Request& request,
                 catalog::Action action, const stroma::dashboard::Dashboard& dashboard);
/// Whether it was granted to them by name.
Result<bool> is_granted(const DashboardDomain& domain, const http::Request& request,
                        const stroma::dashboard::Dashboard& dashboard);
/// What is listed of it.
Result<nlohmann::ordered_json> head_json(const DashboardDomain& domain,
                                         const http::Request& request,
                                         const stroma::dashboard::Dashboard& dashboard);

}  // namespace stroma::front::dashboard
