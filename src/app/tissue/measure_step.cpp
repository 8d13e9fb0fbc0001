#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "app/build_info.h"
#include "app/tissue/built_in.h"
#include "app/tissue/kept_work.h"
#include "app/tissue/step_inputs.h"
#include "expression/text/table.h"
#include "tissue/measure/changed_labels.h"
#include "tissue/measure/measurement.h"
#include "tissue/measure/normalise.h"
#include "tissue/measure/patched_cells.h"

namespace stroma::app {
namespace {

constexpr double traced_tile = 1024;

/// Names of channels: the parameter's, or the column marker_name of the input "markers".
Result<std::vector<std::string>> channel_names(const StepRun& run) {
    std::vector<std::string> names = run.texts("channels");
    if (run.inputs("markers").empty()) return names;
    const fs::path& path = run.inputs("markers").front();
    const auto files = TRY(expression::open_input(path));
    expression::TableOptions options;
    options.guess = true;
    const auto table = TRY(expression::read_table(*files, files->name(), options));
    const expression::TextArray* column = table.find("marker_name");
    if (column == nullptr)
        return fail(ErrorCode::invalid_input, path.string() + ": no column marker_name");
    names.clear();
    for (std::size_t i = 0; i < column->size(); ++i) names.emplace_back((*column)[i]);
    return names;
}

void add_shapes(const tissue::Measurement& measured, double micrometres, tissue::CellTable& table) {
    for (std::size_t i = 0; i < tissue::shape_names.size(); ++i) {
        tissue::NumberColumn column{std::string(tissue::shape_names[i]), {}};
        for (const tissue::Region& region : measured.regions)
            column.values.push_back(values_of(region)[i]);
        table.set(std::move(column));
    }
    const auto scaled = [&](std::string name, double factor, auto value) {
        tissue::NumberColumn column{std::move(name), {}};
        for (const tissue::Region& region : measured.regions)
            column.values.push_back(factor * value(region));
        table.set(std::move(column));
    };
    if (!measured.nucleus_areas.empty()) {
        tissue::NumberColumn column{"nucleus_area", {}};
        for (const std::uint64_t area : measured.nucleus_areas)
            column.values.push_back(static_cast<double>(area));
        table.set(std::move(column));
    }
    if (std::isnan(micrometres)) return;
    scaled("area_um2", micrometres * micrometres,
           [](const tissue::Region& one) { return static_cast<double>(one.area); });
    scaled("perimeter_um", micrometres, [](const tissue::Region& one) { return one.perimeter; });
    scaled("major_axis_length_um", micrometres,
           [](const tissue::Region& one) { return one.major_axis; });
    scaled("minor_axis_length_um", micrometres,
           [](const tissue::Region& one) { return one.minor_axis; });
}

/// Where each cell comes from: image, label, tile, and what measured it.
void add_origin(const StepRun& run, const tissue::Measurement& measured, const std::string& stem,
                tissue::CellTable& table) {
    const std::size_t cells = measured.labels.size();
    tissue::NumberColumn labels{"label", {}};
    std::vector<std::string> tile_names;
    for (std::size_t i = 0; i < cells; ++i) {
        const tissue::Region& region = measured.regions[i];
        labels.values.push_back(measured.labels[i]);
        tile_names.push_back(fmt::format("{},{}", std::floor(region.centroid_x / traced_tile),
                                         std::floor(region.centroid_y / traced_tile)));
        table.ids.push_back(fmt::format("{}_{}", stem, measured.labels[i]));
    }
    const auto same = [&](std::string name, std::string word) {
        table.set(tissue::WordColumn{
            std::move(name), std::vector<std::int32_t>(cells, 0), {std::move(word)}});
    };
    table.set(std::move(labels));
    same("image", stem);
    table.set(tissue::WordColumn::of("tile", tile_names));
    same("pipeline",
         fmt::format("stroma {} {}/{}", version(), run.step().name, run.step().version));
}

/// Of the picture: what was measured before somebody edited its labels by hand, and which labels
/// that changed. Nothing where all has to be measured.
struct EarlierCells {
    tissue::CellTable table;
    std::vector<std::uint32_t> changed;
};
Result<std::optional<EarlierCells>> earlier_cells(const StepRun& run, std::size_t at) {
    const auto tables = run.before("outputs", "cells");
    if (tables.size() != 1 || run.before("inputs", "image") != run.inputs("image"))
        return std::nullopt;
    EarlierCells found;
    for (const std::string_view port : {"labels", "nuclei"}) {
        const std::vector<fs::path>&now = run.inputs(port), old = run.before("inputs", port);
        if (now.size() != old.size()) return std::nullopt;
        if (now.empty() || now[at] == old[at]) continue;
        const Picture first = TRY(open_picture(run, old[at], true));
        const Picture second = TRY(open_picture(run, now[at], true));
        const auto more = TRY(tissue::changed_labels(*first, *second, run.watch("comparing")));
        std::vector<std::uint32_t> both;
        std::set_union(found.changed.begin(), found.changed.end(), more.begin(), more.end(),
                       std::back_inserter(both));
        found.changed = std::move(both);
    }
    found.table = TRY(open_cells(run, tables.front()));
    return found;
}

Result<tissue::CellTable> measure_one(StepRun& run, std::size_t at, const EarlierCells* earlier);

/// Cells that no hand has touched are taken as they were measured.
Result<tissue::CellTable> measure_anew(StepRun& run, std::size_t at) {
    const auto earlier = TRY(earlier_cells(run, at));
    if (!earlier) return measure_one(run, at, nullptr);
    const tissue::CellTable fresh = TRY(measure_one(run, at, &*earlier));
    auto patched = tissue::patched_cells(earlier->table, fresh, stem_of(run.inputs("image")[at]),
                                         earlier->changed);
    if (!patched) return measure_one(run, at, nullptr);
    run.tell("measured again", static_cast<double>(fresh.cell_count()));
    return *std::move(patched);
}

Result<tissue::CellTable> measure_one(StepRun& run, std::size_t at, const EarlierCells* earlier) {
    const fs::path& path = run.inputs("image")[at];
    const std::string stem = stem_of(path);
    const Picture picture = TRY(open_picture(run, path, false));
    const Picture labels = TRY(open_picture(run, run.inputs("labels")[at], true));
    Picture nuclei;
    if (!run.inputs("nuclei").empty())
        nuclei = TRY(open_picture(run, run.inputs("nuclei")[at], true));
    tissue::MeasureOptions options;
    options.statistics = run.texts("statistics");
    options.quantiles = run.numbers("quantiles");
    options.channels = TRY(channel_names(run));
    if (earlier != nullptr) options.only = earlier->changed;
    // With other cells it is another work.
    options.kept =
        kept_work(fmt::format("{}-{}{}", at, stem, earlier == nullptr ? "" : "-changed"));
    tissue::Measurement measured = TRY(
        tissue::measure(*picture, *labels, nuclei.get(), options, run.watch("measuring " + stem)));
    if (const auto watch = run.watch("going on with " + stem);
        measured.tiles_found > 0 && watch.progress)
        watch.progress(static_cast<double>(measured.tiles_found),
                       static_cast<double>(measured.tiles), "tiles that were done");
    const auto& info = picture->info();
    const auto& known = info.micrometres_x ? info.micrometres_x : labels->info().micrometres_x;
    const double micrometres =
        run.has("pixel_um") ? run.number("pixel_um") : known.value_or(std::nan(""));
    tissue::CellTable table;
    table.markers = std::move(measured.channels);
    for (auto& one : measured.tables)
        table.layers.push_back({one.name == "mean" ? "X" : one.name, std::move(one.values)});
    add_origin(run, measured, stem, table);
    add_shapes(measured, micrometres, table);
    tissue::CellEmbedding spatial{"spatial", 2, {}};
    const double scale = std::isnan(micrometres) ? 1 : micrometres;
    for (const tissue::Region& region : measured.regions) {
        spatial.values.push_back(scale * region.centroid_x);
        spatial.values.push_back(scale * region.centroid_y);
    }
    table.set(std::move(spatial));
    if (std::isnan(micrometres))
        run.tell(stem + ": note", "the pixel size isn't known: lengths are in pixels");
    return table;
}

Result<void> measure_all(StepRun& run) {
    const std::size_t images = run.inputs("image").size();
    for (const std::string_view port : {"labels", "nuclei"})
        if (const std::size_t count = run.inputs(port).size();
            count != images && !(count == 0 && port == "nuclei"))
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} images, but {} files of '{}'; each image has its own",
                                    images, count, port));
    const auto measured = [&](std::size_t at) -> Result<tissue::CellTable> {
        tissue::CellTable one = TRY(measure_anew(run, at));
        run.tell(stem_of(run.inputs("image")[at]) + ": cells",
                 static_cast<double>(one.cell_count()));
        return one;
    };
    tissue::CellTable table = TRY(measured(0));
    for (std::size_t at = 1; at < images; ++at) {
        const tissue::CellTable more = TRY(measured(at));
        TRY_WITH(tissue::append(table, more), run.inputs("image")[at].filename().string());
    }
    if (table.cell_count() == 0) run.tell("note", "the labels hold no cell");
    const std::string normalise = run.text("normalise");
    if (normalise != "none" && table.cell_count() > 0)
        TRY(tissue::normalise(table, "X", normalise, {run.number("cofactor"), 0.999, "image"}));
    if (run.flag("csv")) {
        TRY(remove_file(run.output() / "cells.csv"));
        TRY(tissue::write_csv(table, run.output() / "cells.csv"));
        run.made("table", "cells.csv");
    }
    run.tell("cells", static_cast<double>(table.cell_count()));
    run.tell("channels", static_cast<double>(table.markers.size()));
    run.made("cells", TRY(write_cells(run, std::move(table), "cells")));
    return {};
}

}  // namespace

Step measure_step() {
    using enum ParameterType;
    return {
        .name = "measure",
        .summary = "Shape and brightness of every cell, in every channel and compartment",
        .inputs = {{"image", "image", "pictures"},
                   {"labels", "labels", "cells, one file for each picture; any 32-bit mask"},
                   {"nuclei", "labels",
                    "nuclei with the ids of their cells: then nucleus and "
                    "cytoplasm are measured too",
                    false},
                   {"markers", "table", "CSV with the channels' names as marker_name", false}},
        .outputs = {{"cells", "cells", "cells.h5ad: X the means, layers, shapes, places in um"},
                    {"table", "table", "the same as cells.csv", false}},
        .parameters = {{"statistics", texts, "[\"mean\", \"median\", \"std\", \"sum\"]",
                        "of mean, median, min, max, std, sum"},
                       {"quantiles", numbers, "[0.1, 0.9]", "beside them", 0, 1},
                       {"channels", texts, "[]", "names in place of the image's"},
                       {"pixel_um", number, "null", "side of a pixel, where the image doesn't say",
                        1e-6, 1e6},
                       {"normalise",
                        text,
                        "\"none\"",
                        "a layer of that name beside the means, by image",
                        {},
                        {},
                        {"none", "arcsinh", "log1p", "zscore", "percentile"}},
                       {"cofactor", number, "0",
                        "of arcsinh(x / cofactor); 0 is 5 times the 20 % quantile", 0, 1e9},
                       {"csv", flag, "true", "write cells.csv too"}},
        .run = measure_all,
    };
}

}  // namespace stroma::app
