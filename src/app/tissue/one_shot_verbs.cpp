#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "app/terminal/progress_line.h"
#include "app/tissue/pipeline_verbs.h"
#include "app/tissue/step.h"
#include "app/tissue/step_inputs.h"
#include "base/json.h"
#include "expression/text/numbers.h"

namespace stroma::app {
namespace {

struct OneShotOptions {
    std::string input, labels, nuclei, output, channel, markers;
    std::string radius, expand, expand_um, pixel_um, normalise, model, labels_format = "tiff";
    std::vector<std::string> quantiles, parameters;
};

bool is_picture(const fs::path& path) {
    std::string name = path.filename().string();
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name.starts_with('.')) return false;
    for (const std::string_view ending : {".tif", ".tiff", ".png", ".jp2", ".zarr", ".image"})
        if (name.ends_with(ending)) return true;
    return false;
}

/// A picture, or those of a folder by name.
Result<std::vector<fs::path>> pictures_of(const fs::path& input) {
    std::error_code error;
    if (!fs::exists(input, error))
        return fail(ErrorCode::not_found, input.string() + " isn't there");
    if (!fs::is_directory(input, error) || is_picture(input)) return std::vector<fs::path>{input};
    std::vector<fs::path> found;
    for (auto entry = fs::directory_iterator(input, error); !error && entry != fs::end(entry);
         entry.increment(error))
        if (is_picture(entry->path())) found.push_back(entry->path());
    if (error) return fail(error_from_errno("listing", input.string(), error.value()));
    if (found.empty())
        return fail(ErrorCode::not_found,
                    input.string() + " holds no picture (TIFF, PNG, JPEG 2000, OME-Zarr)");
    std::sort(found.begin(), found.end());
    return found;
}

/// The labels of a picture: named as it, or as its stem.
Result<fs::path> labels_of(const fs::path& picture, const fs::path& labels) {
    std::error_code error;
    if (!fs::is_directory(labels, error) || is_picture(labels)) return labels;
    for (auto entry = fs::directory_iterator(labels, error); !error && entry != fs::end(entry);
         entry.increment(error))
        if (is_picture(entry->path()) && stem_of(entry->path()) == stem_of(picture))
            return entry->path();
    return fail(ErrorCode::not_found, fmt::format("{} holds no labels of {}", labels.string(),
                                                  picture.filename().string()));
}

/// What an output folder calls the labels of a picture: a TIFF's name as it is.
std::string label_name(const fs::path& picture) {
    const std::string name = picture.filename().string();
    const bool is_tiff = name.ends_with(".tif") || name.ends_with(".tiff");
    return is_tiff ? name : stem_of(picture) + ".tif";
}

Result<void> set_number(Json& parameters, const std::string& name, const std::string& text) {
    if (text.empty()) return {};
    expression::NumberText number;
    if (!expression::parse_number(text, number))
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} is '{}', which is no number", name, text));
    parameters[name] = number.value;
    return {};
}

/// "name=value", the value as JSON or else a text.
Result<void> set_named(Json& parameters, const std::vector<std::string>& assignments) {
    for (const std::string& assignment : assignments) {
        const std::size_t equals = assignment.find('=');
        if (equals == assignment.npos)
            return fail(ErrorCode::invalid_input,
                        fmt::format("--parameter '{}': say NAME=VALUE", assignment));
        const std::string value = assignment.substr(equals + 1);
        const auto json = parse_json(value);
        parameters[assignment.substr(0, equals)] = json ? *json : Json(value);
    }
    return {};
}

/// Runs a task in a folder of its own beside `output`, and hands the folder to `take` when done.
Result<void> run_beside(Json task, const fs::path& output, const std::string& title,
                        Invocation& invocation,
                        const std::function<Result<void>(const fs::path&)>& take) {
    TRY(make_folders(output));
    const fs::path work = output / fmt::format(".{}.work", title);
    std::error_code ignored;
    fs::remove_all(work, ignored);
    task["output"] = work.string();
    Result<void> done;
    {
        ProgressLine progress(*invocation.terminal, system_clock(), title);
        done = run_task(
            task, [&](std::string_view step, double so_far, double total, std::string_view unit) {
                progress.update({std::string(step), so_far, total, std::string(unit)});
            });
    }
    if (done) done = take(work);
    fs::remove_all(work, ignored);
    return done;
}

Result<Json> outputs_in(const fs::path& folder) {
    return parse_json(TRY(read_file(folder / "outputs.json")));
}

/// The picture with the labels that a segmentation left in `work`, as OME-Zarr at `target`: in that
/// format labels are a part of their picture.
Result<void> export_segmented(const fs::path& picture, const fs::path& work, const Json& made,
                              const fs::path& target) {
    Json inputs = {{"image", {picture.string()}}};
    for (const char* const port : {"labels", "nuclei"}) {
        const std::string file = (work / made["outputs"][port][0].get<std::string>()).string();
        if (inputs["labels"].empty() || inputs["labels"][0] != file)
            inputs["labels"].push_back(file);
    }
    const fs::path folder = work / "zarr";
    TRY(run_task({{"step", "export"}, {"inputs", inputs}, {"output", folder.string()}},
                 [](std::string_view, double, double, std::string_view) {}));
    const Json exported = TRY(outputs_in(folder));
    std::error_code error;
    fs::remove_all(target, error);
    return rename_file(folder / exported["outputs"]["image"][0].get<std::string>(), target);
}

Result<void> run_segment(const OneShotOptions& options, Invocation& invocation) {
    if (options.labels_format != "tiff" && options.labels_format != "zarr")
        return fail(
            ErrorCode::invalid_input,
            fmt::format("--labels-format is '{}'; it may be tiff or zarr", options.labels_format));
    const bool as_zarr = options.labels_format == "zarr";
    Json parameters = Json::object();
    if (!options.channel.empty()) parameters["channel"] = options.channel;
    TRY(set_number(parameters, "radius", options.radius));
    TRY(set_number(parameters, "expand", options.expand));
    TRY(set_number(parameters, "expand_um", options.expand_um));
    TRY(set_named(parameters, options.parameters));
    Json inputs = Json::object();
    if (!options.model.empty()) inputs["model"] = {options.model, options.model + ".json"};
    Json report = Json::array();
    const auto pictures = TRY(pictures_of(options.input));
    for (const fs::path& picture : pictures) {
        if (invocation.stop.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
        inputs["image"] = Json::array({picture.string()});
        const Json task = {{"step", "segment"}, {"inputs", inputs}, {"parameters", parameters}};
        const fs::path target = fs::path(options.labels) /
                                (as_zarr ? stem_of(picture) + ".ome.zarr" : label_name(picture));
        double nuclei = 0;
        const auto take = [&](const fs::path& work) -> Result<void> {
            const Json made = TRY(outputs_in(work));
            nuclei = made["summary"]["nuclei"].get<double>();
            if (as_zarr) return export_segmented(picture, work, made, target);
            const auto file = made["outputs"]["labels"][0].get<std::string>();
            return rename_file(work / file, target);
        };
        TRY(run_beside(task, options.labels, stem_of(picture), invocation, take));
        report.push_back({{"image", picture.filename().string()},
                          {"labels", target.string()},
                          {"nuclei", nuclei}});
        if (!invocation.json)
            invocation.terminal->print(
                fmt::format("{}: {} nuclei\n", target.string(), std::lround(nuclei)));
    }
    if (invocation.json) invocation.terminal->print(report.dump(1) + "\n");
    return {};
}

Result<Json> measure_parameters(const OneShotOptions& options) {
    Json parameters = Json::object();
    TRY(set_number(parameters, "pixel_um", options.pixel_um));
    if (!options.normalise.empty()) parameters["normalise"] = options.normalise;
    for (const std::string& text : options.quantiles) {
        Json one;
        TRY(set_number(one, "quantile", text));
        parameters["quantiles"].push_back(one["quantile"]);
    }
    TRY(set_named(parameters, options.parameters));
    return parameters;
}

Result<void> run_measure(const OneShotOptions& options, Invocation& invocation) {
    const Json parameters = TRY(measure_parameters(options));
    Json report = Json::array();
    const auto pictures = TRY(pictures_of(options.input));
    for (const fs::path& picture : pictures) {
        if (invocation.stop.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
        Json inputs = {{"image", {picture.string()}}};
        inputs["labels"].push_back(TRY(labels_of(picture, options.labels)).string());
        if (!options.nuclei.empty())
            inputs["nuclei"].push_back(TRY(labels_of(picture, options.nuclei)).string());
        if (!options.markers.empty()) inputs["markers"].push_back(options.markers);
        const Json task = {{"step", "measure"}, {"inputs", inputs}, {"parameters", parameters}};
        const std::string stem = stem_of(picture);
        const fs::path output = options.output;
        double cells = 0;
        const auto take = [&](const fs::path& work) -> Result<void> {
            const Json made = TRY(outputs_in(work));
            cells = made["summary"]["cells"].get<double>();
            if (fs::exists(work / "cells.csv"))
                TRY(rename_file(work / "cells.csv", output / (stem + ".csv")));
            return rename_file(work / "cells.h5ad", output / (stem + ".h5ad"));
        };
        TRY(run_beside(task, output, stem, invocation, take));
        const std::string table = (output / (stem + ".h5ad")).string();
        report.push_back(
            {{"image", picture.filename().string()}, {"table", table}, {"cells", cells}});
        if (!invocation.json)
            invocation.terminal->print(fmt::format("{}: {} cells\n", table, std::lround(cells)));
    }
    if (invocation.json) invocation.terminal->print(report.dump(1) + "\n");
    return {};
}

}  // namespace

void add_tissue_verbs(Verb& pipeline) {
    pipeline.verbs.push_back(pipeline_segment_verb());
    pipeline.verbs.push_back(pipeline_measure_verb());
    pipeline.verbs.push_back(pipeline_step_verb());
}

Verb pipeline_segment_verb() {
    auto options = std::make_shared<OneShotOptions>();
    return {
        .name = "segment",
        .summary = "Nuclei (or cells) of pictures as label TIFFs or OME-Zarr",
        .text =
            "Each picture of a folder becomes a TIFF of whole numbers, 0 between cells: tiled "
            "OME-TIFF of 32 bits with the picture's pixel size, named as the picture. With "
            "--expand "
            "or --expand-um nuclei are grown to cells. With --labels-format zarr each becomes an "
            "OME-Zarr 0.4 of the picture and its labels, called NAME.ome.zarr. With --model a "
            "network "
            "of one's own finds them: FILE.onnx beside its description FILE.onnx.json "
            "(docs/tissue.md).",
        .examples =
            "  stroma pipeline segment slides --labels masks\n"
            "  stroma pipeline segment slides --labels stores --labels-format zarr --expand-um 4\n"
            "  stroma pipeline segment slide.ome.tiff --labels masks --channel DNA1 --expand 5\n"
            "  stroma pipeline segment slides --labels masks --model stardist.onnx\n",
        .options = {{"input", &options->input, "PATH", "a picture, or a folder of them", {}, true},
                    {"-l,--labels", &options->labels, "DIR", "the folder to write into", {}, true},
                    {"--labels-format", &options->labels_format, "FORMAT",
                     "tiff (the usual) or zarr"},
                    {"-c,--channel", &options->channel, "CHANNEL",
                     "name or number, from 0; default: DAPI, DNA, … , else the first"},
                    {"--model", &options->model, "FILE.onnx",
                     "a network; FILE.onnx.json says what its numbers mean"},
                    {"--radius", &options->radius, "PIXELS",
                     "of a usual nucleus; found out if not "
                     "said"},
                    {"--expand", &options->expand, "PIXELS", "grow cells that far"},
                    {"--expand-um", &options->expand_um, "UM", "the same in micrometres"},
                    {"-p,--parameter", &options->parameters, "NAME=VALUE",
                     "another parameter of the step (stroma pipeline step --list)"}},
        .run = [options](Invocation& invocation) { return run_segment(*options, invocation); },
        .data_use = DataUse::none,
    };
}

Verb pipeline_measure_verb() {
    auto options = std::make_shared<OneShotOptions>();
    return {
        .name = "measure",
        .summary = "Shape and brightness of the cells of pictures, as tables",
        .text =
            "Measures every label of a picture in all of its channels: a .h5ad that 'stroma "
            "import' "
            "loads, and a .csv. The labels may come from anywhere; with --nuclei (the same ids) "
            "nucleus and cytoplasm are measured, too.",
        .examples =
            "  stroma pipeline measure slides --labels masks --output tables\n"
            "  stroma pipeline measure slide.ome.tiff --labels mask.tif -o . --normalise arcsinh\n",
        .options = {{"input", &options->input, "PATH", "a picture, or a folder of them", {}, true},
                    {"-l,--labels",
                     &options->labels,
                     "PATH",
                     "a label picture, or a folder of them named as the pictures",
                     {},
                     true},
                    {"-o,--output", &options->output, "DIR", "the folder to write into", {}, true},
                    {"--nuclei", &options->nuclei, "PATH", "labels of nuclei, likewise"},
                    {"--markers", &options->markers, "FILE",
                     "CSV with marker_name of each channel"},
                    {"--quantiles", &options->quantiles, "NUMBERS", "0 to 1, with commas"},
                    {"--pixel-um", &options->pixel_um, "UM",
                     "side of a pixel, where it isn't said"},
                    {"--normalise",
                     &options->normalise,
                     "HOW",
                     "a layer beside the means",
                     {"none", "arcsinh", "log1p", "zscore", "percentile"}},
                    {"-p,--parameter", &options->parameters, "NAME=VALUE",
                     "another parameter of the step (stroma pipeline step --list)"}},
        .run = [options](Invocation& invocation) { return run_measure(*options, invocation); },
        .data_use = DataUse::none,
    };
}

}  // namespace stroma::app
