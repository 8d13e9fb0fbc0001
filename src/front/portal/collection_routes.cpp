#include <algorithm>

#include "base/json.h"
#include "front/portal/portal_routes.h"

// Collections: private, published, with an open revision, taken away.

namespace stroma::front::portal {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using catalog::ThingKind;

struct FoundCollection {
    catalog::Collection collection;
    stroma::portal::Card card;
    std::optional<http::Response> gone;
};

Result<FoundCollection> find_collection(PortalContext& context, http::Request& request,
                                        Action action) {
    const std::string& id = request.parameters["collection"];
    auto found = TRY(context.api.domain.datasets.find_collection(id));
    if (!found) return api::absent(ThingKind::collection, id);
    const auto allowed =
        api::allow(context.api, request, action, {ThingKind::collection, found->id, found->owner});
    if (!allowed && allowed.error().code == ErrorCode::not_found)
        return api::absent(ThingKind::collection, id);
    if (!allowed) return fail(allowed.error());
    FoundCollection answer{*std::move(found), {}, std::nullopt};
    answer.card = TRY(context.portal.card(answer.collection.id));
    if (!answer.card.tombstone.empty()) answer.gone = gone_response(request, answer.card.tombstone);
    return answer;
}

Json head_json(const catalog::Collection& collection, const stroma::portal::Card& card) {
    Json json{
        {"id", collection.id},
        {"name", collection.name},
        {"title", collection.title},
        {"state", collection.visibility == catalog::Visibility::public_ ? "published" : "private"},
        {"owner", collection.owner},
        {"created", api::time_json(collection.created_ms)},
        {"changed", api::time_json(std::max(collection.changed_ms, card.changed_ms))},
        {"published", api::time_json(card.published_ms)},
        {"revised", api::time_json(card.revised_ms)},
        {"card", card_json(card)}};
    return json;
}

/// The datasets among those that the principal may read, in the order given.
Result<Json> members_json(PortalContext& context, const http::Request& request,
                          const std::vector<std::string>& ids) {
    stroma::portal::SearchQuestion question;
    question.limit = 1'000'000;
    const auto all = TRY(context.portal.search(request.principal, question));
    Json members = Json::array();
    for (const std::string& id : ids)
        for (const auto& entry : all.entries)
            if (entry.dataset.id == id) members.push_back(entry_json(entry));
    return members;
}

Result<Json> collection_json(PortalContext& context, const http::Request& request,
                             const FoundCollection& found) {
    const catalog::Collection& collection = found.collection;
    const catalog::Thing thing{ThingKind::collection, collection.id, collection.owner};
    Json json = head_json(collection, found.card);
    json["may"] = may_json(context, request, thing);
    const auto members = TRY(context.portal.datasets_in(collection.id));
    json["datasets"] = TRY(members_json(context, request, members));
    json["revision"] = nullptr;
    if (!json["may"]["change"].get<bool>()) return json;
    if (const auto draft = TRY(context.portal.draft(collection.id)))
        json["revision"] = Json{{"title", draft->title},
                                {"description", draft->description},
                                {"datasets", TRY(members_json(context, request, draft->datasets))},
                                {"started", api::time_json(draft->started_ms)},
                                {"started_by", draft->started_by}};
    return json;
}

Answer answer_of(PortalContext& context, http::Request& request) {
    auto found = TRY(find_collection(context, request, Action::read));
    return api::json_answer(200, TRY(collection_json(context, request, found)));
}

Answer list_collections(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::read, {}));
    stroma::portal::SearchQuestion question;
    question.limit = 1'000'000;
    const auto all = TRY(context.portal.search(request.principal, question));
    Json json{{"collections", Json::array()}};
    for (const auto& one : TRY(context.api.domain.datasets.collections(request.principal))) {
        const auto card = TRY(context.portal.card(one.id));
        if (!card.tombstone.empty()) continue;
        Json head = head_json(one, card);
        std::uint64_t datasets = 0, cells = 0;
        for (const auto& entry : all.entries)
            if (entry.dataset.collection == one.id) {
                ++datasets;
                cells += entry.facts ? entry.facts->cells : 0;
            }
        head["datasets"] = datasets;
        head["cells"] = cells;
        json["collections"].push_back(std::move(head));
    }
    return listed_answer(request, json);
}

Answer get_collection(PortalContext& context, http::Request& request) {
    auto found = TRY(find_collection(context, request, Action::read));
    if (found.gone) return *std::move(found.gone);
    return api::json_answer(200, TRY(collection_json(context, request, found)));
}

/// The ids of a body's datasets, each of which the principal may change.
Result<std::optional<std::vector<std::string>>> members_of(PortalContext& context,
                                                           http::Request& request,
                                                           api::JsonFields& fields) {
    if (fields.find("datasets") == nullptr) return std::nullopt;
    std::vector<std::string> ids;
    for (const std::string& named : TRY(fields.texts("datasets"))) {
        const auto dataset = TRY(context.api.domain.datasets.find_dataset(named));
        if (!dataset) return api::absent(ThingKind::dataset, named);
        TRY(api::allow(context.api, request, Action::change,
                       {ThingKind::dataset, dataset->id, dataset->owner}));
        if (std::find(ids.begin(), ids.end(), dataset->id) == ids.end()) ids.push_back(dataset->id);
    }
    return ids;
}

struct CollectionWish {
    std::optional<std::string> title, description;
    std::optional<std::vector<std::string>> datasets;
    bool any() const { return title || description || datasets; }
};

Result<void> change_draft(PortalContext& context, stroma::portal::Draft draft,
                          const CollectionWish& wish) {
    if (wish.title) draft.title = *wish.title;
    if (wish.description) draft.description = *wish.description;
    if (wish.datasets) draft.datasets = *wish.datasets;
    return context.portal.put_draft(draft);
}

Answer patch_collection(PortalContext& context, http::Request& request) {
    auto found = TRY(find_collection(context, request, Action::change));
    if (found.gone) return *std::move(found.gone);
    TRY(check_version(request, found.card));
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    CollectionWish wish;
    wish.title = TRY(fields.optional_text("title"));
    wish.datasets = TRY(members_of(context, request, fields));
    stroma::portal::Card card = found.card;
    TRY(change_card(fields, card));
    if (card.description != found.card.description) {
        wish.description = card.description;
        card.description = found.card.description;
    }
    TRY(fields.finish());
    const auto draft = TRY(context.portal.draft(found.collection.id));
    const bool published = found.collection.visibility == catalog::Visibility::public_;
    if (wish.any() && published && !draft)
        return fail(ErrorCode::conflict,
                    "a published collection's title, description and datasets change by a "
                    "revision; begin one first");
    if (draft && wish.any()) {
        TRY(change_draft(context, *draft, wish));
    } else if (wish.any()) {
        if (wish.description) card.description = *wish.description;
        if (wish.datasets) card.datasets = *wish.datasets;
        TRY(context.portal.change_private(found.collection.id, wish.title, wish.datasets));
    }
    // Where the paper is and whom to ask may change at any time.
    TRY(context.portal.put_card(card));
    return answer_of(context, request);
}

Answer post_publish(PortalContext& context, http::Request& request) {
    auto found = TRY(find_collection(context, request, Action::share));
    if (found.gone) return *std::move(found.gone);
    const auto draft = TRY(context.portal.draft(found.collection.id));
    const auto datasets =
        draft ? draft->datasets : TRY(context.portal.datasets_in(found.collection.id));
    // Publishing shares each of them.
    for (const std::string& id : datasets)
        if (const auto dataset = TRY(context.api.domain.datasets.find_dataset(id)))
            TRY(api::allow(context.api, request, Action::share,
                           {ThingKind::dataset, dataset->id, dataset->owner}));
    TRY(context.portal.publish(found.collection));
    return answer_of(context, request);
}

Answer post_revision(PortalContext& context, http::Request& request) {
    auto found = TRY(find_collection(context, request, Action::change));
    if (found.gone) return *std::move(found.gone);
    if (found.collection.visibility != catalog::Visibility::public_)
        return fail(ErrorCode::conflict, "a private collection is changed as it is");
    TRY(context.portal.begin_draft(found.collection, request.principal.id));
    auto response = TRY(answer_of(context, request));
    response.status = 201;
    return response;
}

Answer delete_revision(PortalContext& context, http::Request& request) {
    auto found = TRY(find_collection(context, request, Action::change));
    if (found.gone) return *std::move(found.gone);
    TRY(context.portal.drop_draft(found.collection.id));
    http::Response response;
    response.status = 204;
    return response;
}

Answer post_collection_tombstone(PortalContext& context, http::Request& request) {
    auto found = TRY(find_collection(context, request, Action::remove));
    if (found.gone) return *std::move(found.gone);
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    const std::string reason = TRY(fields.text("reason"));
    TRY(fields.finish());
    const auto datasets = TRY(context.portal.datasets_in(found.collection.id));
    for (const std::string& id : datasets)
        if (const auto dataset = TRY(context.api.domain.datasets.find_dataset(id)))
            TRY(api::allow(context.api, request, Action::remove,
                           {ThingKind::dataset, dataset->id, dataset->owner}));
    for (const std::string& id : datasets) {
        auto card = TRY(context.portal.card(id));
        card.tombstone = reason;
        TRY(context.portal.put_card(card));
        TRY(context.api.domain.datasets.withdraw(id));
    }
    found.card.tombstone = reason;
    TRY(context.portal.put_card(found.card));
    http::Response response;
    response.status = 204;
    return response;
}

}  // namespace

std::vector<PortalRoute> collection_routes() {
    return {{"GET", "/v1/portal/collections", list_collections},
            {"GET", "/v1/portal/collections/{collection}", get_collection},
            {"PATCH", "/v1/portal/collections/{collection}", patch_collection},
            {"POST", "/v1/portal/collections/{collection}/publish", post_publish},
            {"POST", "/v1/portal/collections/{collection}/revision", post_revision},
            {"DELETE", "/v1/portal/collections/{collection}/revision", delete_revision},
            {"POST", "/v1/portal/collections/{collection}/tombstone", post_collection_tombstone}};
}

}  // namespace stroma::front::portal
