#include "base/digest.h"
#include "base/json.h"
#include "front/annotation/annotation_routes.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"

// Selections and views: immutable things with an id, private or for who has the link.

namespace stroma::front::annotation {
namespace {

using catalog::Action;
using stroma::annotation::KeptKind;
using stroma::annotation::KeptThing;

constexpr std::uint64_t view_bytes_max = 4u << 20;
constexpr std::uint64_t selection_bytes_max = 32u << 20;
constexpr std::uint64_t recipe_bytes_max = 1u << 20;

Json thing_json(const KeptThing& thing) {
    return {{"id", thing.id},
            {"revision", thing.revision},
            {"name", thing.name},
            {"access", thing.by_link ? "link" : "private"},
            {"created", api::time_json(thing.created_ms)}};
}

catalog::Thing asked(const KeptThing& thing) {
    return {catalog::ThingKind::view, thing.id, thing.owner, thing.by_link};
}

/// Who may read it must be allowed to read its revision, too.
Result<KeptThing> find(const AnnotationDomain& domain, const http::Request& request, KeptKind kind,
                       const std::string& id, Action action) {
    const auto absent =
        fail(ErrorCode::not_found, "there is no " + std::string(name_of(kind)) + " '" + id + "'");
    auto thing = TRY(domain.kept.find(kind, id));
    if (!thing) return absent;
    auto& access = domain.explorer.access;
    if (!TRY(access.decide(request.principal, Action::read, asked(*thing)))) return absent;
    if (action != Action::read && !TRY(access.decide(request.principal, action, asked(*thing))))
        return fail(ErrorCode::denied, "only its owner removes it");
    const auto data = open_revision(domain, request, thing->revision);
    if (!data && data.error().code == ErrorCode::not_found && action == Action::read) return absent;
    if (!data && data.error().code != ErrorCode::not_found) return fail(data.error());
    return *std::move(thing);
}

Answer list(const AnnotationDomain& domain, http::Request& request, KeptKind kind,
            const char* name) {
    Json things = Json::array();
    if (request.principal.role != catalog::Role::anonymous)
        for (const KeptThing& thing : TRY(domain.kept.list(
                 kind, request.principal.id, request.query_value("revision").value_or(""))))
            if (TRY(domain.explorer.access.may(request.principal, Action::read, asked(thing))))
                things.push_back(thing_json(thing));
    auto response = api::json_answer(200, Json{{name, std::move(things)}});
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

/// What both have: revision, name, access. The revision is open for reading.
struct Begun {
    KeptThing thing;
    std::shared_ptr<const stroma::explorer::RevisionData> data;
};
Result<Begun> begin(const AnnotationDomain& domain, const http::Request& request, KeptKind kind,
                    api::JsonFields& fields) {
    if (!TRY(domain.explorer.access.decide(request.principal, Action::create,
                                           {catalog::ThingKind::view, "", ""})))
        return fail(ErrorCode::denied, "sign in to keep labels, gene sets and views here");
    Begun begun;
    begun.thing.kind = kind;
    begun.thing.owner = request.principal.id;
    begun.thing.revision = TRY(fields.text("revision"));
    begun.thing.name = TRY(fields.text("name"));
    const std::string access = TRY(fields.text_or("access", "private"));
    if (access != "private" && access != "link")
        return fail(api::error_at(ErrorCode::invalid_input, "/access",
                                  "'access' must be \"private\" or \"link\""));
    begun.thing.by_link = access == "link";
    begun.data = TRY(open_revision(domain, request, begun.thing.revision));
    return begun;
}

http::Response created(const KeptThing& thing, const char* folder) {
    auto response = api::json_answer(201, thing_json(thing));
    response.headers.emplace_back("Location", "/u/" + std::string(folder) + "/" + thing.id);
    return response;
}

Answer create_view(const AnnotationDomain& domain, http::Request& request) {
    const Json body = TRY(api::json_body(request, view_bytes_max));
    api::JsonFields fields(body);
    auto begun = TRY(begin(domain, request, KeptKind::view, fields));
    const Json* state = fields.find("state");
    TRY(fields.finish());
    if (state == nullptr || !state->is_object())
        return fail(api::error_at(ErrorCode::invalid_input, "/state",
                                  "the state of the screen is a JSON object"));
    begun.thing.body = state->dump();
    return created(TRY(domain.kept.put(std::move(begun.thing))), "views");
}

Answer create_selection(const AnnotationDomain& domain, http::Request& request) {
    const Json body = TRY(api::json_body(request, selection_bytes_max));
    api::JsonFields fields(body);
    auto begun = TRY(begin(domain, request, KeptKind::selection, fields));
    const Json* cells = fields.find("cells");
    const Json* recipe = fields.find("recipe");
    TRY(fields.finish());
    if (cells == nullptr)
        return fail(api::error_at(ErrorCode::invalid_input, "/cells", "it is missing"));
    const auto runs = TRY(cells_in_json(domain, request, *begun.data, *cells, "/cells"));
    const std::string hash =
        sha256_hex(begun.thing.revision + "\n" + stroma::annotation::to_bitmap(runs));
    Json kept{{"count", stroma::annotation::cell_count(runs)},
              {"hash", hash},
              {"cells", runs_json(runs)}};
    if (recipe != nullptr) {
        if (recipe->dump().size() > recipe_bytes_max)
            return fail(api::error_at(ErrorCode::exhausted, "/recipe", "it is larger than 1 MiB"));
        kept["recipe"] = *recipe;
    }
    begun.thing.body = kept.dump();
    return created(TRY(domain.kept.put(std::move(begun.thing))), "selections");
}

Answer get(const AnnotationDomain& domain, http::Request& request, KeptKind kind) {
    const KeptThing thing =
        TRY(find(domain, request, kind, request.parameters.at("id"), Action::read));
    Json json = thing_json(thing);
    const Json body = TRY(parse_json(thing.body, {.bytes_max = 256u << 20}));
    if (kind == KeptKind::view)
        json["state"] = body;
    else
        for (const auto& [name, value] : body.items()) json[name] = value;
    return current_answer(request, api::json_answer(200, json), thing.id);
}

Answer remove(const AnnotationDomain& domain, http::Request& request, KeptKind kind) {
    const KeptThing thing =
        TRY(find(domain, request, kind, request.parameters.at("id"), Action::remove));
    TRY(domain.kept.remove(thing.id));
    return http::text_response(204, "");
}

Answer list_views(const AnnotationDomain& domain, http::Request& request) {
    return list(domain, request, KeptKind::view, "views");
}
Answer get_view(const AnnotationDomain& domain, http::Request& request) {
    return get(domain, request, KeptKind::view);
}
Answer delete_view(const AnnotationDomain& domain, http::Request& request) {
    return remove(domain, request, KeptKind::view);
}
Answer list_selections(const AnnotationDomain& domain, http::Request& request) {
    return list(domain, request, KeptKind::selection, "selections");
}
Answer get_selection(const AnnotationDomain& domain, http::Request& request) {
    return get(domain, request, KeptKind::selection);
}
Answer delete_selection(const AnnotationDomain& domain, http::Request& request) {
    return remove(domain, request, KeptKind::selection);
}

}  // namespace

api::FindSelection selection_finder(const AnnotationDomain& domain) {
    return [&domain](const http::Request& request,
                     const std::string& id) -> Result<std::optional<api::KeptCells>> {
        const auto kept = find(domain, request, KeptKind::selection, id, Action::read);
        if (!kept && kept.error().code == ErrorCode::not_found) return std::nullopt;
        if (!kept) return fail(kept.error());
        return api::KeptCells{kept->revision, TRY(stroma::annotation::cells_of(*kept))};
    };
}

std::vector<AnnotationRoute> kept_routes() {
    return {{"GET", "/u/views", list_views},
            {"POST", "/u/views", create_view},
            {"GET", "/u/views/{id}", get_view},
            {"DELETE", "/u/views/{id}", delete_view},
            {"GET", "/u/selections", list_selections},
            {"POST", "/u/selections", create_selection},
            {"GET", "/u/selections/{id}", get_selection},
            {"DELETE", "/u/selections/{id}", delete_selection}};
}

}  // namespace stroma::front::annotation
