#include "front/portal/portal_front.h"

#include "base/digest.h"
#include "base/json.h"
#include "explorer/content_coding.h"
#include "front/http/file_answer.h"
#include "front/portal/portal_routes.h"

namespace stroma::front::portal {

using catalog::Action;
using catalog::ThingKind;

struct PortalFront::State {
    PortalContext context;
};

PortalFront::PortalFront(PortalDomain domain) {
    api::ApiOptions options;
    options.public_url = domain.public_url;
    options.fetch_private_addresses = domain.fetch_private_addresses;
    state_.reset(
        new State{{api::ApiContext{domain.api, std::move(options), {}}, domain.portal,
                   domain.ontologies, domain.explorer, domain.doi_resolver, domain.find_view}});
}
PortalFront::~PortalFront() = default;

std::vector<http::Route> PortalFront::routes() {
    std::vector<http::Route> routes;
    PortalContext& context = state_->context;
    for (const auto& list : {search_routes(), record_routes(), collection_routes(), file_routes(),
                             ontology_routes(), expression_routes(), comment_routes()})
        for (const PortalRoute& route : list)
            routes.push_back({route.method, route.pattern,
                              [&context, handler = route.handler](http::Request& request) {
                                  auto answer = handler(context, request);
                                  return answer ? *std::move(answer)
                                                : api::error_response(request, answer.error());
                              },
                              http::RunsOn::pool});
    return routes;
}

Result<http::Response> listed_answer(const http::Request& request, const Json& json) {
    constexpr std::size_t packed_from_bytes = 1400;
    http::Response response = api::json_answer(200, json);
    const std::string packings = request.header("accept-encoding").value_or("");
    const std::size_t gzip = packings.find("gzip");
    const bool is_packed = gzip != packings.npos && packings.compare(gzip, 8, "gzip;q=0") != 0 &&
                           response.body.size() >= packed_from_bytes;
    const std::string tag = sha256_hex(response.body).substr(0, 32) + (is_packed ? "-gzip" : "");
    const auto known = request.header("if-none-match");
    if (known && http::names_etag(*known, tag, true)) {
        response = http::text_response(304, "");
    } else if (is_packed) {
        response.body =
            TRY(stroma::explorer::encode(response.body, stroma::explorer::Coding::gzip));
        response.headers.emplace_back("Content-Encoding", "gzip");
    }
    response.headers.emplace_back("ETag", "\"" + tag + "\"");
    response.headers.emplace_back("Cache-Control", "private, no-cache");
    response.headers.emplace_back("Vary", "Accept-Encoding, Authorization, Cookie");
    return response;
}

http::Response gone_response(const http::Request& request, const std::string& reason) {
    return api::error_response(
        request, 410,
        Error{ErrorCode::not_found, reason.empty() ? "this was taken away by its owner" : reason});
}

Result<FoundDataset> find_dataset(PortalContext& context, http::Request& request, Action action) {
    const std::string& id = request.parameters["dataset"];
    auto found = TRY(context.api.domain.datasets.find_dataset(id));
    if (!found) return api::absent(ThingKind::dataset, id);
    const catalog::Thing thing{ThingKind::dataset, found->id, found->owner};
    if (found->withdrawn) {
        // What everybody could read, everybody may learn to be gone.
        const bool known = found->visibility == catalog::Visibility::public_ ||
                           TRY(may(context, request, Action::read, thing));
        if (!known) return api::absent(ThingKind::dataset, id);
        const std::string reason = TRY(context.portal.card(found->id)).tombstone;
        return FoundDataset{*std::move(found), gone_response(request, reason)};
    }
    const auto allowed = api::allow(context.api, request, action, thing);
    if (!allowed && allowed.error().code == ErrorCode::not_found)
        return api::absent(ThingKind::dataset, id);
    if (!allowed) return fail(allowed.error());
    return FoundDataset{*std::move(found), std::nullopt};
}

Result<bool> may(PortalContext& context, const http::Request& request, Action action,
                 const catalog::Thing& thing) {
    return context.api.domain.access.may(request.principal, action, thing);
}

Json may_json(PortalContext& context, const http::Request& request, const catalog::Thing& thing) {
    Json json;
    for (const auto& [name, action] : {std::pair{"change", Action::change},
                                       {"share", Action::share},
                                       {"remove", Action::remove}}) {
        const auto allowed = may(context, request, action, thing);
        json[name] = allowed && *allowed;
    }
    return json;
}

}  // namespace stroma::front::portal
