#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_pictures.h"
#include "app/tissue/step_tables.h"
#include "tissue/correct/core_grid.h"
#include "tissue/correct/tissue_mask.h"

namespace stroma::app {
namespace {

constexpr std::int64_t hole_squares = 4096;

Result<tissue::TissueMask> mask_of(const StepRun& run, const fs::path& path,
                                   const image::StoredImage& picture) {
    const auto channel =
        TRY(channel_named(picture.info(), run.has("channel") ? run.text("channel") : ""));
    return tissue::tissue_mask(picture, channel, hole_squares, run.integer("least"),
                               run.watch("looking for tissue in " + stem_of(path)));
}

/// Each pixel gets the number of its square.
Result<void> write_mask(StepRun& run, const image::ImageInfo& info, std::int64_t factor,
                        const tissue::Raster<std::uint32_t>& numbers, const std::string& name,
                        const std::string& file) {
    auto plane =
        TRY(tissue::ScratchPlane<std::uint32_t>::make(run.scratch(), info.width, info.height));
    for (std::uint64_t y = 0; y < info.height; ++y) {
        const std::uint32_t* const from = numbers.row(static_cast<std::int64_t>(y) / factor);
        for (std::uint64_t x = 0; x < info.width; ++x)
            plane.row(y)[x] = from[static_cast<std::int64_t>(x) / factor];
        if (y % 512 == 511) plane.let_go(y - 511, 512);
    }
    TRY(write_label_picture(info, plane, true, name, run.output() / file));
    run.made("labels", file);
    return {};
}

Result<void> find_tissue(StepRun& run) {
    CsvText csv({"image", "tissue_share", "tissue_mm2", "pieces"});
    for (const fs::path& path : run.inputs("image")) {
        const Picture picture = TRY(open_picture(run, path, false));
        const tissue::TissueMask mask = TRY(mask_of(run, path, *picture));
        const tissue::MaskPieces found = tissue::mask_pieces(mask.is_tissue, 1);
        tissue::Raster<std::uint32_t> numbers(mask.is_tissue.width, mask.is_tissue.height);
        for (std::size_t at = 0; at < numbers.values.size(); ++at)
            numbers.values[at] = static_cast<std::uint32_t>(found.of.values[at] + 1);
        const std::string stem = stem_of(path);
        TRY(write_mask(run, picture->info(), mask.factor, numbers, "tissue",
                       stem + ".tissue.ome.tiff"));
        const image::ImageInfo& info = picture->info();
        const double pixels = mask.share * static_cast<double>(info.width * info.height);
        const double side = info.micrometres_x.value_or(std::nan("")) / 1000;
        csv.row({stem, CsvText::number(mask.share), CsvText::number(pixels * side * side),
                 std::to_string(found.pieces.size())});
        run.tell(stem + ": tissue share", mask.share);
    }
    TRY(csv.write(run.output() / "tissue.csv"));
    run.made("table", "tissue.csv");
    return {};
}

/// The core with a margin as a picture of its own.
Result<void> write_core(StepRun& run, const image::StoredImage& picture,
                        const tissue::ArrayCore& core, std::int64_t factor,
                        const std::string& file) {
    image::ImageInfo shape = picture.info();
    const double scale = static_cast<double>(factor);
    const double half = core.diameter / 2 * (1 + run.number("margin")) * scale;
    const double x = (core.x + 0.5) * scale, y = (core.y + 0.5) * scale;
    const auto place = [](double at, std::uint64_t most) {
        return std::clamp<std::int64_t>(std::llround(at), 0, static_cast<std::int64_t>(most));
    };
    const std::int64_t left = place(x - half, shape.width), right = place(x + half, shape.width);
    const std::int64_t top = place(y - half, shape.height), under = place(y + half, shape.height);
    shape.width = static_cast<std::uint64_t>(right - left);
    shape.height = static_cast<std::uint64_t>(under - top);
    const MakeWindow make = [&](std::size_t channel, const tissue::Window& window,
                                tissue::Raster<float>& out) {
        return tissue::PixelReader(picture, channel)
            .read({window.x + left, window.y + top, window.width, window.height}, out.values);
    };
    TRY(write_made(run, shape, make, file));
    run.made("image", file);
    return {};
}

Result<void> cores_of(StepRun& run, const fs::path& path, CsvText& csv) {
    const std::string stem = stem_of(path);
    const Picture picture = TRY(open_picture(run, path, false));
    const tissue::TissueMask mask = TRY(mask_of(run, path, *picture));
    const tissue::MaskPieces pieces = tissue::mask_pieces(mask.is_tissue, 1);
    const tissue::CoreGrid grid = TRY_WITH(tissue::core_grid(pieces), path.filename().string());
    std::vector<std::uint32_t> core_of_piece(pieces.pieces.size());
    std::size_t there = 0;
    for (std::size_t at = 0; at < grid.cores.size(); ++at) {
        const tissue::ArrayCore& core = grid.cores[at];
        for (const std::int32_t piece : core.pieces)
            core_of_piece[static_cast<std::size_t>(piece)] = static_cast<std::uint32_t>(at + 1);
        const double scale = static_cast<double>(mask.factor);
        csv.row({stem, core.name, std::to_string(core.row + 1), std::to_string(core.column + 1),
                 CsvText::number((core.x + 0.5) * scale - 0.5),
                 CsvText::number((core.y + 0.5) * scale - 0.5),
                 CsvText::number(core.diameter * scale), core.is_there ? "true" : "false",
                 std::to_string(at + 1)});
        if (!core.is_there) continue;
        ++there;
        TRY(write_core(run, *picture, core, mask.factor, stem + "." + core.name + ".ome.tiff"));
    }
    tissue::Raster<std::uint32_t> numbers(mask.is_tissue.width, mask.is_tissue.height);
    for (std::size_t at = 0; at < numbers.values.size(); ++at)
        if (const std::int32_t piece = pieces.of.values[at]; piece >= 0)
            numbers.values[at] = core_of_piece[static_cast<std::size_t>(piece)];
    TRY(write_mask(run, picture->info(), mask.factor, numbers, "cores", stem + ".cores.ome.tiff"));
    run.tell(stem + ": cores", static_cast<double>(there));
    run.tell(stem + ": grid", fmt::format("{} rows of {}", grid.rows, grid.columns));
    run.tell(stem + ": turned by degrees", grid.turn);
    return {};
}

Result<void> find_cores(StepRun& run) {
    CsvText csv({"image", "core", "row", "column", "x", "y", "diameter", "there", "label"});
    for (const fs::path& path : run.inputs("image")) TRY(cores_of(run, path, csv));
    TRY(csv.write(run.output() / "cores.csv"));
    run.made("table", "cores.csv");
    return {};
}

std::vector<StepParameter> mask_parameters() {
    using enum ParameterType;
    return {{"channel", text, "null",
             "name or number, from 0; left out: DAPI, DNA, Hoechst, …, else the first; of a "
             "photograph green is taken"},
            {"least", integer, "16", "squares of a piece; smaller ones aren't tissue", 1, 1e6}};
}

}  // namespace

Step tissue_step() {
    return {
        .name = "tissue",
        .summary = "Where slides have tissue, and how much",
        .inputs = {{"image", "image", "pictures"}},
        .outputs = {{"labels", "labels", "its pieces, from 1"},
                    {"table", "table", "of each picture its share, mm2 and pieces"}},
        .parameters = mask_parameters(),
        .run = find_tissue,
    };
}

Step tma_step() {
    Step step{
        .name = "tma",
        .summary = "Cores of a tissue microarray on their grid, each as a picture: A1, A2, …",
        .inputs = {{"image", "image", "slides with a grid of round cores"}},
        .outputs = {{"image", "image", "a picture of each core: slide.A1.ome.tiff"},
                    {"labels", "labels", "the cores on the slide, numbered row by row"},
                    {"table", "table",
                     "of each place of the grid: name, middle and diameter in pixels, whether "
                     "there is one, its label"}},
        .parameters = mask_parameters(),
        .run = find_cores,
    };
    step.parameters.push_back(
        {"margin", ParameterType::number, "0.1", "around a core, of its diameter", 0, 1});
    return step;
}

}  // namespace stroma::app
