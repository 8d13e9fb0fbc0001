#include "front/dashboard/dashboard_front.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/dashboard/dashboard_routes.h"

namespace stroma::front::dashboard {
namespace {

using catalog::Action;
using catalog::ThingKind;
using stroma::dashboard::Author;
using stroma::dashboard::Dashboard;
using stroma::dashboard::Definition;
using stroma::dashboard::Visibility;

catalog::Thing thing_of(const Dashboard& dashboard, Action action) {
    if (action == Action::read && dashboard.visibility != Visibility::private_)
        return {ThingKind::view, dashboard.id, dashboard.owner, true};
    return {ThingKind::space, dashboard.id, dashboard.owner};
}

http::Response versioned(int status, const Json& json, std::int64_t version) {
    auto response = api::json_answer(status, json);
    response.headers.emplace_back("ETag", fmt::format("\"{}\"", version));
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

/// Own ones, those granted by name, public ones; an administrator who asks for all sees all.
Answer list_dashboards(const DashboardDomain& domain, http::Request& request) {
    const bool all = request.query_value("all") == "true";
    if (all && !TRY(domain.access.decide(request.principal, Action::administer, {})))
        return fail(ErrorCode::denied, "only administrators list everybody's dashboards");
    Json list = Json::array();
    for (const Dashboard& one : TRY(domain.dashboards.all())) {
        const bool is_own =
            request.principal.role != catalog::Role::anonymous && one.owner == request.principal.id;
        const bool is_listed = all || is_own || one.visibility == Visibility::public_ ||
                               TRY(is_granted(domain, request, one));
        if (is_listed && TRY(may(domain, request, Action::read, one)))
            list.push_back(TRY(head_json(domain, request, one)));
    }
    auto response = api::json_answer(200, Json{{"dashboards", std::move(list)}});
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

Result<Definition> definition_in(const http::Request& request) {
    const std::string body = TRY(request.text_body(stroma::dashboard::definition_bytes_max + 1));
    return stroma::dashboard::read_definition(body);
}

Author author_of(const http::Request& request) {
    return {request.principal.id, request.principal.name};
}

Answer create_dashboard(const DashboardDomain& domain, http::Request& request) {
    if (!TRY(domain.access.decide(request.principal, Action::create, {ThingKind::space, "", ""})))
        return fail(ErrorCode::denied, "sign in to keep dashboards here");
    const Definition definition = TRY(definition_in(request));
    const auto made = TRY(domain.dashboards.create(author_of(request), definition));
    return versioned(201, TRY(head_json(domain, request, made)), made.version);
}

Answer get_dashboard(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::read));
    const auto version = TRY(domain.dashboards.version(found.id, found.version));
    Json json = TRY(head_json(domain, request, found));
    json["definition"] = TRY(parse_json(version.definition));
    return versioned(200, json, found.version);
}

/// The version that If-Match names; 0 where nothing is asked.
Result<std::int64_t> known_version(const http::Request& request) {
    std::string text = request.header("if-match").value_or("");
    std::erase(text, '"');
    std::int64_t version = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, version);
    if (!text.empty() && (read.ec != std::errc() || read.ptr != end))
        return fail(ErrorCode::invalid_input, "If-Match takes the ETag of the dashboard, as \"3\"");
    return version;
}

Answer save_dashboard(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::change));
    const std::int64_t known = TRY(known_version(request));
    const Definition definition = TRY(definition_in(request));
    // Else whoever may change it would ask by the owner's rights what they like.
    if (definition.as_owner && found.owner != request.principal.id)
        return fail(api::error_at(ErrorCode::denied, "/as_owner",
                                  "only the owner may have statements run by the owner's rights; "
                                  "save it with 'as_owner': false"));
    const auto saved = TRY(domain.dashboards.save(found.id, known, author_of(request), definition));
    return versioned(200, TRY(head_json(domain, request, saved)), saved.version);
}

Answer list_versions(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::change));
    Json versions = Json::array();
    for (const auto& one : TRY(domain.dashboards.versions(found.id)))
        versions.push_back({{"version", one.number},
                            {"author", one.author.name.empty() ? one.author.id : one.author.name},
                            {"saved", api::time_json(one.saved_ms)}});
    return api::json_answer(200, Json{{"versions", std::move(versions)}});
}

Answer get_version(const DashboardDomain& domain, http::Request& request) {
    const auto found = TRY(find_dashboard(domain, request, Action::change));
    const std::string& text = request.parameters.at("version");
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    const auto version = TRY(domain.dashboards.version(found.id, number));
    return api::json_answer(200, Json{{"version", version.number},
                                      {"author", version.author.name},
                                      {"saved", api::time_json(version.saved_ms)},
                                      {"definition", TRY(parse_json(version.definition))}});
}

std::vector<DashboardRoute> record_routes() {
    return {{"GET", "/v1/dashboards", list_dashboards},
            {"POST", "/v1/dashboards", create_dashboard},
            {"GET", "/v1/dashboards/{dashboard}", get_dashboard},
            {"PUT", "/v1/dashboards/{dashboard}", save_dashboard},
            {"GET", "/v1/dashboards/{dashboard}/versions", list_versions},
            {"GET", "/v1/dashboards/{dashboard}/versions/{version}", get_version}};
}

}  // namespace

Result<bool> may(const DashboardDomain& domain, const http::Request& request, Action action,
                 const Dashboard& dashboard) {
    return domain.access.may(request.principal, action, thing_of(dashboard, action));
}

Result<bool> is_granted(const DashboardDomain& domain, const http::Request& request,
                        const Dashboard& dashboard) {
    if (request.principal.role == catalog::Role::anonymous) return false;
    const auto grants = TRY(domain.access.grants_on(dashboard.id));
    return std::ranges::any_of(grants, [&](const catalog::Grant& grant) {
        return grant.principal == request.principal.id;
    });
}

Result<Dashboard> find_dashboard(const DashboardDomain& domain, const http::Request& request,
                                 Action action) {
    const std::string& id = request.parameters.at("dashboard");
    auto found = TRY(domain.dashboards.find(id));
    const auto allowed = [&](Action wanted) {
        return domain.access.decide(request.principal, wanted, thing_of(*found, wanted));
    };
    if (!found || !TRY(allowed(Action::read)))
        return fail(ErrorCode::not_found, fmt::format("there is no dashboard '{}'", id));
    if (action != Action::read && !TRY(allowed(action)))
        return fail(ErrorCode::denied,
                    "you may look at this dashboard, not change it; its owner "
                    "can grant that, or save a copy of your own");
    return *std::move(found);
}

Result<Json> head_json(const DashboardDomain& domain, const http::Request& request,
                       const Dashboard& dashboard) {
    const auto owner = TRY(domain.find_principal(dashboard.owner));
    return Json{{"id", dashboard.id},
                {"title", dashboard.title},
                {"owner", owner && !owner->name.empty() ? owner->name : dashboard.owner},
                {"own", dashboard.owner == request.principal.id},
                {"visibility", name_of(dashboard.visibility)},
                {"version", dashboard.version},
                {"created", api::time_json(dashboard.created_ms)},
                {"changed", api::time_json(dashboard.changed_ms)},
                {"may",
                 {{"change", TRY(may(domain, request, Action::change, dashboard))},
                  {"share", TRY(may(domain, request, Action::share, dashboard))},
                  {"remove", TRY(may(domain, request, Action::remove, dashboard))}}}};
}

std::vector<http::Route> dashboard_routes(DashboardDomain domain) {
    const auto held = std::make_shared<const DashboardDomain>(std::move(domain));
    std::vector<DashboardRoute> all = record_routes();
    for (const auto& more : {panel_routes(), sharing_routes()})
        all.insert(all.end(), more.begin(), more.end());
    std::vector<http::Route> routes;
    for (const DashboardRoute& route : all)
        routes.push_back({route.method, route.pattern,
                          [held, handler = route.handler](http::Request& request) {
                              auto answer = handler(*held, request);
                              return answer ? *std::move(answer)
                                            : api::error_response(request, answer.error());
                          },
                          http::RunsOn::pool});
    return routes;
}

}  // namespace stroma::front::dashboard
