#include "app/flow/flow_door.h"

#include <fmt/format.h>

#include "base/json.h"
#include "catalog/principal.h"
#include "flow/told/archive_told.h"
#include "flow/told/told.h"

namespace stroma::app {
namespace {

std::string in_url(const std::string& text) {
    std::string out;
    for (const char character : text) {
        const bool is_plain = std::isalnum(static_cast<unsigned char>(character)) != 0 ||
                              character == '-' || character == '_' || character == '.';
        out += is_plain ? std::string(1, character)
                        : fmt::format("%{:02X}", static_cast<unsigned char>(character));
    }
    return out;
}

}  // namespace

Result<FlowDoor> FlowDoor::open(const Invocation& invocation) {
    FlowDoor door;
    door.session_ = TRY(open_session(invocation));
    if (door.session_.site)
        door.service_ = TRY(FlowService::open(*door.session_.site, invocation.settings));
    return door;
}

void FlowDoor::end_with(const std::stop_token& stop) {
    if (session_.remote) session_.remote->end_with(stop);
}

Result<Json> FlowDoor::ask(const std::string& path) {
    const std::string text = TRY(session_.remote->get(path));
    return parse_json(text, {.bytes_max = 1u << 30});
}

Result<Json> FlowDoor::post(const std::string& path, const std::string& body) {
    const std::string text = TRY(session_.remote->post(path, body));
    return parse_json(text, {.bytes_max = 1u << 30});
}

namespace {

std::string body_of(const flow::NewRun& run) {
    Json parameters = Json::object();
    for (const auto& [name, value] : run.changes) parameters[name] = Json::parse(value);
    return Json{{"name", run.name},
                {"definition", run.definition},
                {"folder", run.folder.string()},
                {"input", run.location.string()},
                {"priority", run.priority},
                {"parameters", parameters}}
        .dump();
}

}  // namespace

Result<Json> FlowDoor::submit(const flow::NewRun& run) {
    if (!service_) return post("/v1/runs", body_of(run));
    flow::NewRun local = run;
    local.owner = catalog::local_administrator().id;
    return run_json(TRY(service_->engine().submit(local)));
}

Result<Json> FlowDoor::estimate(const flow::NewRun& run) {
    if (!service_) return post("/v1/pipelines/estimate", body_of(run));
    const int cores = task_capacity(service_->settings()).cores;
    return estimate_json(TRY(service_->engine().estimate(run)), cores);
}

Result<std::vector<std::string>> FlowDoor::verify(const std::string& run,
                                                  const std::stop_token& stop) {
    if (service_)
        return service_->engine().verify_outputs(run, [stop] { return stop.stop_requested(); });
    if (run.empty())
        return fail(ErrorCode::invalid_input, "beside a server, name the run that is verified");
    const Json answer = TRY(post("/v1/runs/" + in_url(run) + "/verify", "{}"));
    return answer["findings"].get<std::vector<std::string>>();
}

Result<Json> FlowDoor::runs(std::int64_t limit) {
    if (!service_) return ask(fmt::format("/v1/runs?all=true&limit={}", limit));
    Json json{{"runs", Json::array()}};
    for (const auto& run : TRY(service_->engine().runs("", static_cast<int>(limit))))
        json["runs"].push_back(run_json(run));
    return json;
}

Result<Json> FlowDoor::run(const std::string& id) {
    return service_ ? run_detail(service_->engine(), id) : ask("/v1/runs/" + in_url(id));
}

Result<Json> FlowDoor::tasks(const std::string& run) {
    constexpr int limit = 2000;
    const auto page = [&](std::int64_t after) {
        return service_ ? tasks_json(service_->engine(), run, {after, limit})
                        : ask(fmt::format("/v1/runs/{}/tasks?after={}&limit={}", in_url(run), after,
                                          limit));
    };
    Json all = TRY(page(0));
    Json& tasks = all["tasks"];
    for (Json next = all.value("next", Json()); next.is_number_integer();) {
        Json more = TRY(page(next.get<std::int64_t>()));
        for (Json& task : more["tasks"]) tasks.push_back(std::move(task));
        next = more.value("next", Json());
    }
    all.erase("next");
    return all;
}

Result<Json> FlowDoor::why(const std::string& run, const std::string& stage) {
    return service_ ? why_json(service_->engine(), run, stage)
                    : ask("/v1/runs/" + in_url(run) + "/why?stage=" + in_url(stage));
}

Result<Json> FlowDoor::cancel(const std::string& run) {
    if (!service_) return post("/v1/runs/" + in_url(run) + "/cancel", "{}");
    return run_json(TRY(service_->engine().cancel(run)));
}

Result<Json> FlowDoor::retry(const std::string& run) {
    if (!service_) return post("/v1/runs/" + in_url(run) + "/retry", "{}");
    return run_json(TRY(service_->engine().retry(run)));
}

Result<void> FlowDoor::review(const std::string& run, const std::string& stage,
                              const std::string& item, bool accepted, const std::string& comment) {
    if (service_)
        return service_->engine().review(run, stage, item, accepted, comment,
                                         catalog::local_administrator().name);
    const Json body{{"stage", stage}, {"item", item}, {"accepted", accepted}, {"comment", comment}};
    TRY(post("/v1/runs/" + in_url(run) + "/reviews", body.dump()));
    return {};
}

Result<Json> FlowDoor::pictures(const std::string& run) {
    if (!service_) return ask("/v1/runs/" + in_url(run) + "/pictures");
    Json json{{"pictures", Json::array()}};
    const flow::Run found = TRY(service_->engine().find(run));
    for (const auto& one : TRY(service_->pictures().list(found)))
        json["pictures"].push_back({{"id", one.id},
                                    {"stage", one.stage},
                                    {"item", one.item},
                                    {"output", one.output},
                                    {"labels", one.are_labels}});
    return json;
}

Result<Json> FlowDoor::edits(const std::string& run, const std::string& picture) {
    if (!service_)
        return ask("/v1/runs/" + in_url(run) + "/pictures/" + in_url(picture) + "/edits");
    Json json{{"edits", Json::array()}};
    const flow::Run found = TRY(service_->engine().find(run));
    for (const auto& one : TRY(service_->pictures().edits(found, picture)))
        json["edits"].push_back(flow::edit_json(one));
    return json;
}

Result<void> FlowDoor::edit(const std::string& run, const std::string& picture, const Json& edits) {
    if (service_)
        return service_->pictures().edit(TRY(service_->engine().find(run)), picture, edits.dump(),
                                         catalog::local_administrator().name);
    TRY(post("/v1/runs/" + in_url(run) + "/pictures/" + in_url(picture) + "/edits",
             Json{{"edits", edits}}.dump()));
    return {};
}

Result<Json> FlowDoor::standing() {
    return service_ ? standing_json(service_->engine()) : ask("/v1/pipelines/standing");
}

Result<Json> FlowDoor::archive(const std::string& run) {
    if (!service_)
        return run.empty() ? ask("/v1/pipelines/standing")
                           : ask("/v1/runs/" + in_url(run) + "/archive");
    if (run.empty()) return Json{{"archive", TRY(archive_json(service_->engine()))}};
    return shelf_json(service_->engine(), run);
}

Result<Json> FlowDoor::put_away(const std::string& run, const std::string& stage,
                                const std::string& item, const std::stop_token& stop) {
    if (!service_)
        return post("/v1/runs/" + in_url(run) + "/archive",
                    Json{{"stage", stage}, {"item", item}}.dump());
    const int going = TRY(service_->engine().put_away(run, stage, item));
    TRY(service_->engine().work_off_archive([stop] { return stop.stop_requested(); }));
    return Json{{"run", run}, {"going", going}};
}

Result<Json> FlowDoor::bring_back(const std::string& run, const std::string& stage,
                                  const std::string& item, std::int64_t days,
                                  const std::stop_token& stop) {
    if (!service_)
        return post("/v1/runs/" + in_url(run) + "/restore",
                    Json{{"stage", stage}, {"item", item}, {"days", days}}.dump());
    constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
    const int coming =
        TRY(service_->engine().bring_back(run, stage, item, Milliseconds{days * day_ms}));
    TRY(service_->engine().work_off_archive([stop] { return stop.stop_requested(); }));
    return Json{{"run", run}, {"coming", coming}, {"days", days}};
}

Result<Json> FlowDoor::pilots() {
    return service_ ? pilots_json(service_->engine(), "") : ask("/v1/pipelines/pilots");
}

Result<Json> FlowDoor::intakes() {
    return service_ ? intakes_json(service_->intakes()) : ask("/v1/pipelines/intakes");
}

Result<Json> FlowDoor::arrivals(const std::string& intake, std::int64_t limit) {
    if (service_)
        return arrivals_json(service_->intakes(), service_->engine(), intake,
                             static_cast<int>(limit));
    return ask(fmt::format("/v1/pipelines/arrivals?limit={}&intake={}", limit, in_url(intake)));
}

Result<void> FlowDoor::add_intake(Json body) {
    if (!service_) {
        TRY(post("/v1/pipelines/intakes", body.dump()));
        return {};
    }
    auto intake = TRY(flow::intake_from_json(body));
    intake.owner = catalog::local_administrator().id;
    return service_->intakes().add(std::move(intake));
}

Result<void> FlowDoor::remove_intake(const std::string& name) {
    if (service_) return service_->intakes().remove(name);
    TRY(session_.remote->remove("/v1/pipelines/intakes/" + in_url(name)));
    return {};
}

Result<void> FlowDoor::call_off(const std::string& job) {
    if (service_) return service_->engine().call_off(job);
    TRY(post("/v1/pipelines/pilots/" + in_url(job) + "/cancel", "{}"));
    return {};
}

Result<std::string> FlowDoor::report(const std::string& run) {
    return service_ ? report_html(service_->engine(), run)
                    : session_.remote->get("/v1/runs/" + in_url(run) + "/report");
}

Result<std::string> FlowDoor::log(const std::string& run, const std::string& task) {
    if (!service_)
        return session_.remote->get("/v1/runs/" + in_url(run) + "/tasks/" + in_url(task) + "/log");
    const flow::Run found = TRY(service_->engine().find(run));
    for (const flow::Task& one : TRY(service_->engine().tasks(found.id)))
        if (std::to_string(one.id) == task)
            return read_file(service_->engine().log_of(one, one.attempt));
    return fail(ErrorCode::not_found, "run '" + run + "' has no task " + task);
}

Result<void> FlowDoor::copy(const std::string& run, const std::string& task, const std::string& key,
                            const std::string& name, const fs::path& to) {
    TRY(make_folders(to.parent_path()));
    if (service_) {
        const fs::path from = TRY(service_->engine().file_of(key, name));
        std::error_code error;
        fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
        if (error) return fail(error_from_errno("copying", to.string(), error.value()));
        fs::permissions(to, fs::perms::owner_write, fs::perm_options::add, error);
        return {};
    }
    TRY(remove_file(to));
    File file = TRY(File::create(to));
    std::uint64_t at = 0;
    Result<void> written;
    const auto take = [&](std::string_view piece) {
        written = file.write_at(at, as_bytes(piece));
        at += piece.size();
        return written.has_value();
    };
    TRY(session_.remote->stream(
        "GET", "/v1/runs/" + in_url(run) + "/tasks/" + in_url(task) + "/file?name=" + in_url(name),
        "", take));
    return written;
}

}  // namespace stroma::app
