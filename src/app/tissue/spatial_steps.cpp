#include <fmt/format.h>

#include <cmath>
#include <set>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_tables.h"
#include "tissue/statistics/distances.h"
#include "tissue/statistics/enrichment.h"
#include "tissue/statistics/neighbourhoods.h"
#include "tissue/statistics/samples.h"

namespace stroma::app {
namespace {

std::string text_of(double value) { return CsvText::number(value); }

StepParameter kind_parameter() {
    return {"kind", ParameterType::text, "\"phenotype\"", "column with the cells' kinds"};
}
StepParameter image_parameter() {
    return {"by", ParameterType::text, "\"image\"",
            "column whose groups are apart; \"\" for one image"};
}

/// Cells with their places and kinds, image by image. Whoever has no column "image" has one image.
struct KindsInImages {
    tissue::CellTable table;
    Kinds kinds;
    tissue::Places places;
    std::vector<CellGroup> images;
};

Result<KindsInImages> kinds_in_images(const StepRun& run) {
    KindsInImages out;
    out.table = TRY(open_all_cells(run));
    out.kinds = sorted_kinds(TRY(words_named(out.table, run.text("kind"))));
    out.places = TRY(places_of(out.table));
    std::string by = run.text("by");
    if (by == "image" && out.table.word(by) == nullptr && out.table.number(by) == nullptr)
        by.clear();
    out.images = TRY(cell_groups(out.table, by));
    return out;
}

void add_pairs(const std::string& image, const Kinds& kinds, const tissue::Enrichment& exact,
               const tissue::ScimapInteraction* scimap, const tissue::PermutedEnrichment* shuffled,
               const tissue::PermutedEnrichment* histocat, CsvText& csv) {
    for (std::size_t a = 0; a < exact.kinds; ++a)
        for (std::size_t b = 0; b < exact.kinds; ++b) {
            const std::size_t at = a * exact.kinds + b;
            std::vector<std::string> row = {image,
                                            kinds.names[a],
                                            kinds.names[b],
                                            text_of(exact.counts[at]),
                                            text_of(exact.means[at]),
                                            text_of(exact.sds[at]),
                                            text_of(exact.z[at]),
                                            text_of(tissue::normal_two_sided(exact.z[at])),
                                            scimap == nullptr ? "" : text_of(scimap->effects[at]),
                                            scimap == nullptr ? "" : text_of(scimap->p[at])};
            if (shuffled != nullptr)
                row.insert(row.end(),
                           {text_of(shuffled->enrichment.z[at]), text_of(shuffled->p_high[at]),
                            text_of(shuffled->p_low[at]), text_of(histocat->enrichment.counts[at]),
                            text_of(histocat->p_high[at]), text_of(histocat->p_low[at])});
            csv.row(row);
        }
}

Result<void> interactions(StepRun& run) {
    const KindsInImages cells = TRY(kinds_in_images(run));
    const auto shuffles = static_cast<std::uint32_t>(run.integer("shuffles"));
    const auto seed = static_cast<std::uint64_t>(run.integer("seed"));
    std::vector<std::string> heads = {"image", "source", "target", "count",  "mean",
                                      "sd",    "z",      "p",      "scimap", "scimap_p"};
    if (shuffles > 0)
        heads.insert(heads.end(), {"shuffled_z", "shuffled_p_high", "shuffled_p_low", "histocat",
                                   "histocat_p_high", "histocat_p_low"});
    CsvText csv(heads);
    std::vector<tissue::Enrichment> all;
    double edges = 0;
    const std::size_t kinds = cells.kinds.names.size();
    const expression::Watch watch = run.watch("finding interactions");
    for (const CellGroup& image : cells.images) {
        const tissue::SpatialGraph graph = TRY(graph_asked(run, take(cells.places, image.cells)));
        const auto here = take(cells.kinds.of_cells, image.cells);
        all.push_back(tissue::exact_enrichment(graph, here, kinds));
        edges += static_cast<double>(graph.edge_count());
        std::optional<tissue::PermutedEnrichment> shuffled, histocat;
        if (shuffles > 0) {
            shuffled = tissue::permuted_enrichment(graph, here, kinds, shuffles, seed);
            histocat = tissue::permuted_interaction(graph, here, kinds, shuffles, seed);
        }
        const auto scimap = tissue::scimap_interaction(graph, here, kinds);
        add_pairs(image.name, cells.kinds, all.back(), &scimap, shuffled ? &*shuffled : nullptr,
                  histocat ? &*histocat : nullptr, csv);
        if (watch.progress)
            watch.progress(static_cast<double>(all.size()),
                           static_cast<double>(cells.images.size()), "images");
    }
    if (all.size() > 1 && shuffles == 0)
        add_pairs("(all)", cells.kinds, tissue::together(all), nullptr, nullptr, nullptr, csv);
    TRY(csv.write(run.output() / "interactions.csv"));
    run.made("table", "interactions.csv");
    run.tell("cells", static_cast<double>(cells.table.cell_count()));
    run.tell("edges", edges);
    run.tell("images", static_cast<double>(cells.images.size()));
    return {};
}

/// Graphs of the images as one over all cells.
Result<tissue::SpatialGraph> graph_of_images(const StepRun& run, const KindsInImages& cells) {
    std::vector<std::vector<std::uint32_t>> rows(cells.table.cell_count());
    for (const CellGroup& image : cells.images) {
        const tissue::SpatialGraph graph = TRY(graph_asked(run, take(cells.places, image.cells)));
        for (std::size_t i = 0; i < image.cells.size(); ++i)
            for (std::uint64_t e = graph.starts[i]; e < graph.starts[i + 1]; ++e)
                rows[image.cells[i]].push_back(image.cells[graph.nodes[e]]);
    }
    tissue::SpatialGraph out;
    for (const auto& row : rows) {
        out.nodes.insert(out.nodes.end(), row.begin(), row.end());
        out.starts.push_back(out.nodes.size());
    }
    return out;
}

/// How many different rows there are, up to `most`.
std::size_t different_rows(const std::vector<float>& values, std::size_t columns,
                           std::size_t most) {
    std::set<std::vector<float>> found;
    for (std::size_t at = 0; columns > 0 && at + columns <= values.size() && found.size() < most;
         at += columns)
        found.emplace(values.begin() + static_cast<std::ptrdiff_t>(at),
                      values.begin() + static_cast<std::ptrdiff_t>(at + columns));
    return found.size();
}

Result<void> find_neighbourhoods(StepRun& run) {
    KindsInImages cells = TRY(kinds_in_images(run));
    const tissue::SpatialGraph graph = TRY(graph_of_images(run, cells));
    cluster::KMeansOptions options;
    options.clusters = static_cast<std::uint32_t>(run.integer("groups"));
    options.seed = static_cast<std::uint64_t>(run.integer("seed"));
    const expression::Watch watch = run.watch("grouping windows");
    const cluster::Steps steps{[&](std::string_view, double done, double total) {
                                   if (watch.progress) watch.progress(done, total, "starts");
                               },
                               {}};
    const std::size_t kinds = cells.kinds.names.size();
    const std::vector<float> shares =
        tissue::window_shares(graph, cells.kinds.of_cells, kinds, run.flag("with_itself"));
    const std::size_t different = different_rows(shares, kinds, options.clusters);
    if (different < options.clusters) {
        run.tell("note", fmt::format("{} groups in place of {}: so many different mixtures there "
                                     "are",
                                     different, options.clusters));
        options.clusters = static_cast<std::uint32_t>(different);
    }
    tissue::Neighbourhoods made;
    made.kind_count = kinds;
    if (different > 0) made = TRY(tissue::neighbourhoods(shares, kinds, options, steps));
    CsvText csv({"neighbourhood", "kind", "share", "log2_enrichment"});
    for (std::size_t group = 0; group < made.group_count; ++group)
        for (std::size_t kind = 0; kind < made.kind_count; ++kind) {
            const std::size_t at = group * made.kind_count + kind;
            csv.row({std::to_string(group), cells.kinds.names[kind], text_of(made.shares[at]),
                     text_of(made.enrichment[at])});
        }
    TRY(csv.write(run.output() / "neighbourhoods.csv"));
    run.made("table", "neighbourhoods.csv");
    tissue::WordColumn column{run.text("column"), {}, {}};
    for (std::size_t group = 0; group < made.group_count; ++group)
        column.levels.push_back(std::to_string(group));
    for (const std::uint32_t group : made.groups)
        column.codes.push_back(static_cast<std::int32_t>(group));
    cells.table.set(std::move(column));
    cells.table.set(tissue::CellEmbedding{
        "window_shares", static_cast<std::uint32_t>(kinds), {shares.begin(), shares.end()}});
    run.tell("stability", made.stability);
    run.made("cells", TRY(write_cells(run, std::move(cells.table), "cells")));
    return {};
}

std::vector<double> radii_asked(const StepRun& run) {
    std::vector<double> radii = run.numbers("radii");
    for (int i = 1; i <= 20 && run.numbers("radii").empty(); ++i) radii.push_back(10.0 * i);
    return radii;
}

Result<void> add_ripley(const StepRun& run, const KindsInImages& cells, const CellGroup& image,
                        const tissue::Places& places, CsvText& csv) {
    const auto here = take(cells.kinds.of_cells, image.cells);
    for (std::size_t kind = 0; kind < cells.kinds.names.size(); ++kind) {
        std::vector<std::uint32_t> of_kind;
        for (std::uint32_t i = 0; i < here.size(); ++i)
            if (here[i] == static_cast<std::int32_t>(kind)) of_kind.push_back(i);
        if (of_kind.size() < 2) continue;
        const auto made = TRY(tissue::ripley(places, of_kind, radii_asked(run),
                                             static_cast<std::uint32_t>(run.integer("simulations")),
                                             static_cast<std::uint64_t>(run.integer("seed"))));
        const auto at = [](const std::vector<double>& values, std::size_t i) {
            return i < values.size() ? text_of(values[i]) : std::string();
        };
        for (std::size_t r = 0; r < made.radii.size(); ++r)
            csv.row({image.name, cells.kinds.names[kind], std::to_string(made.cells),
                     text_of(made.radii[r]), at(made.k, r), at(made.l, r), at(made.l_low, r),
                     at(made.l_high, r), at(made.l_p, r), at(made.g, r), at(made.g_p, r),
                     at(made.f, r)});
    }
    return {};
}

Result<void> distances(StepRun& run) {
    const KindsInImages cells = TRY(kinds_in_images(run));
    const std::vector<double> radii = radii_asked(run);
    CsvText together({"image", "from", "kind", "radius", "ratio"});
    CsvText curves(
        {"image", "kind", "cells", "radius", "K", "L", "L_low", "L_high", "L_p", "G", "G_p", "F"});
    const std::size_t kinds = cells.kinds.names.size();
    for (const CellGroup& image : cells.images) {
        const tissue::Places places = take(cells.places, image.cells);
        const auto made = TRY(
            tissue::co_occurrence(places, take(cells.kinds.of_cells, image.cells), kinds, radii));
        for (std::size_t from = 0; from < kinds; ++from)
            for (std::size_t kind = 0; kind < kinds; ++kind)
                for (std::size_t r = 0; r < radii.size(); ++r)
                    together.row({image.name, cells.kinds.names[from], cells.kinds.names[kind],
                                  text_of(radii[r]), text_of(made.at(from, kind, r))});
        if (run.flag("ripley")) TRY(add_ripley(run, cells, image, places, curves));
    }
    TRY(together.write(run.output() / "co_occurrence.csv"));
    run.made("co_occurrence", "co_occurrence.csv");
    if (run.flag("ripley")) {
        TRY(curves.write(run.output() / "ripley.csv"));
        run.made("ripley", "ripley.csv");
    }
    run.tell("cells", static_cast<double>(cells.table.cell_count()));
    return {};
}

}  // namespace

Step interactions_step() {
    using enum ParameterType;
    Step step{
        .name = "interactions",
        .summary = "Which kinds of cells lie beside each other more often than by chance, exactly",
        .inputs = {{"cells", "cells", "a table of cells with places and kinds"}},
        .outputs = {{"table", "table", "of each image and pair: count, mean, sd, z, p; scimap's"}},
        .parameters = {kind_parameter(),
                       image_parameter(),
                       {"shuffles", integer, "0",
                        "so many shuffled labels beside the exact form: Squidpy's and histoCAT's "
                        "tests",
                        0, 100000},
                       {"seed", integer, "0", "of the shuffles", 0, 1e9}},
        .run = interactions,
    };
    for (StepParameter& parameter : graph_parameters()) step.parameters.push_back(parameter);
    return step;
}

Step neighbourhoods_step() {
    using enum ParameterType;
    Step step{
        .name = "neighbourhoods",
        .summary = "Groups of places with alike mixtures of kinds of cells",
        .inputs = {{"cells", "cells", "a table of cells with places and kinds"}},
        .outputs = {{"cells", "cells",
                     "the same with a column of neighbourhoods, and each window's shares"},
                    {"table", "table",
                     "of each neighbourhood: shares of kinds, log2 of these over "
                     "the usual"}},
        .parameters = {kind_parameter(),
                       image_parameter(),
                       {"groups", integer, "10", "how many", 1, 1000},
                       {"with_itself", flag, "true", "a cell is part of its own window"},
                       {"column", text, "\"neighbourhood\"", "what their column is called"},
                       {"seed", integer, "0", "of k-means", 0, 1e9}},
        .run = find_neighbourhoods,
    };
    for (StepParameter& parameter : graph_parameters()) {
        // A window is a cell and its neighbours: ten cells, as Schürch et al. have it.
        if (parameter.name == "neighbours") parameter.otherwise = "9";
        step.parameters.push_back(parameter);
    }
    return step;
}

Step distances_step() {
    using enum ParameterType;
    return {
        .name = "distances",
        .summary = "Co-occurrence of kinds by distance, and Ripley's K, L, G and F",
        .inputs = {{"cells", "cells", "a table of cells with places and kinds"}},
        .outputs = {{"co_occurrence", "table", "of each pair of kinds and radius"},
                    {"ripley", "table", "of each kind and radius", false}},
        .parameters = {kind_parameter(),
                       image_parameter(),
                       {"radii", numbers, "[]", "in um, rising; none: 10 to 200 by 10", 1e-6, 1e6},
                       {"ripley", flag, "true", "write ripley.csv"},
                       {"simulations", integer, "99", "random sets that Ripley's are beside", 0,
                        10000},
                       {"seed", integer, "0", "of these", 0, 1e9}},
        .run = distances,
    };
}

}  // namespace stroma::app
