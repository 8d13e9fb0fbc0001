#include "base/json.h"
#include "front/account/account_routes.h"
#include "front/api/api_routes.h"

// The record of who did what, for administrators.

namespace stroma::front::account {
namespace {

using Answer = Result<http::Response>;

Answer list_audit(const Site& site, http::Request& request) {
    TRY(needs_administrator(site, request));
    stroma::account::AuditFilter filter;
    filter.who = request.query_value("who").value_or("");
    filter.action = request.query_value("action").value_or("");
    filter.thing = request.query_value("thing").value_or("");
    filter.outcome = request.query_value("outcome").value_or("");
    filter.since_ms = TRY(api::query_integer(request, "since", 0)) * 1000;
    filter.until_ms = TRY(api::query_integer(request, "until", 0)) * 1000;
    filter.before = TRY(api::query_integer(request, "before", 0));
    filter.limit = TRY(api::query_integer(request, "limit", 100));
    if (filter.limit < 1 || filter.limit > 1000)
        return fail(ErrorCode::invalid_input, "the query's 'limit' must be 1 to 1000");
    const auto entries = TRY(site.domain.audit.entries(filter));
    Json json{{"entries", Json::array()}, {"next", nullptr}};
    for (const auto& entry : entries) json["entries"].push_back(audit_entry_json(entry));
    if (static_cast<std::int64_t>(entries.size()) == filter.limit)
        json["next"] = entries.back().number;
    return api::json_answer(200, json);
}

}  // namespace

nlohmann::ordered_json audit_entry_json(const stroma::account::AuditEntry& entry) {
    return {{"number", entry.number},
            {"time", api::time_json(entry.time_ms)},
            {"who", entry.who},
            {"name", entry.name},
            {"by", entry.by},
            {"proof", entry.proof},
            {"action", entry.action},
            {"kind", entry.kind},
            {"thing", entry.thing},
            {"outcome", entry.outcome},
            {"address", entry.address},
            {"request", entry.request},
            {"request_id", entry.request_id}};
}

std::vector<AccountRoute> audit_routes() { return {{"GET", "/v1/audit", list_audit}}; }

}  // namespace stroma::front::account
