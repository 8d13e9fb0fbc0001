#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "cluster/k_means.h"
#include "cluster/layout.h"
#include "cluster/leiden.h"
#include "cluster/principal_components.h"
#include "tissue/measure/normalise.h"

namespace stroma::app {
namespace {

constexpr std::size_t cells_least = 10;

/// Cells as points: a layer's chosen markers, changed and brought to one scale.
struct MarkerPoints {
    std::uint32_t dims = 0;
    std::vector<float> values;
    cluster::Points points() const { return {dims, values}; }
};

std::vector<StepParameter> point_parameters() {
    using enum ParameterType;
    return {{"layer", text, "\"X\"", "the values that cells are compared by"},
            {"markers", texts, "[]", "only these; none: all"},
            {"transform",
             text,
             "\"zscore\"",
             "before: zscore of arcsinh, arcsinh, log1p, percentile, none",
             {},
             {},
             {"zscore", "arcsinh", "log1p", "percentile", "none"}},
            {"cofactor", number, "0", "of arcsinh; 0 is found out for each marker", 0, 1e9},
            {"by", text, "\"\"", "column in whose groups that is done, such as image"},
            {"neighbours", integer, "15", "of each cell in the graph", 2, 500},
            {"seed", integer, "0", "of what is random", 0, 1e9}};
}

Result<MarkerPoints> marker_points(const StepRun& run, tissue::CellTable& table) {
    std::string layer = run.text("layer");
    if (run.text("transform") != "none") {
        const bool was_there = table.layer(run.text("transform")) != nullptr;
        tissue::CellTable changed;
        changed.ids = table.ids;
        changed.markers = table.markers;
        changed.words = table.words;
        if (const auto* from = table.layer(layer)) changed.set(*from);
        TRY(tissue::normalise(changed, layer, run.text("transform"),
                              {run.number("cofactor"), 0.999, run.text("by")}));
        layer = run.text("transform");
        if (!was_there) table.set(*changed.layer(layer));
    }
    const tissue::MarkerLayer* const from = table.layer(layer);
    if (from == nullptr)
        return fail(ErrorCode::invalid_input, fmt::format("the cells have no layer '{}'", layer));
    std::vector<std::size_t> places;
    for (const std::string& marker : run.texts("markers")) {
        const auto at = std::find(table.markers.begin(), table.markers.end(), marker);
        if (at == table.markers.end())
            return fail(ErrorCode::invalid_input,
                        fmt::format("there is no marker '{}'; there are {}", marker,
                                    fmt::join(table.markers, ", ")));
        places.push_back(static_cast<std::size_t>(at - table.markers.begin()));
    }
    for (std::size_t i = 0; i < table.markers.size() && run.texts("markers").empty(); ++i)
        places.push_back(i);
    MarkerPoints out{static_cast<std::uint32_t>(places.size()), {}};
    for (std::size_t cell = 0; cell < table.cell_count(); ++cell)
        for (const std::size_t place : places) {
            const float value = from->values[cell * table.markers.size() + place];
            out.values.push_back(std::isfinite(value) ? value : 0);
        }
    return out;
}

cluster::Steps steps_of(const StepRun& run, const std::string& title) {
    const expression::Watch watch = run.watch(title);
    return {[watch](std::string_view, double done, double total) {
                if (watch.progress) watch.progress(done, total, "");
            },
            {}};
}

Result<cluster::CellGraph> cell_graph(const StepRun& run, const MarkerPoints& cells) {
    const auto count = static_cast<std::uint32_t>(std::min<std::int64_t>(
        run.integer("neighbours"), static_cast<std::int64_t>(cells.points().count()) - 1));
    if (cells.points().count() < cells_least)
        return fail(ErrorCode::invalid_input, fmt::format("{} cells make no layout; it takes {}",
                                                          cells.points().count(), cells_least));
    const auto found = TRY(cluster::find_neighbours(cells.points(), count,
                                                    static_cast<std::uint64_t>(run.integer("seed")),
                                                    steps_of(run, "finding neighbours")));
    return cluster::graph_of(found);
}

void add_clusters(StepRun& run, const std::vector<std::uint32_t>& clusters,
                  tissue::CellTable& table) {
    std::uint32_t count = 0;
    for (const std::uint32_t one : clusters) count = std::max(count, one + 1);
    tissue::WordColumn column{run.text("column"), {}, {}};
    for (std::uint32_t i = 0; i < count; ++i) column.levels.push_back(std::to_string(i));
    for (const std::uint32_t one : clusters) column.codes.push_back(static_cast<std::int32_t>(one));
    run.tell("clusters", count);
    table.set(std::move(column));
}

Result<void> cluster_cells(StepRun& run) {
    tissue::CellTable table = TRY(open_all_cells(run));
    if (table.cell_count() < cells_least) {
        // One slide with next to nothing on it doesn't end a run of many.
        run.tell("note", fmt::format("{} cells are one group: fewer than {} aren't told apart",
                                     table.cell_count(), cells_least));
        add_clusters(run, std::vector<std::uint32_t>(table.cell_count()), table);
        run.made("cells", TRY(write_cells(run, std::move(table), "cells")));
        return {};
    }
    const MarkerPoints cells = TRY(marker_points(run, table));
    const auto seed = static_cast<std::uint64_t>(run.integer("seed"));
    if (run.text("method") == "kmeans") {
        cluster::KMeansOptions options;
        options.clusters = static_cast<std::uint32_t>(run.integer("clusters"));
        options.seed = seed;
        const auto made = TRY(cluster::k_means(cells.points(), options, steps_of(run, "k-means")));
        run.tell("inertia", made.inertia);
        add_clusters(run, made.clusters, table);
    } else {
        const cluster::CellGraph graph = TRY(cell_graph(run, cells));
        const cluster::LeidenOptions options{run.number("resolution"), seed, 10};
        const auto groups = TRY(cluster::leiden(graph, options, steps_of(run, "finding clusters")));
        run.tell("modularity", cluster::modularity(graph, groups, options.resolution));
        add_clusters(run, groups, table);
    }
    run.made("cells", TRY(write_cells(run, std::move(table), "cells")));
    return {};
}

/// The first two principal components, where a layout begins.
Result<std::vector<float>> first_components(const MarkerPoints& cells, std::uint64_t seed,
                                            const cluster::Steps& steps) {
    cluster::SparseRows rows;
    rows.columns = cells.dims;
    std::vector<std::uint32_t> markers;
    for (std::uint32_t i = 0; i < cells.dims; ++i) markers.push_back(i);
    for (std::size_t cell = 0; cell < cells.points().count(); ++cell) {
        for (std::uint32_t i = 0; i < cells.dims; ++i) {
            const float value = cells.values[cell * cells.dims + i];
            if (value == 0) continue;
            rows.places.push_back(i);
            rows.values.push_back(value);
        }
        rows.starts.push_back(rows.places.size());
    }
    const auto made = TRY(cluster::principal_components(
        cluster::prepared(std::move(rows), std::move(markers)), 2, seed, steps));
    return made.scores;
}

Result<void> embed(StepRun& run) {
    tissue::CellTable table = TRY(open_all_cells(run));
    const MarkerPoints cells = TRY(marker_points(run, table));
    if (cells.dims < 3)
        return fail(ErrorCode::invalid_input, "three markers at least make a layout");
    const auto seed = static_cast<std::uint64_t>(run.integer("seed"));
    const cluster::CellGraph graph = TRY(cell_graph(run, cells));
    const std::vector<float> start =
        TRY(first_components(cells, seed, steps_of(run, "finding components")));
    const auto places =
        TRY(cluster::lay_out(graph, {2, start}, {seed, 0}, steps_of(run, "laying out")));
    tissue::CellEmbedding embedding{run.text("name"), 2, {}};
    for (const float place : places) embedding.values.push_back(static_cast<double>(place));
    table.set(std::move(embedding));
    run.tell("cells", static_cast<double>(table.cell_count()));
    run.made("cells", TRY(write_cells(run, std::move(table), "cells")));
    return {};
}

}  // namespace

Step cluster_step() {
    using enum ParameterType;
    Step step{
        .name = "cluster",
        .summary =
            "Groups of cells with alike markers: Leiden on a graph of neighbours, or k-means",
        .inputs = {{"cells", "cells", "a table of cells"}},
        .outputs = {{"cells", "cells", "the same with a column of groups, 0 the largest"}},
        .parameters = point_parameters(),
        .run = cluster_cells,
    };
    step.parameters.insert(
        step.parameters.end(),
        {{"method", text, "\"leiden\"", "leiden or kmeans", {}, {}, {"leiden", "kmeans"}},
         {"resolution", number, "1", "of leiden: more gives more groups", 0.001, 100},
         {"clusters", integer, "10", "of kmeans", 1, 1000},
         {"column", text, "\"cluster\"", "what the groups' column is called"}});
    return step;
}

Step embed_step() {
    using enum ParameterType;
    Step step{
        .name = "embed",
        .summary = "A picture of alike cells, by UMAP's method",
        .inputs = {{"cells", "cells", "a table of cells"}},
        .outputs = {{"cells", "cells", "the same with a place for each cell in obsm"}},
        .parameters = point_parameters(),
        .run = embed,
    };
    step.parameters.push_back({"name", text, "\"X_umap\"", "what it is called in obsm"});
    return step;
}

}  // namespace stroma::app
