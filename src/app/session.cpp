#include "app/session.h"

#include "app/terminal/job_watch.h"
#include "base/json.h"

namespace stroma::app {

Result<Session> open_session(const Invocation& invocation) {
    Session session;
    if (auto address = TRY(read_server_address(invocation.data))) {
        session.remote.emplace(*std::move(address));
        return session;
    }
    session.site = TRY(Site::open(invocation.data, invocation.settings));
    return session;
}

Result<std::unique_ptr<Site>> open_site(const Invocation& invocation) {
    if (const auto address = TRY(read_server_address(invocation.data)))
        return fail(ErrorCode::unavailable, invocation.data + " is served at " + address->url +
                                                "; this verb needs it stopped");
    return Site::open(invocation.data, invocation.settings);
}

Result<catalog::Dataset> named_dataset(Site& site, std::string_view name) {
    if (auto dataset = TRY(site.catalog().find_dataset(name))) return *std::move(dataset);
    return fail(ErrorCode::not_found,
                "no dataset '" + std::string(name) + "'; 'stroma dataset list' shows them");
}

std::string job_json(const pipeline::Job& job) {
    const auto parsed = [](const std::string& text) {
        const auto json = parse_json(text.empty() ? "{}" : text);
        return json ? *json : Json(text);
    };
    return Json{{"id", job.id},
                {"stage", job.stage},
                {"title", job.title},
                {"owner", job.owner},
                {"state", name_of(job.state)},
                {"attempt", job.attempt},
                {"progress",
                 {{"step", job.progress.step},
                  {"done", job.progress.done},
                  {"total", job.progress.total},
                  {"unit", job.progress.unit}}},
                {"outputs", parsed(job.outputs)},
                {"error_code", job.error_code},
                {"error", job.error},
                {"created_ms", job.created_ms},
                {"started_ms", job.started_ms},
                {"ended_ms", job.ended_ms},
                {"version", job.version}}
        .dump();
}

Result<pipeline::Job> job_from_json(std::string_view text) {
    const Json json = TRY(parse_json(text));
    pipeline::Job job;
    job.id = json.value("id", "");
    job.stage = json.value("stage", "");
    job.title = json.value("title", "");
    job.state = TRY(pipeline::job_state_named(json.value("state", "")));
    const Json progress = json.value("progress", Json::object());
    job.progress = {progress.value("step", ""), progress.value("done", 0.0),
                    progress.value("total", 0.0), progress.value("unit", "")};
    job.outputs = json.value("outputs", Json::object()).dump();
    job.error_code = json.value("error_code", "");
    job.error = json.value("error", "");
    job.owner = json.value("owner", "");
    job.attempt = json.value("attempt", 0);
    job.created_ms = json.value("created_ms", std::int64_t{0});
    job.started_ms = json.value("started_ms", std::int64_t{0});
    job.ended_ms = json.value("ended_ms", std::int64_t{0});
    job.version = json.value("version", std::int64_t{0});
    return job;
}

namespace {

Result<Json> described(Site& site, const catalog::Dataset& dataset) {
    Json json = {
        {"id", dataset.id},
        {"name", dataset.name},
        {"title", dataset.title},
        {"collection", dataset.collection},
        {"visibility", dataset.visibility == catalog::Visibility::public_ ? "public" : "private"},
        {"created", iso_time(dataset.created_ms)}};
    if (dataset.current_revision.empty()) return json;
    if (const auto current = TRY(site.catalog().find_revision(dataset.current_revision))) {
        json["revision"] = current->id;
        json["number"] = current->number;
        json["cells"] = current->cells;
        json["genes"] = current->genes;
        json["nonzeros"] = current->nonzeros;
    }
    return json;
}

}  // namespace

Result<std::string> datasets_json(Site& site) {
    Json list = Json::array();
    for (const auto& dataset : TRY(site.catalog().datasets()))
        // Without a revision it is a load's that hasn't ended, or failed: not there for readers.
        if (!dataset.withdrawn && !dataset.current_revision.empty())
            list.push_back(TRY(described(site, dataset)));
    return list.dump();
}

Result<std::string> dataset_json(Site& site, std::string_view name) {
    const auto dataset = TRY(named_dataset(site, name));
    Json json = TRY(described(site, dataset));
    Json revisions = Json::array();
    for (const auto& revision : TRY(site.catalog().revisions(dataset.id)))
        revisions.push_back({{"id", revision.id},
                             {"number", revision.number},
                             {"cells", revision.cells},
                             {"created", iso_time(revision.created_ms)},
                             {"source", revision.source}});
    json["revisions"] = revisions;
    if (dataset.current_revision.empty()) return json.dump();
    const auto sealed = TRY(site.revision_files().open(dataset.current_revision));
    json["obs_columns"] = sealed->obs_column_names();
    for (const auto& matrix : sealed->summary().matrices)
        json["matrices"].push_back({{"name", matrix.name},
                                    {"unit", name_of(matrix.unit)},
                                    {"type", name_of(matrix.type)},
                                    {"nonzeros", matrix.nonzeros},
                                    {"sum", matrix.sum},
                                    {"bytes", matrix.bytes_by_cell + matrix.bytes_by_gene}});
    json["images"] = Json::array();
    for (const auto& image : TRY(site.catalog().images(dataset.current_revision)))
        json["images"].push_back({{"id", image.id},
                                  {"name", image.name},
                                  {"embedding", image.embedding},
                                  {"created", iso_time(image.created_ms)}});
    return json.dump();
}

Result<std::string> change_dataset(Site& site, std::string_view name, std::string_view changes) {
    const Json json = TRY(parse_json(changes));
    auto dataset = TRY(named_dataset(site, name));
    dataset.name = json.value("name", dataset.name);
    dataset.title = json.value("title", dataset.title);
    if (const std::string asked = json.value("collection", ""); !asked.empty()) {
        const auto collection = TRY(site.catalog().find_collection(asked));
        if (!collection) return fail(ErrorCode::not_found, "no collection '" + asked + "'");
        dataset.collection = collection->id;
    }
    if (const std::string visibility = json.value("visibility", ""); !visibility.empty())
        dataset.visibility =
            visibility == "public" ? catalog::Visibility::public_ : catalog::Visibility::private_;
    // Whoever has the data directory may all; it is for the audit.
    TRY(site.catalog().decide(catalog::local_administrator(), catalog::Action::change,
                              {catalog::ThingKind::dataset, dataset.id, dataset.owner}));
    const auto changed = TRY(site.catalog().update_dataset(dataset));
    return TRY(described(site, changed)).dump();
}

Result<pipeline::Job> submit(Session& session, std::string_view stage, std::string_view title,
                             std::string_view inputs) {
    if (session.remote) {
        const Json body = {{"stage", stage}, {"title", title}, {"inputs", inputs}};
        const std::string answer = TRY(session.remote->post("/internal/jobs", body.dump()));
        return job_from_json(answer);
    }
    const auto local = catalog::local_administrator();
    TRY(session.site->catalog().decide(local, catalog::Action::create,
                                       {catalog::ThingKind::job, "", local.id}));
    const auto job = TRY(session.site->jobs().submit({.stage = std::string(stage),
                                                      .owner = catalog::local_administrator().id,
                                                      .title = std::string(title),
                                                      .inputs = std::string(inputs),
                                                      .idempotency_key = ""}));
    session.site->start_workers();
    return job;
}

Result<pipeline::Job> cancel(Session& session, const pipeline::Job& job) {
    if (session.site) return session.site->jobs().cancel(job.id);
    const std::string body =
        TRY(session.remote->post("/internal/jobs/" + job.id + "/cancel", "{}"));
    return job_from_json(body);
}

Result<pipeline::Job> follow(Session& session, const pipeline::Job& job, Invocation& invocation,
                             std::span<const pipeline::Job> queued_behind) {
    ProgressLine line(*invocation.terminal, system_clock(), job.title);
    WatchedJob watched;
    watched.cancel = [&]() -> Result<pipeline::Job> {
        // The last first: the worker takes the first.
        for (auto behind = queued_behind.rbegin(); behind != queued_behind.rend(); ++behind)
            TRY(cancel(session, *behind));
        return cancel(session, job);
    };
    if (session.site) {
        pipeline::JobStore& jobs = session.site->jobs();
        watched.wait_for_change = [&](std::int64_t version, Milliseconds wait) {
            return jobs.wait_for_change(job.id, version, wait);
        };
        return follow_job(watched, line, invocation.stop);
    }
    watched.wait_for_change = [&](std::int64_t version,
                                  Milliseconds wait) -> Result<pipeline::Job> {
        const std::string body = TRY(session.remote->get(
            "/internal/jobs/" + job.id + "?after_version=" + std::to_string(version) +
            "&wait_ms=" + std::to_string(wait.count())));
        return job_from_json(body);
    };
    return follow_job(watched, line, invocation.stop);
}

}  // namespace stroma::app
