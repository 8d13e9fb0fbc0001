#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/dashboard/dashboard_routes.h"

// Rows of panels, choices of parameters, and questions that are still being written.

namespace stroma::front::dashboard {
namespace {

using catalog::Action;
using stroma::dashboard::AnswerCache;
using stroma::dashboard::Dashboard;
using stroma::dashboard::Definition;
using stroma::dashboard::ParameterValues;

constexpr std::uint64_t rows_drawn_max = 10'000, choices_shown_max = 1'000;
/// Answers of what isn't asked again by itself are shared so long.
constexpr Milliseconds still_age{60'000}, fresh_age{1'000};

struct OpenDashboard {
    Dashboard dashboard;
    Definition definition;
    catalog::Principal asking;  ///< by whose rights statements run
};

Result<OpenDashboard> open_dashboard(const DashboardDomain& domain, http::Request& request) {
    OpenDashboard open;
    open.dashboard = TRY(find_dashboard(domain, request, Action::read));
    const auto version = TRY(domain.dashboards.version(open.dashboard.id, open.dashboard.version));
    open.definition = TRY(stroma::dashboard::read_definition(version.definition));
    open.asking = request.principal;
    if (!open.definition.as_owner) return open;
    const auto owner = TRY(domain.find_principal(open.dashboard.owner));
    if (!owner || owner->disabled)
        return fail(ErrorCode::denied,
                    "this dashboard asks by the rights of its owner, who has none any more");
    open.asking = *owner;
    return open;
}

/// What the answer depends on, in one short text.
std::string key_of(const PanelOrder& order) {
    Json key = Json::array({order.principal.id, order.principal.role, order.principal.scopes,
                            order.question.source, order.question.statement, order.rows_max});
    // A link may show more datasets than its holder could see by name.
    for (const auto& link : order.principal.links) key.push_back(link.link);
    for (const auto& [name, value] : order.values) {
        key.push_back(name);
        key.push_back(value.index());
        std::visit(
            [&](const auto& held) {
                if constexpr (!std::is_same_v<std::decay_t<decltype(held)>, std::monostate>)
                    key.push_back(held);
            },
            value);
    }
    return sha256_hex(key.dump());
}

Answer rows_answer(const DashboardDomain& domain, const PanelOrder& order, Milliseconds age_max) {
    const auto kept = TRY(domain.answers.get(key_of(order), age_max, order.stop,
                                             [&] { return domain.runner.run(order); }));
    // The rows are JSON already; when they were asked stands before them.
    auto response = http::json_response(
        200, fmt::format("{{\"asked\":\"{}\",{}", iso_time(kept.asked_ms), kept.text->substr(1)));
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

/// A viewer who asks each `seconds` gets an answer that is hardly older.
Milliseconds shared_age(std::int64_t seconds, bool fresh) {
    if (fresh) return fresh_age;
    return seconds == 0 ? still_age : std::max(fresh_age / 2, Milliseconds{seconds * 750});
}

struct Asked {
    ParameterValues values;
    bool fresh = false;
};

Result<Asked> asked_in(const http::Request& request, const Definition& definition) {
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    Asked asked;
    asked.fresh = TRY(fields.boolean_or("fresh", false));
    const Json* const given = fields.find("parameters");
    TRY(fields.finish());
    asked.values =
        TRY(stroma::dashboard::values_of(definition, given == nullptr ? Json::object() : *given));
    return asked;
}

Answer post_panel_rows(const DashboardDomain& domain, http::Request& request) {
    const auto open = TRY(open_dashboard(domain, request));
    const std::string& id = request.parameters.at("panel");
    const auto* const panel = open.definition.panel(id);
    if (panel == nullptr || !panel->has_question)
        return fail(ErrorCode::not_found,
                    fmt::format("the dashboard has no panel '{}' with a statement", id));
    const Asked asked = TRY(asked_in(request, open.definition));
    return rows_answer(domain,
                       {open.asking, panel->question, asked.values, rows_drawn_max, request.left},
                       shared_age(panel->refresh_seconds, asked.fresh));
}

Answer post_choices(const DashboardDomain& domain, http::Request& request) {
    const auto open = TRY(open_dashboard(domain, request));
    const std::string& name = request.parameters.at("parameter");
    const auto* const parameter = open.definition.parameter(name);
    if (parameter == nullptr || parameter->question.statement.empty())
        return fail(ErrorCode::not_found,
                    fmt::format("the dashboard has no parameter '{}' with a statement", name));
    const Asked asked = TRY(asked_in(request, open.definition));
    return rows_answer(
        domain, {open.asking, parameter->question, asked.values, choices_shown_max, request.left},
        still_age);
}

/// A question that nobody has saved: by the rights of who asks, whatever the dashboard says.
Answer post_preview(const DashboardDomain& domain, http::Request& request) {
    if (!TRY(domain.access.decide(request.principal, Action::read, {})))
        return fail(ErrorCode::denied, "you may not ask this site");
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    // Read as a dashboard of one panel, so that it is checked as it will be when it is saved.
    const std::string source = TRY(fields.text_or("source", "relations"));
    const std::string statement = TRY(fields.text("statement"));
    Json panel = {
        {"id", "preview"}, {"kind", "table"}, {"source", source}, {"statement", statement}};
    Json whole = {{"title", "preview"}, {"panels", Json::array({panel})}};
    if (const Json* const parameters = fields.find("definitions"))
        whole["parameters"] = *parameters;
    const Json* const given = fields.find("parameters");
    TRY(fields.finish());
    const Definition definition = TRY(stroma::dashboard::read_definition(whole.dump()));
    const auto values =
        TRY(stroma::dashboard::values_of(definition, given == nullptr ? Json::object() : *given));
    return rows_answer(domain,
                       {request.principal, definition.panels.front().question, values,
                        rows_drawn_max, request.left},
                       fresh_age);
}

}  // namespace

std::vector<DashboardRoute> panel_routes() {
    return {{"POST", "/v1/dashboards/preview", post_preview},
            {"POST", "/v1/dashboards/{dashboard}/panels/{panel}/rows", post_panel_rows},
            {"POST", "/v1/dashboards/{dashboard}/parameters/{parameter}/choices", post_choices}};
}

}  // namespace stroma::front::dashboard
