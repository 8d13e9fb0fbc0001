#include "front/watch/watch_front.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/http/event_stream.h"

namespace stroma::front::watch {
namespace {

using stroma::watch::Flow;

constexpr std::int64_t seconds_max = 300, interval_ms_least = 500, interval_ms_most = 60'000;

Json flow_json(const Flow& flow) {
    const auto& stand = flow.stand;
    Json json{
        {"kind", name_of(stand.kind)},  {"name", stand.name},      {"arn", stand.arn},
        {"owner", stand.owner},         {"in_rate", flow.in_rate}, {"out_rate", flow.out_rate},
        {"bytes_rate", flow.bytes_rate}};
    json["waiting"] = stand.waiting ? Json(*stand.waiting) : Json(nullptr);
    json["age_seconds"] = static_cast<double>(stand.age_ms) / 1000;
    json["errors"] = stand.errors;
    json["errors_last_minute"] = flow.errors_lately;
    json["alarm"] = flow.is_alarmed;
    json["note"] = stand.note;
    return json;
}

Result<Json> flows_json(const WatchDomain& domain, const catalog::Principal& principal) {
    Json list = Json::array();
    if (domain.watcher != nullptr) {
        const auto flows = TRY(domain.watcher->flows());
        for (const Flow& flow : *flows)
            if (domain.may_read(principal, flow.stand)) list.push_back(flow_json(flow));
    }
    return Json{{"flows", std::move(list)}};
}

Result<void> check_somebody(const http::Request& request) {
    if (request.principal.role != catalog::Role::anonymous) return {};
    return fail(ErrorCode::denied, "sign in to see your streams, deliveries, queues and rules");
}

Result<http::Response> list_flows(const WatchDomain& domain, http::Request& request) {
    TRY(check_somebody(request));
    const Json flows = TRY(flows_json(domain, request.principal));
    return api::json_answer(200, flows);
}

/// Ends after a while, so that who goes on watching is asked anew who they are.
Result<http::Response> stream_flows(const WatchDomain& domain, http::Request& request) {
    TRY(check_somebody(request));
    const std::int64_t seconds = TRY(api::query_integer(request, "seconds", seconds_max));
    if (seconds < 0 || seconds > seconds_max)
        return fail(ErrorCode::invalid_input, "the query's 'seconds' must be 0 to 300");
    const std::int64_t interval = TRY(api::query_integer(request, "interval_ms", 2000));
    if (interval < interval_ms_least || interval > interval_ms_most)
        return fail(ErrorCode::invalid_input, "the query's 'interval_ms' must be 500 to 60000");
    return http::event_stream([&domain, principal = request.principal, seconds, interval,
                               left = request.left](http::EventWriter& events) -> Result<void> {
        using std::chrono::steady_clock;
        const auto end = steady_clock::now() + std::chrono::seconds(seconds);
        std::mutex mutex;
        std::condition_variable_any leaving;
        std::unique_lock lock(mutex);
        while (true) {
            const Json flows = TRY(flows_json(domain, principal));
            TRY(events.send("flows", flows.dump()));
            if (steady_clock::now() >= end) return {};
            leaving.wait_for(lock, left, Milliseconds{interval}, [] { return false; });
            if (left.stop_requested()) return {};
        }
    });
}

}  // namespace

std::vector<http::Route> watch_routes(WatchDomain domain) {
    const auto held = std::make_shared<const WatchDomain>(std::move(domain));
    const auto answering = [held](auto handler) {
        return [held, handler](http::Request& request) {
            auto answer = handler(*held, request);
            return answer ? *std::move(answer) : api::error_response(request, answer.error());
        };
    };
    return {{"GET", "/v1/flows", answering(list_flows), http::RunsOn::pool},
            {"GET", "/v1/flows/events", answering(stream_flows), http::RunsOn::pool}};
}

}  // namespace stroma::front::watch
