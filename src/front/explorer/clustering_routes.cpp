#include <fmt/format.h>

#include "base/json.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/explorer/explorer_routes.h"

// Cells of one revision grouped and laid out anew, by a job. Who may read the revision may ask, and
// sees what came of it.

namespace stroma::front::explorer {
namespace {

using Answer = Result<http::Response>;
using stroma::explorer::ClusteringOrder;
using stroma::explorer::ClusteringRecord;

constexpr std::uint64_t clustering_bytes_max = 32u << 20;
constexpr std::int64_t clustering_wait_max = 30;

Result<std::uint32_t> small_number(api::JsonFields& fields, const char* name,
                                   std::uint32_t fallback) {
    const std::int64_t value = TRY(fields.integer_or(name, fallback));
    if (value < 0 || value > 1'000'000)
        return fail(api::error_at(ErrorCode::invalid_input, fmt::format("/{}", name),
                                  fmt::format("'{}' is out of range", name)));
    return static_cast<std::uint32_t>(value);
}

struct AskedClustering {
    ClusteringOrder order;
    std::optional<http::Response> instead;
};

/// Asks the one decision before it looks at any cell.
Result<AskedClustering> clustering_in(const ExplorerDomain& domain, http::Request& request) {
    const Json body = TRY(api::json_body(request, clustering_bytes_max));
    api::JsonFields fields(body);
    AskedClustering asked;
    ClusteringOrder& order = asked.order;
    const std::string revision = TRY(fields.text("revision"));
    auto address = TRY(find_revision(domain, request, revision));
    if (address.instead) {
        asked.instead = std::move(address.instead);
        return asked;
    }
    order.revision = std::move(address.revision);
    order.layer = TRY(fields.text_or("layer", order.layer));
    if (const auto scale = TRY(fields.optional_text("scale")))
        order.scale = TRY(stroma::explorer::scale_named(*scale));
    order.options.genes = TRY(small_number(fields, "genes", order.options.genes));
    order.options.components = TRY(small_number(fields, "components", order.options.components));
    order.options.neighbours = TRY(small_number(fields, "neighbours", order.options.neighbours));
    order.options.seed = TRY(small_number(fields, "seed", 0));
    if (const Json* resolution = fields.find("resolution")) {
        if (!resolution->is_number())
            return fail(
                api::error_at(ErrorCode::invalid_input, "/resolution", "'resolution' is a number"));
        order.options.resolution = resolution->get<double>();
    }
    const Json* cells = fields.find("cells");
    TRY(fields.finish());
    if (cells != nullptr) {
        order.cells = TRY(cells_in(*cells, "/cells", domain, request, order.revision));
        if (order.cells.empty())
            return fail(api::error_at(ErrorCode::invalid_input, "/cells",
                                      "no cell is named; leave it out for all"));
    }
    return asked;
}

Json record_json(const ClusteringRecord& record) {
    Json json{{"id", record.id}, {"revision", record.order.revision}, {"state", "done"}};
    if (const auto told = parse_json(record.summary))
        for (const auto& [name, value] : told->items()) json[name] = value;
    json["created"] = api::time_json(record.created_ms);
    return json;
}

Json clustering_state(const ClusteringRecord& record, const std::optional<pipeline::Job>& job) {
    if (!record.summary.empty()) return record_json(record);
    Json json{{"id", record.id}, {"revision", record.order.revision}, {"job", record.job}};
    json["state"] = job ? pipeline::name_of(job->state) : "queued";
    if (!job) return json;
    json["step"] = job->progress.step;
    json["done"] = job->progress.done;
    json["total"] = job->progress.total;
    if (!job->error.empty()) {
        json["error"] = job->error;
        json["code"] = job->error_code;
    }
    return json;
}

/// The record as it is now; its job may have ended since it was read.
Answer clustering_answer(const ExplorerDomain& domain, ClusteringRecord record) {
    std::optional<pipeline::Job> job;
    if (record.summary.empty() && !record.job.empty()) {
        job = TRY(domain.jobs.find_job(record.job));
        if (job && job->state == pipeline::JobState::succeeded)
            if (auto now = TRY(domain.clusterings.find(record.id))) record = *std::move(now);
    }
    const bool is_ended = !record.summary.empty() || (job && pipeline::is_final(job->state));
    auto response = api::json_answer(is_ended ? 200 : 202, clustering_state(record, job));
    response.headers.emplace_back("Location", "clusterings/" + record.id);
    return response;
}

struct FoundClustering {
    ClusteringRecord record;
    std::optional<http::Response> instead;
};

Result<FoundClustering> find_clustering(const ExplorerDomain& domain, http::Request& request) {
    const std::string& id = request.parameters.at("clustering");
    const auto absent = [&] {
        return fail(ErrorCode::not_found, fmt::format("there is no clustering '{}'", id));
    };
    auto record = TRY(domain.clusterings.find(id));
    if (!record) return absent();
    auto address = find_revision(domain, request, record->order.revision);
    // What may not be read looks as if it weren't there.
    if (!address && address.error().code == ErrorCode::not_found) return absent();
    if (!address) return fail(std::move(address.error()));
    return FoundClustering{*std::move(record), std::move(address->instead)};
}

Answer post_clustering(const ExplorerDomain& domain, http::Request& request) {
    auto asked = TRY(clustering_in(domain, request));
    if (asked.instead) return *std::move(asked.instead);
    const bool is_stranger = request.principal.role == catalog::Role::anonymous;
    const std::string owner = is_stranger ? "" : request.principal.id;
    auto record = TRY(domain.clusterings.ask(asked.order, owner));
    return clustering_answer(domain, std::move(record));
}

Answer get_clustering(const ExplorerDomain& domain, http::Request& request) {
    auto found = TRY(find_clustering(domain, request));
    if (found.instead) return *std::move(found.instead);
    const std::int64_t wait = TRY(api::query_integer(request, "wait", 0));
    if (wait < 0 || wait > clustering_wait_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("'wait' is 0 to {} seconds", clustering_wait_max));
    if (wait > 0 && found.record.summary.empty())
        if (const auto job = TRY(domain.jobs.find_job(found.record.job));
            job && !pipeline::is_final(job->state))
            TRY(domain.jobs.wait_for_change(job->id, job->version, Milliseconds{wait * 1000}));
    return clustering_answer(domain, std::move(found.record));
}

/// Ends its job; what is done stays.
Answer cancel_clustering(const ExplorerDomain& domain, http::Request& request) {
    auto found = TRY(find_clustering(domain, request));
    if (found.instead) return *std::move(found.instead);
    const auto job = TRY(domain.jobs.find_job(found.record.job));
    if (job && !pipeline::is_final(job->state)) {
        const catalog::Thing thing{catalog::ThingKind::job, job->id, job->owner};
        if (!TRY(domain.access.decide(request.principal, catalog::Action::change, thing)))
            return fail(ErrorCode::denied,
                        "only who asked first for this clustering may cancel it");
        TRY(domain.jobs.cancel(job->id));
    }
    return clustering_answer(domain, std::move(found.record));
}

/// Those of the revision that are done; believed for a second.
Answer list_clusterings(const Asked& asked) {
    Json list = Json::array();
    for (const ClusteringRecord& record : TRY(asked.domain.clusterings.done(asked.revision)))
        list.push_back(record_json(record));
    auto response = asked.text_answer(Json{{"clusterings", list}}.dump(), "application/json");
    for (auto& [name, value] : response.headers)
        if (name == "Cache-Control")
            value = asked.is_public ? "public, max-age=1, must-revalidate"
                                    : "private, max-age=1, must-revalidate";
    return response;
}

Answer get_clustered_cells(const Asked& asked) {
    const std::string& id = asked.request.parameters.at("clustering");
    const auto record = TRY(asked.domain.clusterings.find(id));
    if (!record || record->order.revision != asked.revision || record->summary.empty())
        return fail(ErrorCode::not_found, "this revision has no clustering '" + id + "'");
    return body_response(TRY(asked.domain.clusterings.cells(*record, coding_for(asked.request))),
                         asked.is_public);
}

}  // namespace

std::vector<ExplorerRoute> clustering_views() {
    return {{"GET", "/d/{revision}/clusterings", list_clusterings},
            {"GET", "/d/{revision}/clusterings/{clustering}", get_clustered_cells}};
}

std::vector<http::Route> clustering_routes(const ExplorerDomain& domain) {
    using ClusteringHandler = Answer (*)(const ExplorerDomain&, http::Request&);
    constexpr struct {
        const char* method;
        const char* pattern;
        ClusteringHandler handler;
    } list[] = {{"POST", "/v1/clusterings", post_clustering},
                {"GET", "/v1/clusterings/{clustering}", get_clustering},
                {"DELETE", "/v1/clusterings/{clustering}", cancel_clustering}};
    std::vector<http::Route> routes;
    for (const auto& [method, pattern, handler] : list)
        routes.push_back({method, pattern, [&domain, handler = handler](http::Request& request) {
                              auto answer = handler(domain, request);
                              return answer ? *std::move(answer)
                                            : problem_response(request, answer.error());
                          }});
    return routes;
}

}  // namespace stroma::front::explorer
