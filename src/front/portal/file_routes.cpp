#include <algorithm>

#include "base/json.h"
#include "front/portal/portal_routes.h"

// Download links: a whole revision in a format, for whoever has the link, until it expires.

namespace stroma::front::portal {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using catalog::ThingKind;

constexpr std::int64_t second_ms = 1000;
constexpr std::int64_t wait_seconds_max = 30;
constexpr std::int64_t seconds_max = 30 * 24 * 3600;
constexpr std::int64_t seconds_usual = 7 * 24 * 3600;

/// What stands in the place of a result in the links to the file that a revision came in as.
constexpr std::string_view source_format = "source";

http::Response link_answer(PortalContext& context, const http::Request& request,
                           const stroma::portal::Portal::NewLink& made, const std::string& format,
                           const std::string& job) {
    const std::string path = "/v1/portal/files/" + made.secret;
    http::Response response =
        api::json_answer(201, Json{{"url", api::base_url(context.api, request) + path},
                                   {"path", path.substr(1)},
                                   {"format", format},
                                   {"revision", made.link.revision},
                                   {"expires", api::time_json(made.link.expires_ms)},
                                   {"job", job.empty() ? Json(nullptr) : Json(job)}});
    response.headers.emplace_back("Location", path);
    return response;
}

Answer post_link(PortalContext& context, http::Request& request) {
    auto found = TRY(find_dataset(context, request, Action::read));
    if (found.gone) return *std::move(found.gone);
    TRY(api::allow(context.api, request, Action::create, {ThingKind::matrix_request, "", ""}));
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    const std::string format = TRY(fields.text("format"));
    const std::string revision = TRY(fields.text_or("revision", found.dataset.current_revision));
    const std::int64_t seconds = TRY(fields.integer_or("seconds", seconds_usual));
    TRY(fields.finish());
    if (seconds < 1 || seconds > seconds_max)
        return fail(api::error_at(ErrorCode::invalid_input, "/seconds",
                                  "'seconds' must be 1 to 2592000 (30 days)"));
    const auto formats = context.api.domain.matrices.formats();
    const bool is_source = format == source_format;
    if (!is_source && std::none_of(formats.begin(), formats.end(),
                                   [&](const auto& one) { return one.name == format; }))
        return fail(api::error_at(ErrorCode::invalid_input, "/format",
                                  "there is no format '" + format + "'; see /v1/formats"));
    const auto wanted = TRY(context.api.domain.datasets.find_revision(revision));
    if (!wanted || wanted->dataset != found.dataset.id ||
        wanted->state != catalog::RevisionState::ready)
        return fail(ErrorCode::not_found, "this dataset has no such revision");
    if (is_source && !TRY(context.api.domain.datasets.source_file(revision)))
        return fail(ErrorCode::not_found, "the file that this revision came in as wasn't kept");
    api::MatrixOrder order;
    order.query.revision = revision;
    order.query.format = format;
    std::string result(source_format), job;
    if (!is_source) {
        auto requested = TRY(context.api.domain.matrices.request(request.principal, order));
        result = std::move(requested.request.id);
        job = std::move(requested.request.job);
    }
    const auto now_ms = context.api.domain.site.clock().unix_ms();
    const auto made =
        TRY(context.portal.create_link({"", result, found.dataset.id, revision,
                                        request.principal.id, 0, now_ms + seconds * second_ms}));
    return link_answer(context, request, made, format, job);
}

/// The result as it is now, or, with ?wait=, as soon as something of it changed.
Result<std::optional<matrix::MatrixRequest>> waited_for(PortalContext& context,
                                                        const http::Request& request,
                                                        const std::string& id) {
    const std::int64_t wait = TRY(api::query_integer(request, "wait", 0));
    if (wait < 0 || wait > wait_seconds_max)
        return fail(ErrorCode::invalid_input, "'wait' is 0 to 30 seconds");
    api::ApiDomain& domain = context.api.domain;
    auto asked = TRY(domain.matrices.find(id));
    if (wait == 0 || !asked || asked->state != matrix::RequestState::in_progress) return asked;
    const auto job = TRY(domain.jobs.find_job(asked->job));
    if (!job || pipeline::is_final(job->state)) return asked;
    TRY(domain.jobs.wait_for_change(job->id, job->version, Milliseconds{wait * second_ms}));
    return domain.matrices.find(id);
}

Answer get_file(PortalContext& context, http::Request& request) {
    const auto link = TRY(context.portal.find_link(request.parameters["secret"]));
    if (!link) return fail(ErrorCode::not_found, "there is no such download link");
    if (link->expires_ms <= context.api.domain.site.clock().unix_ms())
        return gone_response(request, "this download link has expired; ask for a new one");
    const auto dataset = TRY(context.api.domain.datasets.find_dataset(link->dataset));
    if (!dataset || dataset->withdrawn)
        return gone_response(request, TRY(context.portal.card(link->dataset)).tombstone);
    // The link gives no more than its maker may see now.
    catalog::Principal maker = catalog::anonymous_principal();
    if (link->principal == catalog::local_administrator().id) {
        maker = catalog::local_administrator();
    } else if (!link->principal.empty()) {
        for (auto& one : TRY(context.api.domain.access.principals()))
            if (one.id == link->principal) maker = std::move(one);
    }
    if (maker.disabled ||
        !TRY(context.api.domain.access.may(maker, Action::read,
                                           {ThingKind::dataset, dataset->id, dataset->owner})))
        return gone_response(request, "whoever made this link may not read the dataset any more");
    if (link->result == source_format) {
        const auto source = TRY(context.api.domain.datasets.source_file(link->revision));
        if (!source) return gone_response(request, "this file is not kept any more");
        return api::file_answer(*source);
    }
    const auto asked = TRY(waited_for(context, request, link->result));
    if (!asked) return gone_response(request, "what this link led to is not kept any more");
    // What a result holds is kept when it is made first; from then on it can be made again.
    if (asked->state == matrix::RequestState::in_progress ||
        asked->state == matrix::RequestState::failed)
        return api::cited_answer(request, {std::nullopt, *asked});
    auto cited = TRY(context.api.domain.citations.result(maker, asked->hash));
    if (cited.file) {
        const std::size_t dot = cited.file->name.find('.');
        if (dot != std::string::npos)
            cited.file->name = dataset->name + cited.file->name.substr(dot);
    }
    return api::cited_answer(request, cited);
}

}  // namespace

std::vector<PortalRoute> file_routes() {
    return {{"POST", "/v1/portal/datasets/{dataset}/links", post_link},
            {"GET", "/v1/portal/files/{secret}", get_file}};
}

}  // namespace stroma::front::portal
