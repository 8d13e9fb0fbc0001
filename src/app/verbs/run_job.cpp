#include <fmt/format.h>

#include "app/session.h"
#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"

namespace stroma::app {
namespace {

std::string progress_text(const pipeline::Job& job) {
    if (job.state != pipeline::JobState::running || job.progress.total <= 0) return "";
    return fmt::format("{:.0f} %", 100 * job.progress.done / job.progress.total);
}

Result<pipeline::Job> find_job(Session& session, const std::string& id) {
    if (session.remote) {
        const std::string body = TRY(session.remote->get("/internal/jobs/" + id));
        return job_from_json(body);
    }
    if (auto job = TRY(session.site->jobs().find(id))) return *std::move(job);
    return fail(ErrorCode::not_found, "no job '" + id + "'; 'stroma job list' shows them");
}

Result<std::vector<pipeline::Job>> list_jobs(Session& session, const JobOptions& options) {
    pipeline::JobFilter filter{.stage = options.stage, .limit = static_cast<int>(options.limit)};
    if (!options.state.empty()) filter.state = TRY(pipeline::job_state_named(options.state));
    if (session.site) return session.site->jobs().list(filter);
    const std::string body = TRY(session.remote->get(fmt::format(
        "/internal/jobs?stage={}&state={}&limit={}", options.stage, options.state, options.limit)));
    const Json answer = TRY(parse_json(body));
    std::vector<pipeline::Job> jobs;
    for (const Json& job : answer) jobs.push_back(TRY(job_from_json(job.dump())));
    return jobs;
}

Result<void> print_job(const pipeline::Job& job, Invocation& invocation) {
    const Json json = TRY(parse_json(job_json(job)));
    invocation.terminal->print(json.dump(invocation.json ? -1 : 2) + "\n");
    return {};
}

/// A verb that posts to one job: cancel, retry.
Result<void> change_job(const JobOptions& options, Invocation& invocation, std::string_view what,
                        Result<pipeline::Job> (pipeline::JobStore::*change)(std::string_view)) {
    Session session = TRY(open_session(invocation));
    if (session.site) {
        const auto job = TRY((session.site->jobs().*change)(options.job));
        return print_job(job, invocation);
    }
    const std::string body =
        TRY(session.remote->post("/internal/jobs/" + options.job + "/" + std::string(what), "{}"));
    const auto job = TRY(job_from_json(body));
    return print_job(job, invocation);
}

}  // namespace

Result<void> run_job_list(const JobOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const auto jobs = TRY(list_jobs(session, options));
    if (invocation.json) {
        Json list = Json::array();
        for (const auto& job : jobs) {
            const Json json = TRY(parse_json(job_json(job)));
            list.push_back(json);
        }
        invocation.terminal->print(list.dump() + "\n");
        return {};
    }
    TextTable table({{"id"}, {"state"}, {"done"}, {"stage"}, {"created"}, {"title"}, {"error"}});
    for (const auto& job : jobs)
        table.add({job.id, std::string(name_of(job.state)), progress_text(job), job.stage,
                   iso_time(job.created_ms).substr(0, 19), job.title, job.error});
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_job_show(const JobOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const auto job = TRY(find_job(session, options.job));
    return print_job(job, invocation);
}

Result<void> run_job_follow(const JobOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const auto job = TRY(find_job(session, options.job));
    if (session.site) session.site->start_workers();
    const auto done = TRY(follow(session, job, invocation));
    return print_job(done, invocation);
}

Result<void> run_job_cancel(const JobOptions& options, Invocation& invocation) {
    return change_job(options, invocation, "cancel", &pipeline::JobStore::cancel);
}

Result<void> run_job_retry(const JobOptions& options, Invocation& invocation) {
    return change_job(options, invocation, "retry", &pipeline::JobStore::retry);
}

}  // namespace stroma::app
