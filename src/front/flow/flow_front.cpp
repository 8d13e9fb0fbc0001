#include "front/flow/flow_front.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/json.h"
#include "flow/told/graph.h"
#include "flow/told/told.h"
#include "front/api/api_routes.h"
#include "front/flow/flow_routes.h"
#include "front/http/event_stream.h"

namespace stroma::front::flow {
namespace {

using catalog::Action;
using catalog::ThingKind;
using stroma::flow::Run;
using stroma::flow::Task;

constexpr std::uint64_t log_bytes_max = 8u << 20;

Result<Task> allowed_task(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    const std::string& wanted = request.parameters["task"];
    for (Task& task : TRY(domain.engine.tasks(run.id)))
        if (std::to_string(task.id) == wanted) return std::move(task);
    return fail(ErrorCode::not_found, fmt::format("run '{}' has no task {}", run.name, wanted));
}

http::Response page(std::string text, const char* type) {
    http::Response response = http::text_response(200, std::move(text), type);
    // What a pipeline wrote isn't ours: it may show, not act.
    response.headers.emplace_back("Content-Security-Policy",
                                  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
                                  "sandbox");
    return response;
}

/// With how people judged it, and, while it runs, how far it is.
Result<Json> listed_run(const FlowDomain& domain, const Run& run) {
    Json json = stroma::flow::run_json(run);
    int accepted = 0, rejected = 0;
    for (const auto& review : TRY(domain.engine.reviews(run.id)))
        ++(review.accepted ? accepted : rejected);
    json["accepted"] = accepted;
    json["rejected"] = rejected;
    if (run.state != stroma::flow::RunState::running) return json;
    const Json detail = TRY(run_detail(domain.engine, run.id));
    json["total"] = detail["total"];
    json["seconds_left"] = detail["seconds_left"];
    return json;
}

Answer list_runs(const FlowDomain& domain, http::Request& request) {
    std::string owner = request.principal.id;
    Json json{{"runs", Json::array()}};
    if (request.query_value("all") == "true") {
        TRY(needs_administrator(domain, request));
        owner = "";
    } else if (request.principal.role == catalog::Role::anonymous) {
        return api::json_answer(200, json);
    }
    const std::int64_t limit = TRY(api::query_integer(request, "limit", 100));
    if (limit < 1 || limit > 1000)
        return fail(ErrorCode::invalid_input, "the query's 'limit' must be 1 to 1000");
    for (const Run& run : TRY(domain.engine.runs(owner, static_cast<int>(limit))))
        json["runs"].push_back(TRY(listed_run(domain, run)));
    return api::json_answer(200, json);
}

/// What a body asks to run. errors  invalid_input
Result<stroma::flow::NewRun> new_run(const Json& body, const std::string& principal) {
    stroma::flow::NewRun run;
    run.name = body.value("name", "");
    run.owner = body.value("owner", principal);
    run.definition = body.value("definition", "");
    run.folder = body.value("folder", "");
    run.location = body.value("input", "");
    run.priority = body.value("priority", 0);
    if (!run.location.is_absolute() || (!run.folder.empty() && !run.folder.is_absolute()))
        return fail(ErrorCode::invalid_input,
                    "'input' and 'folder' must be whole paths of folders on the server");
    const Json parameters = body.value("parameters", Json::object());
    for (const auto& [name, value] : parameters.items()) run.changes[name] = value.dump();
    return run;
}

Answer start_run(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    const Json body = TRY(api::json_body(request));
    const auto run = TRY(new_run(body, request.principal.id));
    return api::json_answer(202, stroma::flow::run_json(TRY(domain.engine.submit(run))));
}

Answer estimate_run(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    const Json body = TRY(api::json_body(request));
    const auto run = TRY(new_run(body, request.principal.id));
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    return api::json_answer(200,
                            stroma::flow::estimate_json(TRY(domain.engine.estimate(run)), cores));
}

/// What verify_outputs finds wrong.
Answer verify_run(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::change));
    const auto stopped = [&request] { return request.left.stop_requested(); };
    return api::json_answer(
        200,
        Json{{"run", run.id}, {"findings", TRY(domain.engine.verify_outputs(run.id, stopped))}});
}

Answer get_run(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    return api::json_answer(200, TRY(run_detail(domain.engine, run.id)));
}

Answer watch_run(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    return http::event_stream(
        [&domain, id = run.id, left = request.left](http::EventWriter& events) -> Result<void> {
            std::string told;
            for (std::uint64_t seen = 0; !left.stop_requested();) {
                const Json now = TRY(run_detail(domain.engine, id));
                if (std::string text = now.dump(); text != told) {
                    TRY(events.send("run", text));
                    told = std::move(text);
                }
                if (now["state"] != "running") return {};
                constexpr Milliseconds look{500};
                seen = domain.engine.wait_for_change(seen, look);
            }
            return {};
        });
}

void add_folder(const FlowDomain& domain, Json& task) {
    const auto outputs = task.find("outputs");
    if (outputs == task.end()) return;
    for (const Json& files : *outputs)
        for (const Json& file : files) {
            const auto name = file.get<std::string>();
            const auto path = domain.engine.file_of(task["key"].get<std::string>(), name);
            if (!path) return;  // it lies in the archive
            task["folder"] = path->string().substr(0, path->string().size() - name.size() - 1);
            return;
        }
}

Answer get_tasks(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    const std::int64_t after = TRY(api::query_integer(request, "after", 0));
    const std::int64_t limit = TRY(api::query_integer(request, "limit", 1000));
    if (after < 0 || limit < 1 || limit > stroma::flow::task_page_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("'after' is a task's number, 'limit' a number from 1 to {}",
                                stroma::flow::task_page_max));
    Json json = TRY(tasks_json(domain.engine, run.id, {after, static_cast<std::size_t>(limit)}));
    // Where files lie is for whoever may have the server read any.
    if (TRY(domain.access.may(request.principal, Action::administer, {})))
        for (Json& task : json["tasks"]) add_folder(domain, task);
    return api::json_answer(200, json);
}

Answer get_why(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    return api::json_answer(
        200, TRY(why_json(domain.engine, run.id, request.query_value("stage").value_or(""))));
}

Answer get_report(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    return page(TRY(report_html(domain.engine, run.id)), "text/html; charset=utf-8");
}

Answer get_graph(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    const auto definition =
        stroma::flow::read_definition(run.definition, {}, nullptr, {}).definition;
    return page(svg_of(definition), "image/svg+xml");
}

Answer get_log(const FlowDomain& domain, http::Request& request) {
    const Task task = TRY(allowed_task(domain, request));
    const auto attempt = TRY(api::query_integer(request, "attempt", task.attempt));
    const auto text =
        read_file(domain.engine.log_of(task, static_cast<int>(attempt)), log_bytes_max);
    return page(text ? *text : "", "text/plain; charset=utf-8");
}

Answer open_file(const FlowDomain& domain, http::Request& request) {
    const Task task = TRY(allowed_task(domain, request));
    const std::string name = request.query_value("name").value_or("");
    const auto path = TRY(domain.engine.file_of(task.key, name));
    auto file = std::make_shared<const File>(TRY(File::open_to_read(path)));
    http::Response response;
    response.headers.emplace_back("Content-Type", "application/octet-stream");
    response.headers.emplace_back("Content-Disposition",
                                  api::disposition_of(path.filename().string()));
    const std::uint64_t size = TRY(file->size());
    response.file = {std::move(file), size, task.key.substr(0, 32) + "-" + std::to_string(size)};
    return response;
}

Answer get_file(const FlowDomain& domain, http::Request& request) {
    return or_archived(request, open_file(domain, request));
}

Answer cancel_run(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::change));
    return api::json_answer(200, stroma::flow::run_json(TRY(domain.engine.cancel(run.id))));
}

Answer retry_run(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::change));
    return api::json_answer(200, stroma::flow::run_json(TRY(domain.engine.retry(run.id))));
}

Answer review_run(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::change));
    const Json body = TRY(api::json_body(request));
    if (!body.contains("accepted") || !body["accepted"].is_boolean())
        return fail(ErrorCode::invalid_input, "the body's 'accepted' must be true or false");
    TRY(domain.engine.review(
        run.id, body.value("stage", ""), body.value("item", ""), body["accepted"].get<bool>(),
        body.value("comment", ""),
        request.principal.name.empty() ? request.principal.id : request.principal.name));
    return api::json_answer(200, TRY(run_detail(domain.engine, run.id)));
}

Answer check_pipeline(const FlowDomain& domain, http::Request& request) {
    if (request.principal.role == catalog::Role::anonymous)
        return fail(ErrorCode::denied, "sign in to have a pipeline checked");
    const Json body = TRY(api::json_body(request));
    const auto steps = TRY(domain.engine.steps());
    // Whether files are there is told to who may start a run alone.
    const auto checked =
        stroma::flow::read_definition(body.value("definition", ""), {}, &steps, "");
    Json json = issues_json(checked);
    if (checked.issues.empty()) {
        json["mermaid"] = mermaid_of(checked.definition);
        json["svg"] = svg_of(checked.definition);
    }
    return api::json_answer(200, json);
}

Answer get_standing(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    return api::json_answer(200, TRY(standing_json(domain.engine)));
}

Answer get_pilots(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    return api::json_answer(200, TRY(pilots_json(domain.engine, "")));
}

Answer cancel_pilot(const FlowDomain& domain, http::Request& request) {
    TRY(needs_administrator(domain, request));
    const std::string& job = request.parameters["job"];
    TRY(domain.engine.call_off(job));
    return api::json_answer(202, Json{{"job", job}, {"called_off", true}});
}

/// A member of another type than is read ends the reading.
Answer answered(const FlowDomain& domain, Handler handler, http::Request& request) {
    try {
        return handler(domain, request);
    } catch (const Json::exception&) {
        return fail(ErrorCode::invalid_input, "a member of the body has the wrong type");
    }
}

std::vector<FlowRoute> run_routes() {
    return {{"GET", "/v1/runs", list_runs},
            {"POST", "/v1/runs", start_run},
            {"GET", "/v1/runs/{run}", get_run},
            {"GET", "/v1/runs/{run}/events", watch_run},
            {"GET", "/v1/runs/{run}/tasks", get_tasks},
            {"GET", "/v1/runs/{run}/tasks/{task}/log", get_log},
            {"GET", "/v1/runs/{run}/tasks/{task}/file", get_file},
            {"GET", "/v1/runs/{run}/why", get_why},
            {"GET", "/v1/runs/{run}/report", get_report},
            {"GET", "/v1/runs/{run}/graph", get_graph},
            {"POST", "/v1/runs/{run}/cancel", cancel_run},
            {"POST", "/v1/runs/{run}/retry", retry_run},
            {"POST", "/v1/runs/{run}/reviews", review_run},
            {"POST", "/v1/runs/{run}/verify", verify_run},
            {"POST", "/v1/pipelines/check", check_pipeline},
            {"POST", "/v1/pipelines/estimate", estimate_run},
            {"GET", "/v1/pipelines/standing", get_standing},
            {"GET", "/v1/pipelines/pilots", get_pilots},
            {"POST", "/v1/pipelines/pilots/{job}/cancel", cancel_pilot}};
}

}  // namespace

Result<void> needs_administrator(const FlowDomain& domain, const http::Request& request) {
    if (TRY(domain.access.decide(request.principal, Action::administer, {}))) return {};
    if (request.principal.role == catalog::Role::anonymous)
        return fail(ErrorCode::denied, "this needs a token: send Authorization: Bearer <token>");
    return fail(ErrorCode::denied, "only administrators may do this");
}

Result<Run> allowed_run(const FlowDomain& domain, http::Request& request, Action action) {
    const std::string& id = request.parameters["run"];
    const auto absent = [&] { return fail(ErrorCode::not_found, fmt::format("no run '{}'", id)); };
    auto run = domain.engine.find(id);
    if (!run) return absent();
    const catalog::Thing thing{ThingKind::job, run->id, run->owner};
    if (TRY(domain.access.decide(request.principal, action, thing))) return run;
    if (action == Action::read || !TRY(domain.access.may(request.principal, Action::read, thing)))
        return absent();
    return fail(ErrorCode::denied, "you may not do this; ask its owner or the administrator");
}

std::vector<http::Route> flow_routes(FlowDomain domain) {
    const auto held = std::make_shared<const FlowDomain>(domain);
    std::vector<FlowRoute> all = run_routes();
    std::ranges::move(work_routes(), std::back_inserter(all));
    std::ranges::move(intake_routes(), std::back_inserter(all));
    std::ranges::move(picture_routes(), std::back_inserter(all));
    std::ranges::move(archive_routes(), std::back_inserter(all));
    std::ranges::move(edit_routes(), std::back_inserter(all));
    std::vector<http::Route> routes;
    for (const FlowRoute& route : all)
        routes.push_back({route.method, route.pattern,
                          [held, handler = route.handler](http::Request& request) {
                              auto answer = answered(*held, handler, request);
                              return answer ? *std::move(answer)
                                            : api::error_response(request, answer.error());
                          },
                          http::RunsOn::pool});
    return routes;
}

}  // namespace stroma::front::flow
