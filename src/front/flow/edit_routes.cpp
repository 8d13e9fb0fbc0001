#include <fmt/format.h>

#include "base/json.h"
#include "flow/told/told.h"
#include "front/api/api_routes.h"
#include "front/flow/flow_routes.h"

// Changes by hand of labels that a run made: who may judge the run's outputs may make them.

namespace stroma::front::flow {
namespace {

using catalog::Action;
using stroma::flow::Edit;
using stroma::flow::Run;

Result<Json> edits_json(const FlowDomain& domain, const Run& run, const std::string& picture) {
    Json list = Json::array();
    for (const Edit& edit : TRY(domain.pictures.edits(run, picture)))
        list.push_back(stroma::flow::edit_json(edit));
    return Json{{"run", run.id}, {"picture", picture}, {"edits", std::move(list)}};
}

Answer list_edits(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    return api::json_answer(200, TRY(edits_json(domain, run, request.parameters["picture"])));
}

Answer post_edits(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::change));
    const Json body = TRY(api::json_body(request));
    if (!body.contains("edits"))
        return fail(ErrorCode::invalid_input, "the body's 'edits', a list, is missing");
    const std::string& picture = request.parameters["picture"];
    TRY(domain.pictures.edit(
        run, picture, body["edits"].dump(),
        request.principal.name.empty() ? request.principal.id : request.principal.name));
    return api::json_answer(202, Json{{"run", run.id}, {"picture", picture}});
}

}  // namespace

std::vector<FlowRoute> edit_routes() {
    return {{"GET", "/v1/runs/{run}/pictures/{picture}/edits", list_edits},
            {"POST", "/v1/runs/{run}/pictures/{picture}/edits", post_edits}};
}

}  // namespace stroma::front::flow
