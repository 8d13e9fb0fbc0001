#include "image/zarr/spatial_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/json.h"
#include "expression/zarr/spatial_table.h"
#include "expression/zarr/zarr_elements.h"

namespace stroma::image {
namespace {

using expression::ZarrStore;
using Ways = std::map<std::string, Transform>;

constexpr int sequence_depth_max = 8;
/// From the number of a pixel, whose centre counts here, to a place in its element.
constexpr Transform centres = {1, 0, 0.5, 0, 1, 0.5};

/// Where x and y are among a list of axes; -1: not there.
struct PlaneAxes {
    int x = -1, y = -1;
    std::size_t count = 0;
};

std::optional<PlaneAxes> plane_in(const Json& axes) {
    if (!axes.is_array()) return std::nullopt;
    PlaneAxes found;
    for (const Json& axis : axes) {
        const Json name = axis.is_object() ? axis.value("name", Json()) : axis;
        if (name == "x") found.x = static_cast<int>(found.count);
        if (name == "y") found.y = static_cast<int>(found.count);
        ++found.count;
    }
    if (found.x < 0 || found.y < 0) return std::nullopt;
    return found;
}

Json member(const Json& json, const char* name) {
    return json.is_object() ? json.value(name, Json()) : Json();
}

std::optional<double> number_at(const Json& list, int at) {
    if (!list.is_array() || static_cast<std::size_t>(at) >= list.size() ||
        !list[static_cast<std::size_t>(at)].is_number())
        return std::nullopt;
    const double value = list[static_cast<std::size_t>(at)].get<double>();
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

/// A row of an affine matrix: what of x, of y, and what besides.
std::optional<std::array<double, 3>> affine_row(const Json& matrix, int row, const PlaneAxes& in) {
    if (!matrix.is_array() || static_cast<std::size_t>(row) >= matrix.size()) return std::nullopt;
    const Json& values = matrix[static_cast<std::size_t>(row)];
    const auto x = number_at(values, in.x), y = number_at(values, in.y),
               besides = number_at(values, static_cast<int>(in.count));
    if (!x || !y || !besides) return std::nullopt;
    return std::array{*x, *y, *besides};
}

std::optional<Transform> plane_transform(const Json& step, const PlaneAxes& usual, int depth);

std::optional<Transform> sequence_transform(const Json& step, const PlaneAxes& usual, int depth) {
    Transform all = unchanged;
    const Json parts = member(step, "transformations");
    if (!parts.is_array() || depth >= sequence_depth_max) return std::nullopt;
    for (const Json& part : parts) {
        const auto one = plane_transform(part, usual, depth + 1);
        if (!one) return std::nullopt;
        all = then(all, *one);
    }
    return all;
}

std::optional<Transform> plane_transform(const Json& step, const PlaneAxes& usual, int depth) {
    const Json kind = member(step, "type");
    const PlaneAxes in = plane_in(member(member(step, "input"), "axes")).value_or(usual);
    const PlaneAxes out = plane_in(member(member(step, "output"), "axes")).value_or(in);
    if (kind == "identity") return unchanged;
    if (kind == "sequence") return sequence_transform(step, usual, depth);
    if (kind == "scale" || kind == "translation") {
        const Json values = member(step, kind == "scale" ? "scale" : "translation");
        const auto x = number_at(values, in.x), y = number_at(values, in.y);
        if (!x || !y) return std::nullopt;
        return kind == "scale" ? Transform{*x, 0, 0, 0, *y, 0} : Transform{1, 0, *x, 0, 1, *y};
    }
    if (kind == "affine") {
        const Json matrix = member(step, "affine");
        const auto x = affine_row(matrix, out.x, in), y = affine_row(matrix, out.y, in);
        if (!x || !y) return std::nullopt;
        return Transform{(*x)[0], (*x)[1], (*x)[2], (*y)[0], (*y)[1], (*y)[2]};
    }
    if (kind == "mapAxis") {
        const Json map = member(step, "mapAxis");
        if (member(map, "x") == "y" && member(map, "y") == "x") return Transform{0, 1, 0, 1, 0, 0};
        if (member(map, "x") == "x" && member(map, "y") == "y") return unchanged;
    }
    return std::nullopt;
}

bool keeps_the_plane(const Transform& transform) {
    const double area = transform[0] * transform[4] - transform[1] * transform[3];
    return std::isfinite(area) && area != 0;
}

Result<Ways> ways_of_picture(const ZarrStore& store, const std::string& path) {
    Json attributes = TRY(expression::zarr_attributes(store, path));
    if (attributes.contains("ome")) attributes = Json(member(attributes, "ome"));
    const Json scales = member(attributes, "multiscales");
    if (!scales.is_array() || scales.empty())
        return fail(ErrorCode::invalid_input, "its attributes name no multiscales");
    Ways ways = coordinate_transforms(scales[0]);
    for (auto& [system, way] : ways) way = then(centres, way);
    return ways;
}

/// The ways of the region that the table's rows lie in; empty when it isn't found.
Result<Ways> ways_of_region(const ZarrStore& store, const expression::SpatialTable& table,
                            std::vector<std::string>& notes) {
    for (const std::string& region : table.regions) {
        if (table.regions.size() > 1)
            notes.push_back(fmt::format("of {} regions the images are placed by '{}'",
                                        table.regions.size(), region));
        for (const std::string group : {"shapes", "points"}) {
            const std::string path = group + "/" + region;
            if (store.has_group(path) || store.has(path + "/.zattrs")) {
                const Json said = TRY(expression::zarr_attributes(store, path));
                return coordinate_transforms(said);
            }
        }
        if (!store.has_group("labels/" + region)) continue;
        Json attributes = TRY(expression::zarr_attributes(store, "labels/" + region));
        if (attributes.contains("ome")) attributes = Json(member(attributes, "ome"));
        const Json scales = member(attributes, "multiscales");
        if (scales.is_array() && !scales.empty()) return coordinate_transforms(scales[0]);
    }
    return Ways{};
}

/// Into the region's own coordinates through a system that both know; "global" goes before others.
std::optional<Transform> into_region(const Ways& picture, const Ways& region) {
    std::vector<std::string> systems{"global"};
    for (const auto& [system, way] : picture) systems.push_back(system);
    for (const std::string& system : systems) {
        const auto there = picture.find(system), back = region.find(system);
        if (there == picture.end()) continue;
        if (region.empty()) return there->second;
        if (back == region.end() || !keeps_the_plane(back->second)) continue;
        const Transform whole = then(there->second, inverse(back->second));
        if (keeps_the_plane(whole)) return whole;
    }
    return std::nullopt;
}

}  // namespace

Ways coordinate_transforms(const Json& attributes) {
    Ways ways;
    const PlaneAxes usual =
        plane_in(member(attributes, "axes")).value_or(PlaneAxes{.x = 0, .y = 1, .count = 2});
    const Json steps = member(attributes, "coordinateTransformations");
    if (!steps.is_array()) return ways;
    for (const Json& step : steps) {
        const Json system = member(member(step, "output"), "name");
        const auto way = plane_transform(step, usual, 0);
        if (way && keeps_the_plane(*way))
            ways.emplace(system.is_string() ? system.get<std::string>() : "global", *way);
    }
    return ways;
}

Result<std::vector<FoundPicture>> pictures_of_store(const ZarrStore& store,
                                                    std::vector<std::string>& notes) {
    std::vector<FoundPicture> found;
    const auto table = TRY(expression::find_spatial_table(store));
    if (!table) return found;
    const Ways region = TRY(ways_of_region(store, *table, notes));
    for (const std::string group : {"images", "labels"})
        for (const std::string& name : store.children(group)) {
            if (found.size() == found_pictures_max) return found;
            const std::string path = group + "/" + name;
            const auto ways = ways_of_picture(store, path);
            const auto place = ways ? into_region(*ways, region) : std::nullopt;
            if (!place) {
                notes.push_back(fmt::format(
                    "{} is left out: {}", path,
                    ways ? "it shares no coordinate system with the cells" : ways.error().message));
                continue;
            }
            const bool are_labels = group == "labels";
            const bool is_region = std::find(table->regions.begin(), table->regions.end(), name) !=
                                   table->regions.end();
            found.push_back({.element = path,
                             .name = name,
                             .transform = *place,
                             .are_labels = are_labels,
                             .cell_column = is_region && are_labels ? table->instance_key : "",
                             .micrometres = std::nullopt});
        }
    for (const std::string group : {"shapes", "points"})
        if (const auto names = store.children(group); !names.empty())
            notes.push_back(fmt::format("{} ({} of them) are not drawn", group, names.size()));
    return found;
}

}  // namespace stroma::image
