#include <charconv>

#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/flow/flow_routes.h"

// Workers elsewhere: they lease a task, keep it, and hand in what became of it.

namespace stroma::front::flow {
namespace {

constexpr Milliseconds wait_max{20'000};

std::int64_t task_in(http::Request& request) {
    const std::string& text = request.parameters["task"];
    std::int64_t task = 0;
    std::from_chars(text.data(), text.data() + text.size(), task);
    return task;
}

Answer lease(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    const Json body = TRY(api::json_body(request));
    stroma::flow::Offer offer;
    offer.worker = body.value("worker", "");
    if (offer.worker.empty() || offer.worker.size() > 200 || offer.worker.starts_with("local"))
        return fail(ErrorCode::invalid_input, "the body's 'worker' must be the worker's name");
    offer.left = {body.value("cores", 0), body.value("memory_bytes", std::uint64_t{0})};
    offer.whole = {body.value("cores_whole", 0), body.value("memory_whole", std::uint64_t{0})};
    auto wait = std::min(wait_max, Milliseconds{body.value("wait_ms", std::int64_t{0})});
    constexpr Milliseconds look{200};
    for (std::uint64_t seen = 0;; wait -= look) {
        if (const auto work = TRY(domain.engine.lease(offer)))
            return http::json_response(200, work->json());
        if (wait.count() <= 0 || request.left.stop_requested())
            return http::Response{.status = 204};
        seen = domain.engine.wait_for_change(seen, std::min(wait, look));
    }
}

Answer beat(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    const Json body = TRY(api::json_body(request));
    const auto orders =
        TRY(domain.engine.beat(task_in(request), body.value("lease", std::int64_t{0}),
                               {body.value("done", 0.0), body.value("total", 0.0),
                                body.value("unit", ""), body.value("step", "")}));
    return api::json_answer(200, Json{{"stop", orders.stop}});
}

Answer finish(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    const Json body = TRY(api::json_body(request));
    TRY(domain.engine.finish(
        task_in(request), body.value("lease", std::int64_t{0}),
        {stroma::flow::outcome_named(body.value("outcome", "")), body.value("error", ""),
         body.value("exit_code", 0), body.value("signal", 0), body.value("core_seconds", 0.0),
         body.value("peak_bytes", std::uint64_t{0})}));
    return api::json_answer(200, Json{{"taken", true}});
}

}  // namespace

std::vector<FlowRoute> work_routes() {
    return {{"POST", "/v1/tasks/lease", lease},
            {"POST", "/v1/tasks/{task}/beat", beat},
            {"POST", "/v1/tasks/{task}/finish", finish}};
}

}  // namespace stroma::front::flow
