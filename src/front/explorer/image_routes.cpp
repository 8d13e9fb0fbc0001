#include <fmt/format.h>

#include <charconv>

#include "base/digest.h"
#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/explorer/explorer_routes.h"
#include "image/label_cells.h"
#include "image/placed_image.h"
#include "image/pyramid_writer.h"
#include "image/thumbnail.h"

// The images that lie under a revision's cells. Which there are may change; each stays as it is.

namespace stroma::front::explorer {
namespace {

using Answer = Result<http::Response>;
using stroma::explorer::Made;

struct FoundImage {
    catalog::Image row;
    std::shared_ptr<const image::StoredImage> stored;
};

Result<FoundImage> found_image(const Asked& asked) {
    const std::string& id = asked.request.parameters.at("image");
    auto row = TRY(asked.domain.datasets.find_image(id));
    if (!row || row->revision != asked.revision)
        return fail(ErrorCode::not_found, "this revision has no image '" + id + "'");
    auto stored = TRY(asked.domain.images.open(row->id));
    return FoundImage{*std::move(row), std::move(stored)};
}

Json image_json(const FoundImage& found) {
    Json json{{"id", found.row.id}, {"name", found.row.name}};
    json.update(to_json(found.stored->info()));
    Json levels = Json::array();
    for (const image::LevelSize& level : found.stored->levels())
        levels.push_back({{"width", level.width}, {"height", level.height}});
    for (std::size_t at = 0; at < json["channels"].size(); ++at) {
        const auto color = image::shown_color(found.stored->info(), at);
        json["channels"][at]["color"] =
            fmt::format("#{:02x}{:02x}{:02x}", static_cast<int>(color[0]),
                        static_cast<int>(color[1]), static_cast<int>(color[2]));
    }
    json["levels"] = levels;
    json["tile_side"] = image::tile_side;
    json["embedding"] = found.row.embedding;
    json["transform"] = parse_json(found.row.transform).value_or(Json(image::unchanged));
    json["created"] = api::time_json(found.row.created_ms);
    return json;
}

Answer list_images(const Asked& asked) {
    Json images = Json::array();
    for (catalog::Image& row : TRY(asked.domain.datasets.images(asked.revision))) {
        auto stored = TRY(asked.domain.images.open(row.id));
        images.push_back(image_json({std::move(row), std::move(stored)}));
    }
    http::Response response =
        asked.text_answer(Json{{"images", images}}.dump(), "application/json");
    for (auto& [name, value] : response.headers)
        if (name == "Cache-Control")
            value = asked.is_public ? "public, max-age=1, must-revalidate"
                                    : "private, max-age=1, must-revalidate";
    return response;
}

Answer get_image(const Asked& asked) {
    return asked.text_answer(image_json(TRY(found_image(asked))).dump(), "application/json");
}

Result<std::uint64_t> place_of(const Asked& asked, const char* name) {
    const std::string& text = asked.request.parameters.at(name);
    std::uint64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size() || number > UINT32_MAX)
        return fail(ErrorCode::not_found, fmt::format("'{}' names no {} of a tile", text, name));
    return number;
}

/// A PNG that is made once and kept; `what` names it below its image.
Answer png_answer(const Asked& asked, const FoundImage& found, const std::string& what,
                  const std::function<Result<std::string>()>& make) {
    const stroma::explorer::Representation wanted{
        asked.revision, fmt::format("images/{}/{}", found.row.id, what), {}};
    const auto make_png = [&](const auto&) -> Result<Made> {
        return Made{TRY(make()), "image/png"};
    };
    return body_response(TRY(asked.domain.explorer.answer(wanted, make_png)), asked.is_public);
}

Answer raw_tile(const Asked& asked, const FoundImage& found, std::uint32_t level,
                std::uint64_t channel, std::uint64_t x, std::uint64_t y) {
    const image::Tile tile = TRY(found.stored->tile(level, channel, x, y));
    const std::string_view values = as_text(tile.values);
    ContentHash hash;
    hash.update(tile.values);
    const auto coding = coding_for(asked.request);
    const bool is_plain = coding == stroma::explorer::Coding::identity;
    http::Response response = http::text_response(
        200, is_plain ? std::string(values) : TRY(stroma::explorer::encode(values, coding)),
        "application/octet-stream");
    if (!is_plain) response.headers.emplace_back("Content-Encoding", name_of(coding));
    response.headers.emplace_back(
        "ETag", fmt::format("\"{}{}{}\"", hash.hex(), is_plain ? "" : "-", name_of(coding)));
    response.headers.emplace_back("Stroma-Tile", fmt::format("{} {} {}", tile.width, tile.height,
                                                             name_of(found.stored->info().type)));
    add_cache_headers(response, asked.is_public);
    return response;
}

Answer get_tile(const Asked& asked) {
    const FoundImage found = TRY(found_image(asked));
    const auto level = static_cast<std::uint32_t>(TRY(place_of(asked, "level")));
    const std::uint64_t x = TRY(place_of(asked, "x")), y = TRY(place_of(asked, "y"));
    if (asked.request.parameters.at("channel") == "rgb")
        return png_answer(asked, found, fmt::format("rgb/{}/{}/{}", level, y, x),
                          [&] { return image::rgb_tile_png(*found.stored, level, x, y); });
    return raw_tile(asked, found, level, TRY(place_of(asked, "channel")), x, y);
}

Answer get_thumbnail(const Asked& asked) {
    const FoundImage found = TRY(found_image(asked));
    return png_answer(asked, found, "thumbnail",
                      [&] { return image::thumbnail_png(*found.stored); });
}

/// Which cell each label is, as little-endian int32 from label 0 on; -1: none.
Answer get_cells(const Asked& asked) {
    const FoundImage found = TRY(found_image(asked));
    if (found.stored->info().content != image::Content::labels)
        return fail(ErrorCode::not_found, "the image isn't one of labels");
    const Json source = parse_json(found.row.source).value_or(Json::object());
    return asked.answer(fmt::format("images/{}/cells", found.row.id),
                        [&](const stroma::explorer::RevisionData& data) -> Result<Made> {
                            const auto cells = TRY(image::label_cells(
                                *found.stored, *data.sealed, source.value("cell_column", "")));
                            return Made{std::string(as_text(std::as_bytes(std::span(cells.rows)))),
                                        "application/octet-stream"};
                        });
}

}  // namespace

std::vector<ExplorerRoute> image_routes() {
    return {{"GET", "/d/{revision}/images", list_images},
            {"GET", "/d/{revision}/images/{image}", get_image},
            {"GET", "/d/{revision}/images/{image}/tiles/{level}/{channel}/{y}/{x}", get_tile},
            {"GET", "/d/{revision}/images/{image}/thumbnail", get_thumbnail},
            {"GET", "/d/{revision}/images/{image}/cells", get_cells}};
}

}  // namespace stroma::front::explorer
