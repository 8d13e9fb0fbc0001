#include <fmt/format.h>

#include <charconv>

#include "base/digest.h"
#include "base/json.h"
#include "explorer/content_coding.h"
#include "flow/told/archive_told.h"
#include "front/api/api_routes.h"
#include "front/flow/flow_routes.h"
#include "image/label_overlap.h"
#include "image/pyramid_writer.h"
#include "image/thumbnail.h"

// What runs read and made, as the tiles that the viewer draws: the same as of a dataset's images.

namespace stroma::front::flow {
namespace {

using catalog::Action;
using explorer::Coding;
using stroma::flow::Run;

struct OpenPicture {
    std::string id;
    std::shared_ptr<const image::StoredImage> stored;
};

Result<OpenPicture> picture_in(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    const std::string& id = request.parameters["picture"];
    return OpenPicture{id, TRY(domain.pictures.open(run, id))};
}

Answer list_pictures(const FlowDomain& domain, http::Request& request) {
    const Run run = TRY(allowed_run(domain, request, Action::read));
    Json list = Json::array();
    for (const RunPicture& picture : TRY(domain.pictures.list(run)))
        list.push_back({{"id", picture.id},
                        {"stage", picture.stage},
                        {"item", picture.item},
                        {"output", picture.output},
                        {"name", picture.name},
                        {"labels", picture.are_labels},
                        {"place", place_of(picture.tier)},
                        {"mark", picture.mark}});
    return api::json_answer(200, Json{{"run", run.id}, {"pictures", std::move(list)}});
}

Answer get_picture(const FlowDomain& domain, http::Request& request) {
    const OpenPicture open = TRY(picture_in(domain, request));
    const auto& stored = open.stored;
    Json json{{"id", open.id}, {"name", open.id}};
    json.update(to_json(stored->info()));
    json["levels"] = Json::array();
    for (const image::LevelSize& level : stored->levels())
        json["levels"].push_back({{"width", level.width}, {"height", level.height}});
    for (std::size_t at = 0; at < json["channels"].size(); ++at) {
        const auto color = image::shown_color(stored->info(), at);
        json["channels"][at]["color"] =
            fmt::format("#{:02x}{:02x}{:02x}", static_cast<int>(color[0]),
                        static_cast<int>(color[1]), static_cast<int>(color[2]));
    }
    json["tile_side"] = image::tile_side;
    json["embedding"] = "";
    json["transform"] = Json(image::unchanged);
    return api::json_answer(200, json);
}

Result<std::uint64_t> place_of(http::Request& request, const char* name) {
    const std::string& text = request.parameters[name];
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size() || number > UINT32_MAX)
        return fail(ErrorCode::not_found, fmt::format("'{}' names no {} of a tile", text, name));
    return number;
}

/// What a run made stays as it is, but who may see it may change: it is asked for anew.
http::Response kept_answer(const http::Request& request, std::string bytes, const char* type) {
    ContentHash hash;
    hash.update(as_bytes(bytes));
    const std::string etag = '"' + hash.hex() + '"';
    http::Response response = http::text_response(200, std::move(bytes), type);
    if (request.header("if-none-match").value_or("").find(etag) != std::string::npos)
        response = http::Response{.status = 304};
    response.headers.emplace_back("ETag", etag);
    response.headers.emplace_back("Cache-Control", "private, no-cache");
    return response;
}

Answer get_picture_tile(const FlowDomain& domain, http::Request& request) {
    const auto stored = TRY(picture_in(domain, request)).stored;
    const auto level = static_cast<std::uint32_t>(TRY(place_of(request, "level")));
    const std::uint64_t x = TRY(place_of(request, "x")), y = TRY(place_of(request, "y"));
    if (request.parameters["channel"] == "rgb")
        return kept_answer(request, TRY(image::rgb_tile_png(*stored, level, x, y)), "image/png");
    const std::uint64_t channel = TRY(place_of(request, "channel"));
    const image::Tile tile = TRY(stored->tile(level, channel, x, y));
    const std::string_view pixels = as_text(tile.values);
    const bool is_packed =
        request.header("accept-encoding").value_or("").find("gzip") != std::string::npos;
    http::Response response = kept_answer(
        request, is_packed ? TRY(explorer::encode(pixels, Coding::gzip)) : std::string(pixels),
        "application/octet-stream");
    if (is_packed && response.status == 200)
        response.headers.emplace_back("Content-Encoding", "gzip");
    response.headers.emplace_back("Vary", "Accept-Encoding");
    response.headers.emplace_back("Stroma-Tile", fmt::format("{} {} {}", tile.width, tile.height,
                                                             name_of(stored->info().type)));
    return response;
}

Answer get_picture_thumbnail(const FlowDomain& domain, http::Request& request) {
    const auto stored = TRY(picture_in(domain, request)).stored;
    return kept_answer(request, TRY(image::thumbnail_png(*stored)), "image/png");
}

/// Against labels of another run (or of this one).
Answer get_difference(const FlowDomain& domain, http::Request& request) {
    const auto first = TRY(picture_in(domain, request)).stored;
    request.parameters["picture"] = request.query_value("other").value_or("");
    if (const auto run = request.query_value("other_run")) request.parameters["run"] = *run;
    const auto second = TRY(picture_in(domain, request)).stored;
    const expression::Watch watch{{}, [&] { return request.left.stop_requested(); }};
    const auto found = TRY(image::label_difference(*first, *second, watch));
    return api::json_answer(200, Json{{"same", found.same},
                                      {"changed", found.changed},
                                      {"only_here", found.only_first},
                                      {"only_there", found.only_second},
                                      {"changed_here", found.changed_first},
                                      {"changed_there", found.changed_second}});
}

template <Answer (*handler)(const FlowDomain&, http::Request&)>
Answer unless_archived(const FlowDomain& domain, http::Request& request) {
    return or_archived(request, handler(domain, request));
}

}  // namespace

std::vector<FlowRoute> picture_routes() {
    return {
        {"GET", "/v1/runs/{run}/pictures", list_pictures},
        {"GET", "/v1/runs/{run}/pictures/{picture}", unless_archived<get_picture>},
        {"GET", "/v1/runs/{run}/pictures/{picture}/tiles/{level}/{channel}/{y}/{x}",
         unless_archived<get_picture_tile>},
        {"GET", "/v1/runs/{run}/pictures/{picture}/thumbnail",
         unless_archived<get_picture_thumbnail>},
        {"GET", "/v1/runs/{run}/pictures/{picture}/difference", unless_archived<get_difference>}};
}

}  // namespace stroma::front::flow
