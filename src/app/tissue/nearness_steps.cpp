#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_tables.h"
#include "tissue/statistics/autocorrelation.h"
#include "tissue/statistics/distances.h"

// How far cells lie from kinds of cells, and how alike neighbours are.

namespace stroma::app {
namespace {

/// Groups of the column `by`; a table without the usual column "image" is one image.
Result<std::vector<CellGroup>> images_asked(const StepRun& run, const tissue::CellTable& table) {
    std::string by = run.text("by");
    if (by == "image" && table.word(by) == nullptr && table.number(by) == nullptr) by.clear();
    return cell_groups(table, by);
}

StepParameter images_parameter() {
    return {"by", ParameterType::text, "\"image\"",
            "column whose groups are apart; \"\" for one image"};
}

/// Rows of the CSV: of each kind looked from, how far the nearest of the kind looked to is.
void add_ways(const std::string& image, const Kinds& kinds, const std::vector<std::int32_t>& here,
              std::size_t to, const std::vector<double>& ways, CsvText& csv) {
    for (std::size_t from = 0; from < kinds.names.size(); ++from) {
        std::vector<double> known;
        double sum = 0;
        for (std::size_t i = 0; i < here.size(); ++i)
            if (here[i] == static_cast<std::int32_t>(from) && !std::isnan(ways[i])) {
                known.push_back(ways[i]);
                sum += ways[i];
            }
        if (known.empty()) continue;
        std::sort(known.begin(), known.end());
        const double middle = (known[(known.size() - 1) / 2] + known[known.size() / 2]) / 2;
        csv.row({image, kinds.names[from], kinds.names[to], std::to_string(known.size()),
                 CsvText::number(sum / static_cast<double>(known.size())),
                 CsvText::number(middle)});
    }
}

Result<void> proximity(StepRun& run) {
    tissue::CellTable table = TRY(open_all_cells(run));
    const Kinds kinds = sorted_kinds(TRY(words_named(table, run.text("kind"))));
    const tissue::Places places = TRY(places_of(table));
    const std::vector<std::string>& asked = run.texts("to");
    CsvText csv({"image", "from", "to", "cells", "mean", "median"});
    const auto images = TRY(images_asked(run, table));
    for (const std::string& name : asked)
        if (std::find(kinds.names.begin(), kinds.names.end(), name) == kinds.names.end())
            return fail(ErrorCode::invalid_input,
                        fmt::format("parameters.to: no cell is a '{}'; column '{}' has {}", name,
                                    run.text("kind"), fmt::join(kinds.names, ", ")));
    for (std::size_t to = 0; to < kinds.names.size(); ++to) {
        if (!asked.empty() && std::find(asked.begin(), asked.end(), kinds.names[to]) == asked.end())
            continue;
        tissue::NumberColumn column{"distance_to_" + kinds.names[to],
                                    std::vector<double>(table.cell_count())};
        for (const CellGroup& image : images) {
            const auto here = take(kinds.of_cells, image.cells);
            const auto ways = tissue::distances_to_kind(take(places, image.cells), here,
                                                        static_cast<std::int32_t>(to));
            for (std::size_t i = 0; i < ways.size(); ++i) column.values[image.cells[i]] = ways[i];
            add_ways(image.name, kinds, here, to, ways, csv);
        }
        table.set(std::move(column));
    }
    TRY(csv.write(run.output() / "proximity.csv"));
    run.made("table", "proximity.csv");
    run.tell("cells", static_cast<double>(table.cell_count()));
    run.made("cells", TRY(write_cells(run, std::move(table), "cells")));
    return {};
}

/// The layer's rows of those cells.
std::vector<float> rows_of(const tissue::MarkerLayer& layer, std::size_t markers,
                           const std::vector<std::uint32_t>& cells) {
    std::vector<float> out;
    out.reserve(cells.size() * markers);
    for (const std::uint32_t cell : cells) {
        const auto from = layer.values.begin() + static_cast<std::ptrdiff_t>(cell * markers);
        out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(markers));
    }
    return out;
}

Result<void> find_autocorrelation(StepRun& run) {
    const tissue::CellTable table = TRY(open_all_cells(run));
    const tissue::Places places = TRY(places_of(table));
    const tissue::MarkerLayer* const layer = table.layer(run.text("layer"));
    if (layer == nullptr)
        return fail(ErrorCode::invalid_input,
                    fmt::format("parameters.layer: the cells have no layer '{}'; 'X' is there",
                                run.text("layer")));
    CsvText csv({"image", "marker", "cells", "moran", "moran_mean", "moran_sd", "moran_z",
                 "moran_p", "geary", "geary_sd", "geary_z", "geary_p"});
    const std::size_t markers = table.markers.size();
    for (const CellGroup& image : TRY(images_asked(run, table))) {
        const tissue::SpatialGraph graph = TRY(graph_asked(run, take(places, image.cells)));
        const auto found = tissue::autocorrelation(graph, rows_of(*layer, markers, image.cells),
                                                   markers, run.flag("by_row"));
        for (std::size_t marker = 0; marker < markers; ++marker) {
            const tissue::Autocorrelation& one = found[marker];
            std::vector<std::string> row = {image.name, table.markers[marker],
                                            std::to_string(image.cells.size())};
            for (const double number :
                 {one.moran, one.moran_mean, one.moran_sd, one.moran_z, one.moran_p, one.geary,
                  one.geary_sd, one.geary_z, one.geary_p})
                row.push_back(CsvText::number(number));
            csv.row(row);
        }
    }
    TRY(csv.write(run.output() / "autocorrelation.csv"));
    run.made("table", "autocorrelation.csv");
    run.tell("cells", static_cast<double>(table.cell_count()));
    return {};
}

}  // namespace

Step proximity_step() {
    using enum ParameterType;
    return {
        .name = "proximity",
        .summary = "How far each cell lies from the nearest one of a kind",
        .inputs = {{"cells", "cells", "a table of cells with places and kinds"}},
        .outputs = {{"cells", "cells", "the same with columns distance_to_…, in um"},
                    {"table", "table", "of each image and pair of kinds: cells, mean, median"}},
        .parameters = {{"kind", text, "\"phenotype\"", "column with the cells' kinds"},
                       images_parameter(),
                       {"to", texts, "[]", "kinds that are looked for; none: all"}},
        .run = proximity,
    };
}

Step autocorrelation_step() {
    using enum ParameterType;
    Step step{
        .name = "autocorrelation",
        .summary = "How alike neighbours are in each marker: Moran's I and Geary's C",
        .inputs = {{"cells", "cells", "a table of cells with places"}},
        .outputs = {{"table", "table", "of each image and marker: I, C, their z and p"}},
        .parameters = {images_parameter(),
                       {"layer", text, "\"X\"", "which numbers of the markers"},
                       {"by_row", flag, "true", "each cell's neighbours weigh 1 together"}},
        .run = find_autocorrelation,
    };
    for (StepParameter& parameter : graph_parameters()) step.parameters.push_back(parameter);
    return step;
}

}  // namespace stroma::app
