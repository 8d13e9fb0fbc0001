#include <filesystem>

#include "base/json.h"
#include "front/http/fetch.h"
#include "front/http/url.h"
#include "front/portal/portal_routes.h"

// One dataset: what is told of it, its report, its card, its end.

namespace stroma::front::portal {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using catalog::ThingKind;

/// What a revision was made from, without places of this machine.
Json source_json(const catalog::Revision& revision) {
    const auto parsed = parse_json(revision.source);
    Json source = Json::object();
    if (!parsed || !parsed->is_object()) return source;
    for (const auto& [name, value] : parsed->items())
        if (name != "path") source[name] = value;
    source["file"] = std::filesystem::path(parsed->value("path", "")).filename().string();
    return source;
}

Json revision_json(const catalog::Revision& revision, const std::string& current) {
    return {{"id", revision.id},
            {"number", revision.number},
            {"current", revision.id == current},
            {"state", revision.state == catalog::RevisionState::ready     ? "ready"
                      : revision.state == catalog::RevisionState::pending ? "pending"
                                                                          : "removed"},
            {"cells", revision.cells},
            {"genes", revision.genes},
            {"nonzeros", revision.nonzeros},
            {"etag", revision.object_etag},
            {"created", api::time_json(revision.created_ms)},
            {"source", source_json(revision)}};
}

Json facets_json(const stroma::portal::RevisionFacts& facts) {
    Json facets = Json::array();
    for (const auto& facet : stroma::portal::all_facets()) {
        Json values = Json::array();
        for (const auto& value : facts.facets)
            if (value.facet == facet.name && values.size() < 60)
                values.push_back(Json{{"value", value.value}, {"cells", value.cells}});
        if (!values.empty())
            facets.push_back(
                Json{{"name", facet.name}, {"title", facet.title}, {"values", std::move(values)}});
    }
    return facets;
}

Result<Json> record_json(PortalContext& context, const http::Request& request,
                         const catalog::Dataset& dataset) {
    api::ApiDomain& domain = context.api.domain;
    const catalog::Thing thing{ThingKind::dataset, dataset.id, dataset.owner};
    Json json{{"id", dataset.id},
              {"name", dataset.name},
              {"title", dataset.title},
              {"visibility", api::name_of_visibility(dataset.visibility)},
              {"owner", dataset.owner},
              {"created", api::time_json(dataset.created_ms)},
              {"changed", api::time_json(dataset.changed_ms)},
              {"card", card_json(TRY(context.portal.card(dataset.id)))},
              {"may", may_json(context, request, thing)},
              {"collection", nullptr},
              {"revisions", Json::array()},
              {"files", Json::array()}};
    if (const auto collection = TRY(domain.datasets.find_collection(dataset.collection))) {
        const catalog::Thing shelf{ThingKind::collection, collection->id, collection->owner};
        if (TRY(may(context, request, Action::read, shelf)))
            json["collection"] = Json{
                {"id", collection->id}, {"name", collection->name}, {"title", collection->title}};
    }
    for (const auto& revision : TRY(domain.datasets.revisions(dataset.id)))
        json["revisions"].push_back(revision_json(revision, dataset.current_revision));
    if (!dataset.current_revision.empty()) {
        const auto facts = TRY(context.portal.facts(dataset.current_revision));
        json["facets"] = facets_json(*facts);
        if (dataset.title.empty()) json["title"] = facts->title;
        if (const auto source = TRY(domain.datasets.source_file(dataset.current_revision)))
            json["files"].push_back(
                Json{{"format", "source"}, {"name", source->name}, {"bytes", source->size_bytes}});
        for (const auto& format : domain.matrices.formats())
            json["files"].push_back(Json{{"format", format.name}});
    }
    return json;
}

Answer get_record(PortalContext& context, http::Request& request) {
    auto found = TRY(find_dataset(context, request, Action::read));
    if (found.gone) return *std::move(found.gone);
    return listed_answer(request, TRY(record_json(context, request, found.dataset)));
}

Answer get_report(PortalContext& context, http::Request& request) {
    auto found = TRY(find_dataset(context, request, Action::read));
    if (found.gone) return *std::move(found.gone);
    const std::string id = request.query_value("revision").value_or(found.dataset.current_revision);
    const auto revision = TRY(context.api.domain.datasets.find_revision(id));
    if (!revision || revision->dataset != found.dataset.id ||
        revision->state != catalog::RevisionState::ready)
        return fail(ErrorCode::not_found, "this dataset has no such revision");
    const std::string profile = request.query_value("profile").value_or("cellxgene");
    return http::json_response(200, TRY(context.portal.report(id, profile)));
}

/// Of content that was refused: it has no revision.
Answer get_job_report(PortalContext& context, http::Request& request) {
    const std::string& id = request.parameters["job"];
    const auto job = TRY(context.api.domain.jobs.find_job(id));
    if (!job) return api::absent(ThingKind::job, id);
    TRY(api::allow(context.api, request, Action::read, {ThingKind::job, job->id, job->owner}));
    const std::string profile = request.query_value("profile").value_or("cellxgene");
    const auto report = TRY(context.portal.kept_report(id, profile));
    if (!report) return fail(ErrorCode::not_found, "this job kept no report");
    return http::json_response(200, *report);
}

Answer patch_card(PortalContext& context, http::Request& request) {
    auto found = TRY(find_dataset(context, request, Action::change));
    if (found.gone) return *std::move(found.gone);
    auto card = TRY(context.portal.card(found.dataset.id));
    TRY(check_version(request, card));
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    TRY(change_card(fields, card));
    TRY(fields.finish());
    return api::json_answer(200, card_json(TRY(context.portal.put_card(card))));
}

Answer post_tombstone(PortalContext& context, http::Request& request) {
    auto found = TRY(find_dataset(context, request, Action::remove));
    if (found.gone) return *std::move(found.gone);
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    const std::string reason = TRY(fields.text("reason"));
    TRY(fields.finish());
    auto card = TRY(context.portal.card(found.dataset.id));
    card.tombstone = reason;
    TRY(context.portal.put_card(card));
    TRY(context.api.domain.datasets.withdraw(found.dataset.id));
    http::Response response;
    response.status = 204;
    return response;
}

/// Crossref's description of a work, as a publication.
Result<Json> publication_in(const std::string& text) {
    const Json answer = TRY(parse_json(text));
    const Json work = answer.value("message", answer);
    if (!work.is_object()) return fail(ErrorCode::unavailable, "the DOI's answer is no work");
    const auto first = [&](const char* name) {
        const Json list = work.value(name, Json());
        if (list.is_string()) return list.get<std::string>();
        return list.is_array() && !list.empty() && list[0].is_string() ? list[0].get<std::string>()
                                                                       : std::string();
    };
    Json publication{{"title", first("title")},
                     {"authors", Json::array()},
                     {"journal", first("container-title")},
                     {"year", nullptr}};
    for (const Json& author : work.value("author", Json::array())) {
        if (!author.is_object()) continue;
        const std::string family = author.value("family", author.value("name", ""));
        const std::string given = author.value("given", "");
        if (!family.empty() && publication["authors"].size() < 500)
            publication["authors"].push_back(given.empty() ? family : family + " " + given);
    }
    const Json issued = work.value("issued", work.value("published", Json()));
    if (issued.is_object()) {
        const Json parts = issued.value("date-parts", Json());
        if (parts.is_array() && !parts.empty() && parts[0].is_array() && !parts[0].empty() &&
            parts[0][0].is_number_integer())
            publication["year"] = parts[0][0];
    }
    return publication;
}

Answer get_doi(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::create, {ThingKind::dataset, "", ""}));
    const std::string doi = request.query_value("doi").value_or("");
    if (!doi.starts_with("10.") || doi.size() > 300)
        return fail(ErrorCode::invalid_input, "the query needs 'doi', such as 10.1038/nature123");
    if (context.doi_resolver.empty())
        return fail(ErrorCode::unsupported,
                    "this server asks nobody about DOIs; the operator can set portal.doi_resolver");
    http::FetchOptions options;
    options.bytes_max = 2u << 20;
    options.allow_private = context.api.options.fetch_private_addresses;
    const auto text = http::fetch(context.doi_resolver + http::percent_encode(doi), options);
    if (!text)
        return fail(ErrorCode::not_found,
                    "nothing was found for this DOI: " + text.error().message);
    return api::json_answer(200, Json{{"doi", doi}, {"publication", TRY(publication_in(*text))}});
}

}  // namespace

std::vector<PortalRoute> record_routes() {
    return {{"GET", "/v1/portal/datasets/{dataset}", get_record},
            {"GET", "/v1/portal/datasets/{dataset}/report", get_report},
            {"GET", "/v1/portal/jobs/{job}/report", get_job_report},
            {"PATCH", "/v1/portal/datasets/{dataset}/card", patch_card},
            {"POST", "/v1/portal/datasets/{dataset}/tombstone", post_tombstone},
            {"GET", "/v1/portal/doi", get_doi}};
}

}  // namespace stroma::front::portal
