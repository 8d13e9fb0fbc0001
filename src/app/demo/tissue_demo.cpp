#include "app/demo/tissue_demo.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "app/demo/demo_slides.h"
#include "app/flow/flow_verbs.h"
#include "app/terminal/progress_line.h"
#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"
#include "expression/text/table.h"
#include "image/tiff/ome_tiff_writer.h"

namespace stroma::app {
namespace {

/// All that a slide set needs; whose slides are called otherwise changes the patterns.
constexpr std::string_view demo_pipeline =
    R"(# From slides to cells, kinds, frequencies and interactions, beside what is true of them:
#   stroma pipeline run tissue-demo.yaml --input . --output results --data lab
pipeline: tissue-demo
version: 1
inputs:
  slides: "*.ome.tiff"
  true_nuclei: "*.truth.tif"
  true_cells: "*.truth.csv"
  samples: "samples.csv"
parameters:
  expand: 4
  border_share: 0.35
stages:
  light:
    step: correct
    inputs: {image: slides}
  nuclei:
    step: segment
    inputs: {image: light.image}
    parameters: {channel: DAPI, expand: "${expand}", border_share: "${border_share}"}
    resources: {cores: 2, memory: 2GiB}
  quality:
    step: quality
    inputs: {image: slides, labels: nuclei.nuclei}
  cells:
    step: measure
    inputs: {image: light.image, labels: nuclei.labels, nuclei: nuclei.nuclei}
    resources: {cores: 1, memory: 2GiB}
  kinds:
    step: gate
    inputs: {cells: cells.cells}
    parameters:
      tree:
        Tumour: {pos: [PanCK]}
        B cell: {pos: [CD20]}
        Macrophage: {pos: [CD68]}
        Stroma: {pos: [VIM]}
        Helper T: {pos: [CD3], neg: [CD8]}
        Cytotoxic T: {allpos: [CD3, CD8]}
  frequencies:
    step: frequencies
    inputs: {cells: kinds.cells, samples: samples}
    parameters: {group: response}
  interactions:
    step: interactions
    inputs: {cells: kinds.cells}
  places:
    step: neighbourhoods
    inputs: {cells: kinds.cells}
    parameters: {groups: 4}
  mosaic:
    step: mosaic
    inputs: {image: light.image, labels: nuclei.labels, cells: places.cells}
    resources: {cores: 1, memory: 2GiB}
  truth:
    step: score
    inputs:
      labels: nuclei.nuclei
      true_labels: true_nuclei
      cells: kinds.cells
      true_cells: true_cells
)";

struct TissueDemoOptions {
    std::string folder;
    std::int64_t seed = 1, patients = 6;
};

Result<void> write_planes(const std::string& name, const Slide& slide, const SlideShape& shape,
                          const fs::path& path) {
    image::OmeTiff picture;
    picture.name = name;
    picture.width = picture.height = slide.side;
    picture.type = image::PixelType::uint16;
    picture.channels.assign(slide_channels.begin(), slide_channels.end());
    picture.micrometres_x = picture.micrometres_y = shape.micrometres;
    picture.row = [&](std::size_t channel, std::uint64_t y) -> Result<const std::byte*> {
        return reinterpret_cast<const std::byte*>(slide.pixels[channel].data() + y * slide.side);
    };
    TRY(remove_file(path));
    return image::write_ome_tiff(picture, path);
}

Result<void> write_truth(const Slide& slide, const SlideShape& shape, const fs::path& folder) {
    image::OmeTiff labels;
    labels.name = "nuclei";
    labels.width = labels.height = slide.side;
    labels.channels = {"nuclei"};
    labels.are_labels = true;
    labels.micrometres_x = labels.micrometres_y = shape.micrometres;
    labels.row = [&](std::size_t, std::uint64_t y) -> Result<const std::byte*> {
        return reinterpret_cast<const std::byte*>(slide.nuclei.data() + y * slide.side);
    };
    TRY(remove_file(folder / (slide.name + ".truth.tif")));
    TRY(image::write_ome_tiff(labels, folder / (slide.name + ".truth.tif")));
    std::string cells = "CellID,radius,X_centroid,Y_centroid,kind\n";
    for (std::size_t at = 0; at < slide.cells.size(); ++at) {
        const SlideCell& cell = slide.cells[at];
        cells += fmt::format("{},{:.3f},{:.3f},{:.3f},{}\n", at + 1,
                             shape.micrometres * (cell.across + cell.down) / 2,
                             shape.micrometres * cell.x, shape.micrometres * cell.y,
                             slide_kinds[static_cast<std::size_t>(cell.kind)]);
    }
    return replace_file(folder / (slide.name + ".truth.csv"), as_bytes(cells));
}

/// Slides, truth, samples and pipeline.
Result<void> write_study(const TissueDemoOptions& options, Invocation& invocation) {
    const fs::path folder = options.folder;
    TRY(make_folders(folder));
    const SlideShape shape{.seed = static_cast<std::uint64_t>(options.seed),
                           .patients = static_cast<std::uint32_t>(options.patients)};
    ProgressLine line(*invocation.terminal, system_clock(), "slides");
    std::string samples = "image,patient,response\n";
    for (std::uint32_t patient = 0; patient < shape.patients; ++patient) {
        if (invocation.stop.stop_requested())
            return fail(ErrorCode::cancelled, "the demo was interrupted");
        line.update({"drawing", double(patient), double(shape.patients), "slides"});
        const Slide slide = make_slide(shape, patient);
        TRY(write_planes(slide.name, slide, shape, folder / (slide.name + ".ome.tiff")));
        TRY(write_truth(slide, shape, folder));
        // The step "correct" names what it makes so.
        samples += fmt::format("{0}.corrected,{0},{1}\n", slide.name,
                               slide.responds ? "responds" : "does not");
    }
    line.clear();
    TRY(replace_file(folder / "samples.csv", as_bytes(samples)));
    return replace_file(folder / "tissue-demo.yaml", as_bytes(demo_pipeline));
}

/// Runs on a terminal of its own, which keeps what is printed.
class KeptTerminal final : public Terminal {
public:
    explicit KeptTerminal(Terminal& shown) : shown_(shown) { set_quiet(shown.quiet()); }
    void print(std::string_view text) override { kept_ += text; }
    void print_error(std::string_view text) override { shown_.print_error(text); }
    const std::string& kept() const { return kept_; }

private:
    Terminal& shown_;
    std::string kept_;
};

Result<Json> run_pipeline(const TissueDemoOptions& options, const Invocation& invocation) {
    Invocation inner = invocation;
    KeptTerminal terminal(*invocation.terminal);
    inner.terminal = &terminal;
    inner.json = true;
    FlowOptions flow;
    flow.file = fs::path(options.folder) / "tissue-demo.yaml";
    flow.input = options.folder;
    flow.output = fs::path(options.folder) / "results";
    TRY(run_flow_run(flow, inner));
    return parse_json(terminal.kept());
}

Result<void> import_study(const TissueDemoOptions& options, const Invocation& invocation) {
    Invocation inner = invocation;
    KeptTerminal terminal(*invocation.terminal);
    inner.terminal = &terminal;
    const fs::path folder = fs::path(options.folder) / "results" / "mosaic";
    const std::string transform = "[0.5, 0, 0, 0, 0.5, 0]";
    ImportOptions cells;
    cells.paths = {folder / "cells.h5ad"};
    cells.name = "tissue-demo";
    cells.title = "Made-up tumours: six patients, eight channels";
    TRY(run_import(cells, inner));
    ImportOptions slide;
    slide.paths = {folder / "mosaic.ome.tiff"};
    slide.image_of = cells.name;
    slide.name = "slides";
    slide.transform = transform;
    TRY(run_import(slide, inner));
    ImportOptions outlines = slide;
    outlines.paths = {folder / "mosaic.labels.ome.tiff"};
    outlines.name = "cells";
    outlines.are_labels = true;
    outlines.cell_column = "mosaic_label";
    return run_import(outlines, inner);
}

/// The table that the step "score" wrote, row by row.
Result<Json> score_rows(const fs::path& path) {
    const auto files = TRY(expression::open_input(path));
    expression::TableOptions options;
    options.guess = true;
    const auto table = TRY(expression::read_table(*files, files->name(), options));
    Json rows = Json::array();
    for (std::size_t row = 0; row < table.row_count(); ++row) {
        Json one;
        for (std::size_t column = 0; column < table.columns.size(); ++column)
            one[table.header[column]] = std::string(table.columns[column][row]);
        rows.push_back(std::move(one));
    }
    return rows;
}

double number_in(const Json& row, const char* name) {
    const auto number = parse_json(row[name].get<std::string>());
    return number && number->is_number() ? number->get<double>() : std::nan("");
}

void print_rows(const Json& rows, std::string_view what, Invocation& invocation) {
    using enum TextTable::Align;
    const bool are_shares = what == "frequency";
    TextTable table({{"patient"},
                     {are_shares ? "kind" : "kinds"},
                     {"truth", right},
                     {"found", right},
                     {"95 % interval", right},
                     {""}});
    for (const Json& row : rows) {
        if (row["what"] != what) continue;
        const std::string other = row["other"].get<std::string>();
        // Of interactions those that were planted.
        if (!are_shares && !(row["kind"] == "Cytotoxic T" && other == "Tumour") &&
            !(row["kind"] == "B cell" && other == "Helper T"))
            continue;
        const double scale = are_shares ? 100 : 1;
        const auto text = [&](const char* name) {
            return fmt::format("{:.1f}{}", scale * number_in(row, name), are_shares ? " %" : "");
        };
        table.add({row["image"].get<std::string>(),
                   row["kind"].get<std::string>() + (are_shares ? "" : " – " + other),
                   text("truth"), text("found"), text("low") + " to " + text("high"),
                   row["inside"] == "1" ? "" : "outside"});
    }
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
}

/// How many of the rows are within their intervals.
std::pair<int, int> inside_of(const Json& rows, std::string_view what) {
    int inside = 0, all = 0;
    for (const Json& row : rows)
        if (row["what"] == what) {
            ++all;
            inside += row["inside"] == "1" ? 1 : 0;
        }
    return {inside, all};
}

Json summary_of_score(const Json& run, const Json& rows) {
    Json json{{"run", run["id"]}, {"dataset", "tissue-demo"}};
    for (const char* what : {"frequency", "interaction"}) {
        const auto [inside, all] = inside_of(rows, what);
        json[what] = {{"compared", all}, {"inside", inside}};
    }
    return json;
}

Result<void> run_tissue_demo(const TissueDemoOptions& options, Invocation& invocation) {
    if (options.folder.empty())
        return fail(ErrorCode::invalid_input, "where to put the slides: give -o FOLDER");
    if (options.patients < 6 || options.patients > 40)
        return fail(ErrorCode::invalid_input,
                    "--patients is 6 to 40: the light is found from five slides at least");
    TRY(write_study(options, invocation));
    const Json run = TRY(run_pipeline(options, invocation));
    TRY(import_study(options, invocation));
    const fs::path folder = options.folder;
    const Json rows = TRY(score_rows(folder / "results" / "truth" / "score.csv"));
    Json summary = summary_of_score(run, rows);
    if (invocation.json) {
        summary["rows"] = rows;
        invocation.terminal->print(summary.dump() + "\n");
        return {};
    }
    for (const Json& row : rows)
        if (row["what"] == "nuclei")
            invocation.terminal->print(
                fmt::format("nuclei: {} {:.4g}, in truth {:.4g}\n", row["kind"].get<std::string>(),
                            number_in(row, "found"), number_in(row, "truth")));
    print_rows(rows, "frequency", invocation);
    print_rows(rows, "interaction", invocation);
    invocation.terminal->print(fmt::format(
        "{} of {} frequencies and {} of {} interactions (z) are within their intervals\n"
        "slides and truth: {}; run {}; dataset tissue-demo\n",
        summary["frequency"]["inside"].get<int>(), summary["frequency"]["compared"].get<int>(),
        summary["interaction"]["inside"].get<int>(), summary["interaction"]["compared"].get<int>(),
        options.folder, run.value("name", "")));
    return {};
}

}  // namespace

Verb demo_tissue_verb() {
    auto options = std::make_shared<TissueDemoOptions>();
    return {
        .name = "tissue",
        .summary = "Made-up tumour slides through the whole tissue pipeline, beside the truth",
        .text =
            "Draws slides of eight channels with uneven light and noise, of patients in two "
            "groups whose cells, kinds and neighbours are known; finds light, nuclei, cells, "
            "kinds, frequencies and interactions; makes the cells a dataset with its picture for "
            "the Explorer; and prints what was found beside what is true. Takes under a minute "
            "on two cores. The folder holds slides, truth, the pipeline and the results.",
        .examples = "  stroma demo tissue -o tissue-demo --data lab\n",
        .options = {{"-o,--output", &options->folder, "FOLDER", "for slides, truth and results"},
                    {"--patients", &options->patients, "N", "6 to 40; half of them respond"},
                    {"--seed", &options->seed, "N", "another seed makes other slides"}},
        .run = [options](Invocation& invocation) { return run_tissue_demo(*options, invocation); },
    };
}

}  // namespace stroma::app
