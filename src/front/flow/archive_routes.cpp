#include "base/json.h"
#include "flow/told/archive_told.h"
#include "front/api/api_routes.h"
#include "front/flow/flow_routes.h"

// Where outputs of a run lie, and their way to the archive and back.

namespace stroma::front::flow {
namespace {

using catalog::Action;
using stroma::flow::Run;

constexpr std::int64_t day_ms = 24LL * 3600 * 1000, days_max = 3650, days_usual = 7;

Answer get_archive(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    return api::json_answer(200, TRY(shelf_json(domain.engine, run.id)));
}

Answer archive_run(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::change));
    const Json body = TRY(api::json_body(request));
    const int going =
        TRY(domain.engine.put_away(run.id, body.value("stage", ""), body.value("item", "")));
    return api::json_answer(202, Json{{"run", run.id}, {"going", going}});
}

Answer restore_run(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::change));
    const Json body = TRY(api::json_body(request));
    const std::int64_t days = body.value("days", days_usual);
    if (days < 1 || days > days_max)
        return fail(ErrorCode::invalid_input, "the body's 'days' must be 1 to 3650");
    const int coming = TRY(domain.engine.bring_back(
        run.id, body.value("stage", ""), body.value("item", ""), Milliseconds{days * day_ms}));
    return api::json_answer(202, Json{{"run", run.id}, {"coming", coming}, {"days", days}});
}

}  // namespace

Answer or_archived(const http::Request& request, Answer answer) {
    // Reading conflicts with nothing else.
    if (answer || answer.error().code != ErrorCode::conflict) return answer;
    return api::json_answer(409, Json{{"message", answer.error().message},
                                      {"code", "archived"},
                                      {"request_id", request.id}});
}

std::vector<FlowRoute> archive_routes() {
    return {{"GET", "/v1/runs/{run}/archive", get_archive},
            {"POST", "/v1/runs/{run}/archive", archive_run},
            {"POST", "/v1/runs/{run}/restore", restore_run}};
}

}  // namespace stroma::front::flow
