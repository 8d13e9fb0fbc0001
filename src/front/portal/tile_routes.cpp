#include "base/json.h"
#include "front/portal/portal_routes.h"

// Dashboards: statements that are asked again and again, drawn by the pages.

namespace stroma::front::portal {
namespace {

using Answer = Result<http::Response>;
using catalog::Action;
using catalog::ThingKind;
using stroma::portal::Tile;

Json tile_json(const Tile& tile, const http::Request& request) {
    const auto chart = parse_json(tile.chart);
    const bool own = !tile.owner.empty() && tile.owner == request.principal.id;
    return {{"id", tile.id},
            {"dashboard", tile.dashboard},
            {"title", tile.title},
            {"statement", tile.statement},
            {"chart", chart ? *chart : Json::object()},
            {"visibility", api::name_of_visibility(tile.visibility)},
            {"seconds", tile.seconds},
            {"place", tile.place},
            {"own", own || request.principal.role == catalog::Role::administrator},
            {"created", api::time_json(tile.created_ms)}};
}

Result<void> change_tile(api::JsonFields& fields, Tile& tile) {
    tile.dashboard = TRY(fields.text_or("dashboard", tile.dashboard));
    tile.title = TRY(fields.text_or("title", tile.title));
    tile.statement = TRY(fields.text_or("statement", tile.statement));
    tile.seconds = TRY(fields.integer_or("seconds", tile.seconds));
    tile.place = TRY(fields.integer_or("place", tile.place));
    if (const Json* chart = fields.find("chart")) {
        if (!chart->is_object() || chart->dump().size() > 4096)
            return fail(api::error_at(ErrorCode::invalid_input, "/chart",
                                      "'chart' must be an object of at most 4096 bytes"));
        tile.chart = chart->dump();
    }
    if (const auto visible = TRY(fields.optional_text("visibility")))
        tile.visibility = TRY(api::visibility_named(*visible));
    TRY(fields.finish());
    if (tile.title.empty() || tile.title.size() > 200 || tile.dashboard.size() > 200)
        return fail(api::error_at(ErrorCode::invalid_input, "/title",
                                  "a tile needs a title; titles and dashboards have at most 200 "
                                  "bytes"));
    if (tile.statement.empty())
        return fail(
            api::error_at(ErrorCode::invalid_input, "/statement", "a tile needs a statement"));
    if (tile.seconds < 5 || tile.seconds > 86400)
        return fail(
            api::error_at(ErrorCode::invalid_input, "/seconds", "'seconds' must be 5 to 86400"));
    return {};
}

/// A tile of somebody else looks absent unless it is public, and then it is only theirs to change.
Result<Tile> own_tile(PortalContext& context, http::Request& request) {
    const std::string& id = request.parameters["tile"];
    auto tile = TRY(context.portal.find_tile(id));
    const bool administrator = request.principal.role == catalog::Role::administrator;
    const bool own = tile && request.principal.role != catalog::Role::anonymous &&
                     tile->owner == request.principal.id;
    const bool seen =
        tile && (own || administrator || tile->visibility == catalog::Visibility::public_);
    if (!seen) return fail(ErrorCode::not_found, "there is no tile '" + id + "'");
    TRY(api::allow(context.api, request, Action::create, {ThingKind::dataset, "", ""}));
    if (!own && !administrator) return fail(ErrorCode::denied, "this tile is somebody else's");
    return *std::move(tile);
}

Answer list_tiles(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::read, {}));
    const bool nobody = request.principal.role == catalog::Role::anonymous;
    Json json{{"tiles", Json::array()}};
    for (const Tile& tile : TRY(context.portal.tiles(nobody ? "" : request.principal.id)))
        json["tiles"].push_back(tile_json(tile, request));
    return api::json_answer(200, json);
}

Answer create_tile(PortalContext& context, http::Request& request) {
    TRY(api::allow(context.api, request, Action::create, {ThingKind::dataset, "", ""}));
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    Tile tile;
    tile.owner = request.principal.id;
    tile.chart = "{\"kind\":\"table\"}";
    TRY(change_tile(fields, tile));
    return api::json_answer(201, tile_json(TRY(context.portal.put_tile(tile)), request));
}

Answer patch_tile(PortalContext& context, http::Request& request) {
    Tile tile = TRY(own_tile(context, request));
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    TRY(change_tile(fields, tile));
    return api::json_answer(200, tile_json(TRY(context.portal.put_tile(tile)), request));
}

Answer delete_tile(PortalContext& context, http::Request& request) {
    const Tile tile = TRY(own_tile(context, request));
    TRY(context.portal.remove_tile(tile.id));
    http::Response response;
    response.status = 204;
    return response;
}

}  // namespace

std::vector<PortalRoute> tile_routes() {
    return {{"GET", "/v1/portal/tiles", list_tiles},
            {"POST", "/v1/portal/tiles", create_tile},
            {"PATCH", "/v1/portal/tiles/{tile}", patch_tile},
            {"DELETE", "/v1/portal/tiles/{tile}", delete_tile}};
}

}  // namespace stroma::front::portal
