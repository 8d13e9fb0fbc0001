#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "dashboard/answer_cache.h"
#include "dashboard/dashboards.h"
#include "dashboard/parameters.h"
#include "front/api/api_domain.h"
#include "front/http/router.h"

namespace stroma::front::dashboard {

/// A question with the values of its parameters, asked by somebody.
struct PanelOrder {
    catalog::Principal principal;
    stroma::dashboard::Question question;
    stroma::dashboard::ParameterValues values;
    std::uint64_t rows_max = 0;  ///< more rows aren't given
    std::stop_token stop;
};

/// Runs questions of panels: within the fence and limits that the SQL page and the PostgreSQL port
/// have.
class PanelRunner {
public:
    virtual ~PanelRunner() = default;
    /// {"columns": [{"name", "type"}], "rows": [[…]], "row_count", "more": whether rows were left}
    /// errors  invalid_input, exhausted  the statement's fault
    ///         unavailable  tables are asked and the server has no user database
    virtual Result<std::string> run(const PanelOrder& order) = 0;
};

struct DashboardDomain {
    stroma::dashboard::Dashboards& dashboards;
    api::AccessAnswers& access;
    PanelRunner& runner;
    stroma::dashboard::AnswerCache& answers;
    /// Who an owner is now; nothing for who is gone.
    std::function<Result<std::optional<catalog::Principal>>(const std::string& id)> find_principal;
};

/// /v1/dashboards and what lies below. A dashboard is decided upon like a space (its owner, whom it
/// was granted to), and read, where everybody may, like a view that is shown by its link. The
/// domain's parts outlive the routes.
std::vector<http::Route> dashboard_routes(DashboardDomain domain);

}  // namespace stroma::front::dashboard
