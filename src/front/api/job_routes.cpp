#include <chrono>
#include <map>

#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/api/job_json.h"
#include "front/http/event_stream.h"

namespace stroma::front::api {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using catalog::ThingKind;
using pipeline::JobState;

constexpr std::pair<std::string_view, JobState> state_names[] = {
    {"queued", JobState::queued},       {"running", JobState::running},
    {"succeeded", JobState::succeeded}, {"failed", JobState::failed},
    {"cancelled", JobState::cancelled},
};

Result<pipeline::Job> find_allowed_job(ApiContext& api, http::Request& request, Action action) {
    const std::string& id = request.parameters["job"];
    auto found = TRY(api.domain.jobs.find_job(id));
    if (!found) return absent(ThingKind::job, id);
    TRY(allow(api, request, action, {ThingKind::job, found->id, found->owner}));
    return std::move(*found);
}

/// Whose jobs are asked for: one's own, or with all=true everybody's. Nothing for nobody, whose
/// empty id would mean everybody's.
Result<std::optional<pipeline::JobFilter>> filter_of(ApiContext& api, http::Request& request) {
    pipeline::JobFilter filter;
    if (request.query_value("all") == "true")
        TRY(allow(api, request, Action::administer, {}));
    else if (request.principal.role == catalog::Role::anonymous)
        return std::nullopt;
    else
        filter.owner = request.principal.id;
    return filter;
}

Answer list_jobs(ApiContext& api, http::Request& request) {
    const auto whose = TRY(filter_of(api, request));
    if (!whose) return json_answer(200, Json{{"jobs", Json::array()}});
    pipeline::JobFilter filter = *whose;
    filter.stage = request.query_value("stage").value_or("");
    if (const auto wanted = request.query_value("state")) {
        for (const auto& [name, state] : state_names)
            if (name == *wanted) filter.state = state;
        if (!filter.state)
            return fail(ErrorCode::invalid_input, "the query's 'state' is not a job's state");
    }
    const std::int64_t limit = TRY(query_integer(request, "limit", 100));
    if (limit < 1 || limit > 1000)
        return fail(ErrorCode::invalid_input, "the query's 'limit' must be 1 to 1000");
    filter.limit = static_cast<int>(limit);
    Json json{{"jobs", Json::array()}};
    for (const auto& job : TRY(api.domain.jobs.jobs(filter))) json["jobs"].push_back(job_json(job));
    return json_answer(200, json);
}

Answer get_job(ApiContext& api, http::Request& request) {
    return json_answer(200, job_json(TRY(find_allowed_job(api, request, Action::read))));
}

Answer get_log(ApiContext& api, http::Request& request) {
    const auto job = TRY(find_allowed_job(api, request, Action::read));
    const std::int64_t after = TRY(query_integer(request, "after_ms", 0));
    Json json{{"lines", Json::array()}};
    for (const auto& line : TRY(api.domain.jobs.log_lines(job.id, after)))
        json["lines"].push_back(Json{{"at", time_json(line.at_ms)},
                                     {"at_ms", line.at_ms},
                                     {"level", line.level},
                                     {"text", line.text}});
    return json_answer(200, json);
}

Result<void> send_changes(JobAnswers& jobs, pipeline::Job job, std::int64_t seen,
                          const std::stop_token& left, http::EventWriter& events) {
    constexpr Milliseconds wait{500};
    constexpr int quiet_waits_max = 30;  // then a comment, so that no proxy closes the stream
    for (int quiet = 0;;) {
        if (job.version > seen || pipeline::is_final(job.state)) {
            TRY(events.send("job", job_json(job).dump(), std::to_string(job.version)));
            seen = job.version;
            quiet = 0;
        }
        if (pipeline::is_final(job.state) || left.stop_requested()) return {};
        if (++quiet % quiet_waits_max == 0) TRY(events.comment("still here"));
        job = TRY(jobs.wait_for_change(job.id, seen, wait));
    }
}

Answer watch_job(ApiContext& api, http::Request& request) {
    const auto job = TRY(find_allowed_job(api, request, Action::read));
    std::int64_t seen = -1;
    if (const auto last = request.header("last-event-id")) seen = std::atoll(last->c_str());
    JobAnswers& jobs = api.domain.jobs;
    return http::event_stream([&jobs, job, seen, left = request.left](http::EventWriter& events) {
        return send_changes(jobs, job, seen, left, events);
    });
}

/// The newest jobs, and then each of them whenever it changed, for `length`.
Result<void> send_all_changes(JobAnswers& jobs, const pipeline::JobFilter& filter,
                              std::chrono::seconds length, const std::stop_token& left,
                              http::EventWriter& events) {
    using std::chrono::steady_clock;
    constexpr Milliseconds wait{500};
    constexpr std::chrono::seconds between_looks{2};  // for what another process changed
    constexpr std::chrono::seconds quiet_max{15};     // then a comment: no proxy closes the stream
    const auto end = steady_clock::now() + length;
    steady_clock::time_point looked, told;
    std::map<std::string, std::int64_t> sent;
    for (std::uint64_t seen = 0;;) {
        const bool is_first = looked == steady_clock::time_point{};
        const std::uint64_t changes =
            jobs.wait_for_any_change(seen, is_first ? Milliseconds{0} : wait);
        const auto now = steady_clock::now();
        if (is_first || changes != seen || now - looked >= between_looks) {
            Json list = Json::array();
            for (const auto& job : TRY(jobs.jobs(filter))) {
                std::int64_t& version = sent.try_emplace(job.id, -1).first->second;
                if (job.version > version) list.push_back(job_json(job));
                version = job.version;
            }
            if (!list.empty() || is_first) {
                TRY(events.send("jobs", Json{{"jobs", std::move(list)}}.dump()));
                told = now;
            }
            looked = now;
            seen = changes;
        }
        if (now >= end || left.stop_requested()) return {};
        if (now - told >= quiet_max) {
            TRY(events.comment("still here"));
            told = now;
        }
    }
}

/// Ends after a while, so that who goes on watching is asked anew who they are.
Answer watch_jobs(ApiContext& api, http::Request& request) {
    constexpr std::int64_t seconds_max = 300;
    const auto filter = TRY(filter_of(api, request));
    if (!filter) return fail(ErrorCode::denied, "sign in to watch your jobs");
    const std::int64_t seconds = TRY(query_integer(request, "seconds", seconds_max));
    if (seconds < 0 || seconds > seconds_max)
        return fail(ErrorCode::invalid_input, "the query's 'seconds' must be 0 to 300");
    return http::event_stream([&jobs = api.domain.jobs, filter = *filter, seconds,
                               left = request.left](http::EventWriter& events) {
        return send_all_changes(jobs, filter, std::chrono::seconds(seconds), left, events);
    });
}

Answer cancel_job(ApiContext& api, http::Request& request) {
    const auto job = TRY(find_allowed_job(api, request, Action::change));
    return json_answer(200, job_json(TRY(api.domain.jobs.cancel(job.id))));
}

Answer retry_job(ApiContext& api, http::Request& request) {
    const auto job = TRY(find_allowed_job(api, request, Action::change));
    return json_answer(200, job_json(TRY(api.domain.jobs.retry(job.id))));
}

}  // namespace

Json job_json(const pipeline::Job& job) {
    Json json;
    json["id"] = job.id;
    json["stage"] = job.stage;
    json["title"] = job.title;
    json["owner"] = job.owner;
    for (const auto& [name, state] : state_names)
        if (state == job.state) json["state"] = name;
    json["attempt"] = job.attempt;
    json["progress"] = Json{{"step", job.progress.step},
                            {"done", job.progress.done},
                            {"total", job.progress.total},
                            {"unit", job.progress.unit}};
    const auto outputs = parse_json(job.outputs.empty() ? "null" : job.outputs);
    json["outputs"] = outputs ? *outputs : Json(nullptr);
    json["error"] =
        job.error.empty() ? Json(nullptr) : Json{{"code", job.error_code}, {"message", job.error}};
    json["cancel_asked"] = job.cancel_asked;
    json["created"] = time_json(job.created_ms);
    json["started"] = time_json(job.started_ms);
    json["ended"] = time_json(job.ended_ms);
    json["version"] = job.version;
    return json;
}

std::vector<ApiRoute> job_routes() {
    return {{"GET", "/v1/jobs", list_jobs},
            {"GET", "/v1/jobs/events", watch_jobs},
            {"GET", "/v1/jobs/{job}", get_job},
            {"GET", "/v1/jobs/{job}/events", watch_job},
            {"GET", "/v1/jobs/{job}/log", get_log},
            {"POST", "/v1/jobs/{job}/cancel", cancel_job},
            {"POST", "/v1/jobs/{job}/retry", retry_job}};
}

}  // namespace stroma::front::api
