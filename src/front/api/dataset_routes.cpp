#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"

namespace stroma::front::api {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using catalog::ThingKind;

Json dataset_json(const catalog::Dataset& dataset) {
    Json json;
    json["id"] = dataset.id;
    json["name"] = dataset.name;
    json["title"] = dataset.title;
    json["collection"] = dataset.collection.empty() ? Json(nullptr) : Json(dataset.collection);
    json["owner"] = dataset.owner;
    json["visibility"] = name_of_visibility(dataset.visibility);
    json["state"] = dataset.withdrawn ? "withdrawn" : "live";
    json["current_revision"] =
        dataset.current_revision.empty() ? Json(nullptr) : Json(dataset.current_revision);
    json["created"] = time_json(dataset.created_ms);
    json["changed"] = time_json(dataset.changed_ms);
    return json;
}

Json revision_json(const catalog::Revision& revision) {
    Json json;
    json["id"] = revision.id;
    json["number"] = revision.number;
    json["state"] = revision.state == catalog::RevisionState::ready     ? "ready"
                    : revision.state == catalog::RevisionState::pending ? "pending"
                                                                        : "removed";
    json["cells"] = revision.cells;
    json["genes"] = revision.genes;
    json["nonzeros"] = revision.nonzeros;
    json["etag"] = revision.object_etag;
    json["created"] = time_json(revision.created_ms);
    return json;
}

Json collection_json(const catalog::Collection& collection) {
    Json json;
    json["id"] = collection.id;
    json["name"] = collection.name;
    json["title"] = collection.title;
    json["description"] = collection.description;
    json["owner"] = collection.owner;
    json["visibility"] = name_of_visibility(collection.visibility);
    json["created"] = time_json(collection.created_ms);
    json["changed"] = time_json(collection.changed_ms);
    return json;
}

Result<catalog::Dataset> find_allowed(ApiContext& api, http::Request& request, Action action) {
    const std::string& id = request.parameters["dataset"];
    auto found = TRY(api.domain.datasets.find_dataset(id));
    if (!found) return absent(ThingKind::dataset, id);
    const auto allowed = allow(api, request, action, {ThingKind::dataset, found->id, found->owner});
    // Asked by name, a hidden one must not give away its id.
    if (!allowed && allowed.error().code == ErrorCode::not_found)
        return absent(ThingKind::dataset, id);
    if (!allowed) return fail(allowed.error());
    return std::move(*found);
}

Answer list_datasets(ApiContext& api, http::Request& request) {
    Json json{{"datasets", Json::array()}};
    for (const auto& dataset : TRY(api.domain.datasets.datasets(request.principal))) {
        Json one = dataset_json(dataset);
        if (const auto current = TRY(api.domain.datasets.find_revision(dataset.current_revision))) {
            one["cells"] = current->cells;
            one["genes"] = current->genes;
        }
        json["datasets"].push_back(std::move(one));
    }
    return json_answer(200, json);
}

Answer get_dataset(ApiContext& api, http::Request& request) {
    return json_answer(200, dataset_json(TRY(find_allowed(api, request, Action::read))));
}

Answer list_revisions(ApiContext& api, http::Request& request) {
    const auto dataset = TRY(find_allowed(api, request, Action::read));
    Json json{{"revisions", Json::array()}};
    for (const auto& revision : TRY(api.domain.datasets.revisions(dataset.id)))
        json["revisions"].push_back(revision_json(revision));
    return json_answer(200, json);
}

Answer change_dataset(ApiContext& api, http::Request& request) {
    const auto dataset = TRY(find_allowed(api, request, Action::change));
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    DatasetChange change;
    change.title = TRY(fields.optional_text("title"));
    change.collection = TRY(fields.optional_text("collection"));
    const auto visibility = TRY(fields.optional_text("visibility"));
    TRY(fields.finish());
    if (change.collection)
        change.collection = TRY(collection_to_fill(api, request, *change.collection));
    if (visibility) {
        change.visibility = TRY(visibility_named(*visibility));
        TRY(allow(api, request, Action::share, {ThingKind::dataset, dataset.id, dataset.owner}));
    }
    return json_answer(200, dataset_json(TRY(api.domain.datasets.change(dataset.id, change))));
}

Answer delete_dataset(ApiContext& api, http::Request& request) {
    const auto dataset = TRY(find_allowed(api, request, Action::remove));
    TRY(api.domain.datasets.withdraw(dataset.id));
    http::Response response;
    response.status = 204;
    return response;
}

Answer delete_image(ApiContext& api, http::Request& request) {
    const auto dataset = TRY(find_allowed(api, request, Action::change));
    const std::string& id = request.parameters["image"];
    const auto image = TRY(api.domain.datasets.find_image(id));
    const auto revision =
        image ? TRY(api.domain.datasets.find_revision(image->revision)) : std::nullopt;
    if (!revision || revision->dataset != dataset.id)
        return fail(ErrorCode::not_found, "the dataset has no image '" + id + "'");
    TRY(api.domain.datasets.remove_image(*image));
    http::Response response;
    response.status = 204;
    return response;
}

Answer list_collections(ApiContext& api, http::Request& request) {
    Json json{{"collections", Json::array()}};
    for (const auto& collection : TRY(api.domain.datasets.collections(request.principal)))
        json["collections"].push_back(collection_json(collection));
    return json_answer(200, json);
}

Answer get_collection(ApiContext& api, http::Request& request) {
    const std::string& id = request.parameters["collection"];
    const auto found = TRY(api.domain.datasets.find_collection(id));
    if (!found) return absent(ThingKind::collection, id);
    const auto allowed =
        allow(api, request, Action::read, {ThingKind::collection, found->id, found->owner});
    if (!allowed && allowed.error().code == ErrorCode::not_found)
        return absent(ThingKind::collection, id);
    if (!allowed) return fail(allowed.error());
    return json_answer(200, collection_json(*found));
}

Answer create_collection(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, Action::create, {ThingKind::collection, "", ""}));
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    const std::string name = TRY(fields.text("name"));
    const std::string title = TRY(fields.text_or("title", ""));
    const std::string visible = TRY(fields.text_or("visibility", "private"));
    const auto visibility = TRY(visibility_named(visible));
    TRY(fields.finish());
    return json_answer(201, collection_json(TRY(api.domain.datasets.create_collection(
                                request.principal, name, title, visibility))));
}

}  // namespace

Result<std::string> collection_to_fill(ApiContext& api, const http::Request& request,
                                       const std::string& name) {
    if (name.empty()) return std::string();
    const auto found = TRY(api.domain.datasets.find_collection(name));
    if (!found) return absent(ThingKind::collection, name);
    const auto allowed =
        allow(api, request, Action::change, {ThingKind::collection, found->id, found->owner});
    if (!allowed && allowed.error().code == ErrorCode::not_found)
        return absent(ThingKind::collection, name);
    if (!allowed) return fail(allowed.error());
    return found->id;
}

std::vector<ApiRoute> dataset_routes() {
    return {{"GET", "/v1/datasets", list_datasets},
            {"GET", "/v1/datasets/{dataset}", get_dataset},
            {"PATCH", "/v1/datasets/{dataset}", change_dataset},
            {"DELETE", "/v1/datasets/{dataset}", delete_dataset},
            {"DELETE", "/v1/datasets/{dataset}/images/{image}", delete_image},
            {"GET", "/v1/datasets/{dataset}/revisions", list_revisions},
            {"GET", "/v1/collections", list_collections},
            {"POST", "/v1/collections", create_collection},
            {"GET", "/v1/collections/{collection}", get_collection}};
}

}  // namespace stroma::front::api
