#include "expression/zarr/spatial_table.h"

#include "expression/zarr/zarr_elements.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t attributes_bytes_max = 16u << 20;

std::vector<std::string> texts_of(const Dict& dict, std::string_view name) {
    std::vector<std::string> texts;
    for (const auto& [key, element] : dict)
        if (const auto* grid = std::get_if<TextGrid>(&element.value); grid && key == name)
            for (std::size_t i = 0; i < grid->texts.size(); ++i) texts.emplace_back(grid->texts[i]);
    return texts;
}

Result<SpatialTable> table_at(const ZarrStore& store, const std::string& path) {
    SpatialTable table{path, {}, "", {}};
    const std::string place = path + "/uns/spatialdata_attrs";
    if (!store.has_group(place)) return table;
    const ZarrElements elements(store, attributes_bytes_max);
    const Dict said = TRY(elements.read_dict(place));
    table.regions = texts_of(said, "region");
    const std::vector<std::string> key = texts_of(said, "instance_key");
    if (key.size() == 1) table.instance_key = key[0];
    return table;
}

}  // namespace

Result<std::optional<SpatialTable>> find_spatial_table(const ZarrStore& store) {
    std::optional<SpatialTable> taken;
    if (store.has_group("obs")) return taken;
    std::vector<std::string> found;
    for (const std::string group : {"tables", "table"})
        for (const std::string& name : store.children(group))
            if (store.has_group(group + "/" + name + "/obs") &&
                store.has_group(group + "/" + name + "/var"))
                found.push_back(group + "/" + name);
    for (const std::string& path : found) {
        SpatialTable table = TRY(table_at(store, path));
        if (!taken || (taken->regions.empty() && !table.regions.empty())) taken = std::move(table);
    }
    for (const std::string& path : found)
        if (path != taken->path) taken->others.push_back(path);
    return taken;
}

}  // namespace stroma::expression
