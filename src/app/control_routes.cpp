#include "app/control_routes.h"

#include "app/aws/job_events.h"
#include "app/aws/key_records.h"
#include "app/biology/biology_copy.h"
#include "app/session.h"
#include "base/json.h"

namespace stroma::app {
namespace {

using front::http::Request;
using front::http::Response;

Response answer_of(const Result<std::string>& json) {
    if (json) return front::http::json_response(200, *json);
    const Json problem = {{"code", name_of(json.error().code)}, {"message", json.error().message}};
    return front::http::json_response(400, problem.dump());
}

/// Wraps one operation: the local administrator only, its result as JSON.
front::http::Handler only_local(std::function<Result<std::string>(Request&)> operation) {
    return [operation = std::move(operation)](Request& request) {
        if (request.principal.id != catalog::local_administrator().id)
            return front::http::json_response(404,
                                              R"({"code":"not_found","message":"no such page"})");
        return answer_of(operation(request));
    };
}

std::int64_t number_in(const Request& request, std::string_view name, std::int64_t otherwise) {
    const auto text = request.query_value(name);
    return text && !text->empty() ? std::strtoll(text->c_str(), nullptr, 10) : otherwise;
}

Result<std::string> submit(Site& site, Request& request) {
    const std::string body = TRY(request.text_body());
    const Json json = TRY(parse_json(body));
    TRY(site.catalog().decide(request.principal, catalog::Action::create,
                              {catalog::ThingKind::job, "", request.principal.id}));
    const auto job = TRY(site.jobs().submit({.stage = json.value("stage", ""),
                                             .owner = request.principal.id,
                                             .title = json.value("title", ""),
                                             .inputs = json.value("inputs", ""),
                                             .idempotency_key = ""}));
    return job_json(job);
}

Result<std::string> list_jobs(Site& site, Request& request) {
    pipeline::JobFilter filter{.stage = request.query_value("stage").value_or(""),
                               .limit = static_cast<int>(number_in(request, "limit", 50))};
    if (const auto state = request.query_value("state"); state && !state->empty())
        filter.state = TRY(pipeline::job_state_named(*state));
    std::string list;
    for (const auto& job : TRY(site.jobs().list(filter)))
        list += (list.empty() ? "" : ",") + job_json(job);
    return "[" + list + "]";
}

Result<std::string> wait_for_job(Site& site, Request& request) {
    const Milliseconds wait{std::min<std::int64_t>(number_in(request, "wait_ms", 0), 20'000)};
    const std::string id = TRY(site.jobs().id_beginning(request.parameters["job"]));
    return job_json(
        TRY(site.jobs().wait_for_change(id, number_in(request, "after_version", -1), wait)));
}

Result<std::string> show_dataset(Site& site, Request& request) {
    return dataset_json(site, request.parameters["dataset"]);
}

Result<std::string> patch_dataset(Site& site, Request& request) {
    const std::string changes = TRY(request.text_body());
    return change_dataset(site, request.parameters["dataset"], changes);
}

Result<std::string> remove_dataset(Site& site, Request& request) {
    const auto dataset = TRY(named_dataset(site, request.parameters["dataset"]));
    TRY(site.catalog().decide(request.principal, catalog::Action::remove,
                              {catalog::ThingKind::dataset, dataset.id, dataset.owner}));
    TRY(site.loader().remove_dataset(dataset));
    tell_change_of_datasets(site);
    return std::string("{}");
}

Result<std::string> add_key(Site& site, Request& request) {
    const std::string body = TRY(request.text_body());
    const Json json = TRY(parse_json(body));
    return create_key(site, json.value("user", ""), json.value("label", ""));
}

Result<std::string> keys_of_user(Site& site, Request& request) {
    return list_keys(site, request.query_value("user").value_or(""));
}

Result<std::string> end_key(Site& site, Request& request) {
    return revoke_key(site, request.parameters["key"]);
}

Result<std::string> copy_biology_out(Site& site, Request& request) {
    const std::string body = TRY(request.text_body());
    return copy_biology_json(site, body);
}

}  // namespace

std::vector<front::http::Route> control_routes(Site& site, AwsServer* aws) {
    const auto with_site = [&site](Result<std::string> (*operation)(Site&, Request&)) {
        return only_local(
            [&site, operation](Request& request) { return operation(site, request); });
    };
    const auto change =
        [&site](Result<pipeline::Job> (pipeline::JobStore::*operation)(std::string_view)) {
            return only_local([&site, operation](Request& request) -> Result<std::string> {
                const auto id = TRY(site.jobs().id_beginning(request.parameters["job"]));
                return job_json(TRY((site.jobs().*operation)(id)));
            });
        };
    return {{"POST", "/internal/jobs", with_site(submit)},
            {"GET", "/internal/jobs", with_site(list_jobs)},
            {"GET", "/internal/jobs/{job}", with_site(wait_for_job)},
            {"POST", "/internal/jobs/{job}/cancel", change(&pipeline::JobStore::cancel)},
            {"POST", "/internal/jobs/{job}/retry", change(&pipeline::JobStore::retry)},
            {"GET", "/internal/datasets",
             only_local([&site](Request&) -> Result<std::string> { return datasets_json(site); })},
            {"GET", "/internal/datasets/{dataset}", with_site(show_dataset)},
            {"PATCH", "/internal/datasets/{dataset}", with_site(patch_dataset)},
            {"DELETE", "/internal/datasets/{dataset}", with_site(remove_dataset)},
            {"POST", "/internal/aws/keys",
             only_local([&site, aws](Request& request) -> Result<std::string> {
                 if (aws == nullptr)
                     return fail(ErrorCode::not_found, "no AWS port is served here");
                 const std::string body = TRY(request.text_body());
                 return issue_key(site, *aws, TRY(parse_json(body)).value("user", ""));
             })},
            {"POST", "/internal/biology", with_site(copy_biology_out)},
            {"POST", "/internal/keys", with_site(add_key)},
            {"GET", "/internal/keys", with_site(keys_of_user)},
            {"DELETE", "/internal/keys/{key}", with_site(end_key)}};
}

}  // namespace stroma::app
