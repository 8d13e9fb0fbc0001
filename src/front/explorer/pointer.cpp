#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "catalog/catalog.h"
#include "front/api/api_routes.h"
#include "front/explorer/explorer_routes.h"
#include "front/http/url.h"

// From what a path names to the revision that is meant: the only mutable thing of this address
// space, and therefore short-lived.

namespace stroma::front::explorer {
namespace {

using catalog::RevisionState;

tl::unexpected<Error> absent(std::string_view id) {
    return fail(ErrorCode::not_found, fmt::format("there is no dataset or revision '{}'", id));
}

/// How long a pointer may be believed: long enough for a burst of requests, too short to notice.
std::string short_lived(bool is_public) {
    return is_public ? "public, max-age=1, must-revalidate" : "private, max-age=1, must-revalidate";
}

struct FoundDataset {
    std::optional<catalog::Revision> revision;  ///< set when the path names one
    catalog::Dataset dataset;
};

/// What the path names, if the principal may read it; hidden and absent look alike.
Result<FoundDataset> find(const ExplorerDomain& domain, const http::Request& request,
                          const std::string& id) {
    FoundDataset found;
    found.revision = TRY(domain.datasets.find_revision(id));
    auto dataset = TRY(domain.datasets.find_dataset(found.revision ? found.revision->dataset : id));
    if (!dataset) return absent(id);
    const catalog::Thing thing{catalog::ThingKind::dataset, dataset->id, dataset->owner};
    if (!TRY(domain.access.decide(request.principal, catalog::Action::read, thing)))
        return absent(id);
    if (found.revision && found.revision->state == RevisionState::pending) return absent(id);
    found.dataset = *std::move(dataset);
    return found;
}

/// The tombstone's answer, when there is nothing else to give.
std::optional<http::Response> gone(const http::Request& request, const std::string& id,
                                   const FoundDataset& found) {
    std::string reason;
    if (found.dataset.withdrawn)
        reason = fmt::format("the dataset '{}' ({}) was withdrawn", found.dataset.name,
                             found.dataset.title);
    else if (found.revision && found.revision->state == RevisionState::removed)
        reason = fmt::format("revision {} of dataset '{}' was removed; see /d/{}", id,
                             found.dataset.name, found.dataset.id);
    else
        return std::nullopt;
    return problem_response(request, 410, {ErrorCode::not_found, reason});
}

bool is_public(const catalog::Dataset& dataset) {
    return dataset.visibility == catalog::Visibility::public_;
}

/// The same address under the current revision, relative, so that it holds behind any prefix.
http::Response redirect(const http::Request& request, const catalog::Dataset& dataset) {
    std::string_view rest = request.target;
    rest.remove_prefix(std::min(rest.find('/', 3), rest.size()));  // behind "/d/<name>"
    const std::string_view path = rest.substr(0, rest.find('?'));
    std::string to;
    for (std::ptrdiff_t i = std::count(path.begin(), path.end(), '/'); i > 0; --i) to += "../";
    http::Response response = http::text_response(307, "");
    response.headers.emplace_back("Location", to + dataset.current_revision + std::string(rest));
    response.headers.emplace_back("Cache-Control", short_lived(is_public(dataset)));
    return response;
}

Json links_json(std::string_view revision) {
    const std::string base = std::string(revision) + "/";
    return {{"schema", base + "schema"},
            {"summary", base + "summary"},
            {"obs", base + "obs"},
            {"var", base + "var"},
            {"embeddings", base + "embeddings"},
            {"expression", base + "expression"},
            {"genes", base + "genes"},
            {"colors", base + "colors"},
            {"images", base + "images"},
            {"cellxgene_v0_2", base + "api/v0.2"},
            {"cellxgene_v0_3", base + "api/v0.3"}};
}

Json revision_json(const catalog::Revision& revision) {
    return {{"id", revision.id},
            {"number", revision.number},
            {"cells", revision.cells},
            {"genes", revision.genes},
            {"nonzeros", revision.nonzeros},
            {"etag", revision.object_etag},
            {"created", api::time_json(revision.created_ms)}};
}

http::Response with_etag(const Json& json, std::string cache) {
    http::Response response = api::json_answer(200, json);
    ContentHash hash;
    hash.update(as_bytes(response.body));
    response.headers.emplace_back("ETag", "\"" + hash.hex() + "\"");
    response.headers.emplace_back("Cache-Control", std::move(cache));
    return response;
}

}  // namespace

Result<Address> find_address(const ExplorerDomain& domain, const http::Request& request) {
    const std::string& id = request.parameters.at("revision");
    const FoundDataset found = TRY(find(domain, request, id));
    if (auto response = gone(request, id, found)) return Address{"", false, std::move(response)};
    if (found.revision) return Address{found.revision->id, is_public(found.dataset), {}};
    if (found.dataset.current_revision.empty())
        return fail(ErrorCode::not_found,
                    fmt::format("the dataset '{}' has no revision yet", found.dataset.name));
    return Address{"", false, redirect(request, found.dataset)};
}

Result<Address> find_revision(const ExplorerDomain& domain, const http::Request& request,
                              const std::string& id) {
    const FoundDataset found = TRY(find(domain, request, id));
    if (!found.revision)
        return fail(ErrorCode::not_found,
                    fmt::format("'{}' is a dataset; name one of its revisions, like '{}'", id,
                                found.dataset.current_revision));
    if (auto response = gone(request, id, found)) return Address{"", false, std::move(response)};
    return Address{found.revision->id, is_public(found.dataset), {}};
}

Result<http::Response> get_pointer(const ExplorerDomain& domain, http::Request& request) {
    const std::string& id = request.parameters.at("revision");
    const FoundDataset found = TRY(find(domain, request, id));
    if (auto response = gone(request, id, found)) return *std::move(response);
    const catalog::Dataset& dataset = found.dataset;
    if (found.revision) {
        Json json = revision_json(*found.revision);
        json["dataset"] = dataset.id;
        json["links"] = links_json(found.revision->id);
        return with_etag(json, std::string(is_public(dataset) ? "public" : "private") +
                                   ", max-age=31536000, immutable");
    }
    Json json{{"id", dataset.id},
              {"name", dataset.name},
              {"title", dataset.title},
              {"collection", dataset.collection.empty() ? Json(nullptr) : Json(dataset.collection)},
              {"visibility", api::name_of_visibility(dataset.visibility)},
              {"state", "live"},
              {"changed", api::time_json(dataset.changed_ms)},
              {"revision", nullptr},
              {"links", Json::object()}};
    if (!dataset.current_revision.empty()) {
        if (const auto current = TRY(domain.datasets.find_revision(dataset.current_revision)))
            json["revision"] = revision_json(*current);
        json["links"] = links_json(dataset.current_revision);
    }
    return with_etag(json, short_lived(is_public(dataset)));
}

}  // namespace stroma::front::explorer
