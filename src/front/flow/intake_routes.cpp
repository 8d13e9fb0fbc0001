#include "base/json.h"
#include "flow/told/told.h"
#include "front/api/api_routes.h"
#include "front/flow/flow_routes.h"

// Places where what is put begins a run.

namespace stroma::front::flow {
namespace {

Answer list_intakes(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    return api::json_answer(200, TRY(intakes_json(domain.intakes)));
}

Answer add_intake(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    const Json body = TRY(api::json_body(request));
    auto intake = TRY(stroma::flow::intake_from_json(body));
    if (intake.owner.empty()) intake.owner = request.principal.id;
    const Json made{{"name", intake.name}};
    TRY(domain.intakes.add(std::move(intake)));
    return api::json_answer(201, made);
}

Answer remove_intake(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    TRY(domain.intakes.remove(request.parameters["intake"]));
    return http::Response{.status = 204};
}

Answer list_arrivals(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    const std::int64_t limit = TRY(api::query_integer(request, "limit", 100));
    if (limit < 1 || limit > 1000)
        return fail(ErrorCode::invalid_input, "the query's 'limit' must be 1 to 1000");
    return api::json_answer(200, TRY(arrivals_json(domain.intakes, domain.engine,
                                                   request.query_value("intake").value_or(""),
                                                   static_cast<int>(limit))));
}

}  // namespace

std::vector<FlowRoute> intake_routes() {
    return {{"GET", "/v1/pipelines/intakes", list_intakes},
            {"POST", "/v1/pipelines/intakes", add_intake},
            {"DELETE", "/v1/pipelines/intakes/{intake}", remove_intake},
            {"GET", "/v1/pipelines/arrivals", list_arrivals}};
}

}  // namespace stroma::front::flow
