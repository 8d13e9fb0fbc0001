#include "image/shapes/outlines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "image/image_info.h"

namespace stroma::image {
namespace {

using Ring = std::vector<std::array<double, 2>>;

tl::unexpected<Error> wrong_feature(std::size_t number, std::string_view what) {
    return fail(ErrorCode::invalid_input, fmt::format("feature {}: {}", number + 1, what));
}

Result<Ring> ring_of(const Json& json, std::size_t number) {
    if (!json.is_array() || json.size() < 3)
        return wrong_feature(number, "a ring needs three points");
    Ring ring;
    ring.reserve(json.size());
    for (const Json& point : json) {
        if (!point.is_array() || point.size() < 2 || !point[0].is_number() || !point[1].is_number())
            return wrong_feature(number, "a point is two numbers");
        const double x = point[0].get<double>(), y = point[1].get<double>();
        if (!(std::abs(x) < static_cast<double>(image_side_max)) ||
            !(std::abs(y) < static_cast<double>(image_side_max)))
            return wrong_feature(number, "a point lies out of every image");
        ring.push_back({x, y});
    }
    return ring;
}

Result<void> add_polygon(const Json& polygon, std::size_t number, Outline& outline) {
    if (!polygon.is_array() || polygon.empty())
        return wrong_feature(number, "a polygon is a list of rings");
    for (const Json& ring : polygon) outline.rings.push_back(TRY(ring_of(ring, number)));
    return {};
}

std::string id_of(const Json& feature, std::size_t number) {
    const auto text = [](const Json& value) -> std::string {
        if (value.is_string()) return value.get<std::string>();
        return value.is_number_integer() ? value.dump() : "";
    };
    const auto properties = feature.find("properties");
    if (properties != feature.end() && properties->is_object())
        for (const char* name : {"cell_id", "label", "name"})
            if (const auto found = properties->find(name); found != properties->end())
                if (std::string id = text(*found); !id.empty()) return id;
    if (const auto found = feature.find("id"); found != feature.end())
        if (std::string id = text(*found); !id.empty()) return id;
    return std::to_string(number + 1);
}

Result<Outline> outline_of(const Json& feature, std::size_t number) {
    if (!feature.is_object()) return wrong_feature(number, "it is no object");
    const auto geometry = feature.find("geometry");
    if (geometry == feature.end() || !geometry->is_object())
        return wrong_feature(number, "it has no geometry");
    const auto type = geometry->find("type"), places = geometry->find("coordinates");
    if (type == geometry->end() || !type->is_string() || places == geometry->end())
        return wrong_feature(number, "its geometry says no type and coordinates");
    Outline outline{id_of(feature, number), {}};
    if (*type == "Polygon") {
        TRY(add_polygon(*places, number, outline));
    } else if (*type == "MultiPolygon" && places->is_array()) {
        for (const Json& polygon : *places) TRY(add_polygon(polygon, number, outline));
    } else {
        return wrong_feature(number, "it is no Polygon or MultiPolygon");
    }
    if (outline.rings.empty()) return wrong_feature(number, "it has no rings");
    outline.low = HUGE_VAL;
    outline.high = -HUGE_VAL;
    for (const Ring& ring : outline.rings)
        for (const auto& point : ring) {
            outline.low = std::min(outline.low, point[1]);
            outline.high = std::max(outline.high, point[1]);
        }
    return outline;
}

}  // namespace

Result<std::vector<Outline>> outlines_in(std::string_view geojson) {
    const Json json = TRY(parse_json(geojson, {.bytes_max = geojson_bytes_max}));
    std::vector<Outline> outlines;
    if (json.is_object() && json.value("type", Json()) == "Feature") {
        outlines.push_back(TRY(outline_of(json, 0)));
        return outlines;
    }
    const auto features = json.is_object() ? json.find("features") : json.end();
    const Json& list = json.is_object() && features != json.end() ? *features : json;
    if (!list.is_array() || list.empty())
        return fail(ErrorCode::invalid_input, "it holds no features");
    for (std::size_t i = 0; i < list.size(); ++i) outlines.push_back(TRY(outline_of(list[i], i)));
    return outlines;
}

}  // namespace stroma::image
