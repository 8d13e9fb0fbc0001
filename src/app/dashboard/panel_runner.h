#pragma once

#include <memory>

#include "app/settings.h"
#include "app/site.h"
#include "front/dashboard/dashboard_front.h"
#include "redshift/engine.h"

namespace stroma::app {

/// Runs what panels ask: of relations as POST /v1/sql does, of tables (`engine`; null: there are
/// none) in a session of its own as the PostgreSQL port does, SELECT alone, with the time and turns
/// of query.time, query.concurrent and their kin. All that it is given outlives it.
std::unique_ptr<front::dashboard::PanelRunner> panel_runner(Site& site, const Settings& settings,
                                                            front::api::SqlAnswers& sql,
                                                            redshift::Engine* engine);

/// What dashboards need while a server runs.
struct DashboardService {
    std::unique_ptr<stroma::dashboard::Dashboards> dashboards;
    std::unique_ptr<front::dashboard::PanelRunner> runner;
    std::unique_ptr<stroma::dashboard::AnswerCache> answers;

    static Result<DashboardService> open(Site& site, const Settings& settings,
                                         front::api::SqlAnswers& sql, redshift::Engine* engine);
    /// The service and the site outlive them.
    std::vector<front::http::Route> routes(Site& site, front::api::AccessAnswers& access) const;
};

}  // namespace stroma::app
