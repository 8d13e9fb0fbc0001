#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "app/tissue/built_in.h"
#include "app/tissue/kept_work.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_pictures.h"
#include "tissue/correct/tissue_mask.h"
#include "tissue/network/network_segmentation.h"
#include "tissue/segment/segmentation.h"

namespace stroma::app {
namespace {

using tissue::ScratchPlane;

/// A length that is said in micrometres or in pixels, in pixels.
Result<double> pixels_of(const StepRun& run, std::string_view pixels, std::string_view micrometres,
                         const image::ImageInfo& info) {
    if (!run.has(micrometres)) return run.number(pixels);
    if (!info.micrometres_x)
        return fail(ErrorCode::invalid_input,
                    fmt::format("'{}' is said in micrometres, but the image doesn't say how large "
                                "its pixels are; say '{}' in place of it",
                                micrometres, pixels));
    return run.number(micrometres) / *info.micrometres_x;
}

tissue::SegmentOptions options_of(const StepRun& run) {
    tissue::SegmentOptions options;
    options.envelope_share = run.number("envelope_share");
    options.otsu_share = run.number("otsu_share");
    options.spot_weight = run.number("spot_weight");
    options.seed_height = run.number("seed_height");
    options.join_bias = run.number("join_bias");
    options.chance_min = run.number("chance_min");
    options.border_share = run.number("border_share");
    options.area_share = run.number("area_share");
    options.tile_side = run.integer("tile_side");
    return options;
}

/// Squares of the mask of tissue: holes up to that size are tissue, pieces under that aren't.
constexpr std::int64_t hole_squares = 4096, piece_squares = 16;

/// Takes away labels that no pixel of lies on tissue; gives how many.
std::uint32_t leave_out_beside(const tissue::TissueMask& mask,
                               ScratchPlane<std::uint32_t>& labels) {
    std::vector<std::uint8_t> seen;  // 1: there is such a label; 2: on tissue
    for (const bool is_second : {false, true})
        for (std::uint64_t y = 0; y < labels.height(); ++y) {
            std::uint32_t* const row = labels.row(y);
            for (std::uint64_t x = 0; x < labels.width(); ++x) {
                const std::uint32_t label = row[x];
                if (label == 0) continue;
                if (is_second) {
                    if (seen[label] == 1) row[x] = 0;
                    continue;
                }
                if (label >= seen.size()) seen.resize(std::size_t{label} + 1);
                const bool is_on =
                    mask.is_at(static_cast<std::int64_t>(x), static_cast<std::int64_t>(y));
                seen[label] = std::max<std::uint8_t>(seen[label], is_on ? 2 : 1);
            }
            if (y % 512 == 511) labels.let_go(y - 511, 512);
        }
    return static_cast<std::uint32_t>(std::ranges::count(seen, 1));
}

/// The network of the input "model": an ONNX file, and what its numbers mean.
Result<std::optional<tissue::NetworkModel>> network_of(const StepRun& run) {
    const std::vector<fs::path>& files = run.inputs("model");
    if (files.empty()) return std::optional<tissue::NetworkModel>();
    const fs::path *onnx = nullptr, *rules = nullptr;
    for (const fs::path& file : files) (file.extension() == ".json" ? rules : onnx) = &file;
    if (files.size() != 2 || onnx == nullptr || rules == nullptr)
        return fail(ErrorCode::invalid_input,
                    "'model' takes two files: NAME.onnx, and its description NAME.onnx.json");
    const std::string network = TRY(read_file(*onnx));
    const std::string description = TRY(read_file(*rules));
    return TRY_WITH(tissue::read_network(network, description), onnx->filename().string());
}

/// By the network where there is one, else by the classical kernel.
Result<tissue::Segmentation> find_nuclei(StepRun& run, const fs::path& path,
                                         const image::StoredImage& picture,
                                         const std::optional<tissue::NetworkModel>& network,
                                         const tissue::SegmentOptions& options) {
    const std::string stem = stem_of(path);
    const expression::Watch watch = run.watch("finding nuclei in " + stem);
    const fs::path kept = kept_work(path.filename().string());
    if (!network) return tissue::segment_nuclei(picture, options, run.scratch(), watch, kept);
    bool is_seamless = true;
    auto found = tissue::segment_by_network(picture, *network, options, run.scratch(),
                                            run.memory_bytes(), watch, &is_seamless, kept);
    if (found && !is_seamless)
        run.tell(stem + ": windows",
                 "the network looks further than its windows reach: at their borders it may see "
                 "something else than in the middle");
    return found;
}

Result<void> segment_one(StepRun& run, const std::optional<tissue::NetworkModel>& network,
                         const fs::path& path, double& nuclei) {
    const std::string stem = stem_of(path);
    const Picture picture = TRY(open_picture(run, path, false));
    const image::ImageInfo& info = picture->info();
    tissue::SegmentOptions options = options_of(run);
    options.channel = TRY(channel_named(info, run.has("channel") ? run.text("channel") : ""));
    options.radius = TRY(pixels_of(run, "radius", "radius_um", info));
    const double grow = TRY(pixels_of(run, "expand", "expand_um", info));
    std::optional<tissue::TissueMask> mask;
    if (run.flag("tissue"))
        mask = TRY(tissue::tissue_mask(*picture, options.channel, hole_squares, piece_squares,
                                       run.watch("looking for tissue in " + stem)));
    tissue::Segmentation found;
    if (mask && mask->share == 0) {
        found.labels =
            TRY(ScratchPlane<std::uint32_t>::make(run.scratch(), info.width, info.height));
    } else {
        found = TRY(find_nuclei(run, path, *picture, network, options));
        if (mask) found.count -= leave_out_beside(*mask, found.labels);
    }
    if (const auto watch = run.watch("going on in " + stem);
        found.tiles_found > 0 && watch.progress)
        watch.progress(static_cast<double>(found.tiles_found), static_cast<double>(found.tiles),
                       "tiles that were done");
    nuclei += found.count;
    const std::string nuclei_file = stem + ".nuclei.ome.tiff";
    const bool has_levels = run.flag("pyramid");
    TRY(write_label_picture(info, found.labels, has_levels, "nuclei", run.output() / nuclei_file));
    run.made("nuclei", nuclei_file);
    ScratchPlane<std::uint32_t> cells;
    if (grow > 0) {
        cells = TRY(tissue::expand_labels(found.labels, grow, run.scratch(),
                                          run.watch("growing cells in " + stem)));
        const std::string cells_file = stem + ".cells.ome.tiff";
        TRY(write_label_picture(info, cells, has_levels, "cells", run.output() / cells_file));
        run.made("labels", cells_file);
    } else {
        run.made("labels", nuclei_file);
    }
    run.tell(stem + ": nuclei", found.count);
    if (!network || found.radius > 0) run.tell(stem + ": radius in pixels", found.radius);
    run.tell(stem + ": channel", info.channels[options.channel].name);
    if (!network) run.tell(stem + ": threshold", found.threshold);
    const std::string overlay = stem + ".overlay.png";
    TRY(write_overlay(*picture, options.channel, grow > 0 ? cells : found.labels,
                      run.output() / overlay));
    run.picture(overlay);
    return {};
}

Result<void> segment(StepRun& run) {
    double nuclei = 0;
    const auto network = TRY(network_of(run));
    for (const fs::path& path : run.inputs("image"))
        TRY_WITH(segment_one(run, network, path, nuclei), path.filename().string());
    run.tell("nuclei", nuclei);
    return {};
}

}  // namespace

Step segment_step() {
    using enum ParameterType;
    const tissue::SegmentOptions usual;
    const auto share = [](double value) { return fmt::format("{}", value); };
    return {
        .name = "segment",
        .version = 2,
        .summary = "Nuclei out of a channel, and cells grown from them",
        .inputs = {{"image", "image", "pictures with a channel of nuclei"},
                   {"model", "model",
                    "a network of one's own: NAME.onnx, and its description NAME.onnx.json",
                    false}},
        .outputs = {{"labels", "labels", "cells, or nuclei where none are grown"},
                    {"nuclei", "labels", "nuclei, with the ids of their cells"}},
        .parameters = {{"channel", text, "null",
                        "name or number, from 0; left out: DAPI, DNA, Hoechst, …, "
                        "else the first"},
                       {"radius", number, "0", "of a usual nucleus in pixels; 0 is found out", 0,
                        40},
                       {"radius_um", number, "null", "the same in micrometres", 0.1, 100},
                       {"expand", number, "0",
                        "pixels that cells reach beyond nuclei; 0 grows none", 0, 200},
                       {"expand_um", number, "null", "the same in micrometres", 0, 1000},
                       {"envelope_share", number, share(usual.envelope_share),
                        "of the local brightness that foreground must exceed", 0, 1},
                       {"otsu_share", number, share(usual.otsu_share),
                        "of Otsu's threshold that it must exceed too", 0, 10},
                       {"spot_weight", number, share(usual.spot_weight),
                        "of brightness beside distance in seeds", 0, 4},
                       {"seed_height", number, share(usual.seed_height),
                        "of a peak over its saddle, to be a seed", 0, 4},
                       {"join_bias", number, share(usual.join_bias),
                        "more joins pieces that touch, less leaves them apart", -20, 20},
                       {"chance_min", number, share(usual.chance_min),
                        "that an object is a nucleus, by the learned rule; 0 keeps all", 0, 1},
                       {"border_share", number, share(usual.border_share),
                        "of an object's 90 % brightness that its pixels exceed", 0, 0.99},
                       {"area_share", number, share(usual.area_share),
                        "of a usual nucleus's area that an object has at least", 0, 10},
                       {"tissue", flag, "false",
                        "nothing is looked for where there is no tissue (step tissue)"},
                       {"pyramid", flag, "true", "smaller levels in the label files"},
                       {"tile_side", integer, "1024",
                        "pixels that a thread works on; not seen in the labels", 16, 16384}},
        .run = segment,
    };
}

}  // namespace stroma::app
