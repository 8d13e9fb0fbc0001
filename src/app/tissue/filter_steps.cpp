#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_pictures.h"
#include "app/tissue/step_tables.h"
#include "tissue/correct/illumination.h"
#include "tissue/correct/pixel_filters.h"
#include "tissue/correct/total_variation.h"

namespace stroma::app {
namespace {

using Filters = std::vector<tissue::WindowFilter>;

StepPort picture_input() { return {"image", "image", "pictures"}; }
StepPort picture_output(std::string meaning) { return {"image", "image", std::move(meaning)}; }

/// Each picture through the filters that `filters` gives for a channel.
Result<void> write_filtered(StepRun& run,
                            const std::function<Filters(const image::Channel&)>& filters,
                            bool as_float, std::string_view ending) {
    for (const fs::path& path : run.inputs("image")) {
        const std::string stem = stem_of(path);
        const Picture picture = TRY(open_picture(run, path, false));
        image::ImageInfo shape = picture->info();
        std::vector<Filters> of_channels;
        for (const image::Channel& channel : shape.channels)
            of_channels.push_back(filters(channel));
        if (as_float) shape.type = image::PixelType::float32;
        const std::string file = fmt::format("{}{}.ome.tiff", stem, ending);
        const MakeWindow make = [&](std::size_t channel, const tissue::Window& window,
                                    tissue::Raster<float>& out) {
            return tissue::filtered_window(*picture, channel, of_channels[channel], window, out);
        };
        TRY_WITH(write_made(run, shape, make, file), path.filename().string());
        run.made("image", file);
    }
    run.tell("pictures", static_cast<double>(run.inputs("image").size()));
    return {};
}

/// By total variation; the weight counts from a channel's darkest to its brightest that is shown.
Result<void> write_less_variation(StepRun& run) {
    for (const fs::path& path : run.inputs("image")) {
        const std::string stem = stem_of(path);
        const Picture picture = TRY(open_picture(run, path, false));
        const image::ImageInfo& info = picture->info();
        std::vector<double> weights;
        for (std::size_t at = 0; at < info.channels.size(); ++at) {
            const image::Channel& channel = info.channels[at];
            const bool is_known = channel.high > channel.low;
            const double low = is_known ? channel.low : channel.min;
            const double high = is_known ? channel.high : channel.max;
            weights.push_back(run.number("variation") * std::max(high - low, 1e-9));
            run.tell(fmt::format("{}: shown range of channel {}", stem, at),
                     fmt::format("{} to {}", low, high));
        }
        const std::string file = stem + ".denoised.ome.tiff";
        const MakeWindow make = [&](std::size_t channel, const tissue::Window& window,
                                    tissue::Raster<float>& out) {
            return tissue::less_variation(*picture, channel, weights[channel],
                                          run.integer("rounds"), window, out);
        };
        TRY_WITH(write_made(run, info, make, file), path.filename().string());
        run.made("image", file);
    }
    return {};
}

Result<void> denoise(StepRun& run) {
    if (run.number("variation") > 0) {
        if (run.number("hot_pixel") > 0 || run.flag("median") || run.number("sigma") > 0)
            return fail(ErrorCode::invalid_input,
                        "parameters.variation goes by itself: hot_pixel 0, no median, no sigma; "
                        "a second stage may do the other");
        return write_less_variation(run);
    }
    Filters filters;
    if (run.number("hot_pixel") > 0)
        filters.push_back(tissue::hot_pixel_filter(run.number("hot_pixel")));
    if (run.flag("median")) filters.push_back(tissue::median_filter());
    if (run.number("sigma") > 0) filters.push_back(tissue::gaussian_filter(run.number("sigma")));
    if (filters.empty())
        return fail(ErrorCode::invalid_input,
                    "nothing is asked: hot_pixel, median, sigma or variation");
    return write_filtered(
        run, [&](const image::Channel&) { return filters; }, false, ".denoised");
}

Result<void> normalize(StepRun& run) {
    const bool as_float = run.text("type") == "float32";
    const auto filters = [&](const image::Channel& channel) -> Filters {
        const double high = channel.high > channel.low ? channel.high : channel.max;
        const double low = channel.high > channel.low ? channel.low : channel.min;
        return {tissue::stretch_filter(low, high, as_float ? 1 : run.number("scale"))};
    };
    return write_filtered(run, filters, as_float, ".normalized");
}

/// marker - blank * (exposure of marker / exposure of blank), at least 0.
Result<void> subtract_blanks(StepRun& run) {
    const std::vector<double>& exposures = run.numbers("exposures");
    for (const fs::path& path : run.inputs("image")) {
        const Picture picture = TRY(open_picture(run, path, false));
        const image::ImageInfo& info = picture->info();
        const std::size_t blank = TRY(channel_named(info, run.text("blank")));
        if (!exposures.empty() && exposures.size() != info.channels.size())
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} exposures are given for {} channels", exposures.size(),
                                    info.channels.size()));
        const MakeWindow make = [&](std::size_t channel, const tissue::Window& window,
                                    tissue::Raster<float>& out) -> Result<void> {
            TRY(tissue::PixelReader(*picture, channel).read(window, out.values));
            if (channel == blank) return {};
            std::vector<float> behind;
            TRY(tissue::PixelReader(*picture, blank).read(window, behind));
            const auto factor =
                static_cast<float>(exposures.empty() ? 1 : exposures[channel] / exposures[blank]);
            for (std::size_t i = 0; i < behind.size(); ++i)
                out.values[i] = std::max(out.values[i] - behind[i] * factor, 0.0f);
            return {};
        };
        const std::string file = stem_of(path) + ".background.ome.tiff";
        TRY(write_made(run, info, make, file));
        run.made("image", file);
    }
    return {};
}

Result<void> background(StepRun& run) {
    if (run.has("blank")) return subtract_blanks(run);
    const Filters filters = {run.has("ball") ? tissue::rolling_ball_filter(run.integer("ball"))
                                             : tissue::top_hat_filter(run.integer("radius"))};
    return write_filtered(
        run, [&](const image::Channel&) { return filters; }, false, ".background");
}

/// Names a channel's field in the summary, and how well it did.
void tell_field(StepRun& run, const std::string& channel, const tissue::FlatField& field) {
    run.tell(channel + ": uneven before", field.uneven_before);
    run.tell(channel + ": uneven after", field.uneven_after);
    run.tell(channel + ": correction", field.is_used ? "used"
                                                     : "not used: it didn't make other "
                                                       "fields flatter by a tenth");
}

Result<void> correct(StepRun& run) {
    std::vector<Picture> fields;
    for (const fs::path& path : run.inputs("image"))
        fields.push_back(TRY(open_picture(run, path, false)));
    std::vector<tissue::FlatField> of_channels;
    CsvText profile({"channel", "x", "y", "field"});
    for (std::size_t channel = 0; channel < fields[0]->info().channels.size(); ++channel) {
        of_channels.push_back(TRY(tissue::find_flat_field(fields, channel)));
        const std::string name = fields[0]->info().channels[channel].name.empty()
                                     ? fmt::format("channel {}", channel)
                                     : fields[0]->info().channels[channel].name;
        tell_field(run, name, of_channels.back());
        for (int y = -4; y <= 4; ++y)
            for (int x = -4; x <= 4; ++x)
                profile.row({name, CsvText::number(x / 4.0), CsvText::number(y / 4.0),
                             CsvText::number(of_channels.back().at(x / 4.0, y / 4.0))});
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const image::ImageInfo& info = fields[i]->info();
        const auto width = static_cast<double>(info.width),
                   height = static_cast<double>(info.height);
        const MakeWindow make = [&](std::size_t channel, const tissue::Window& window,
                                    tissue::Raster<float>& out) -> Result<void> {
            TRY(tissue::PixelReader(*fields[i], channel).read(window, out.values));
            for (std::int64_t y = 0; y < window.height; ++y)
                for (std::int64_t x = 0; x < window.width; ++x) {
                    const double at_x = (2 * static_cast<double>(window.x + x) + 1) / width - 1;
                    const double at_y = (2 * static_cast<double>(window.y + y) + 1) / height - 1;
                    out.row(y)[x] /= static_cast<float>(of_channels[channel].at(at_x, at_y));
                }
            return {};
        };
        const std::string file = stem_of(run.inputs("image")[i]) + ".corrected.ome.tiff";
        TRY(write_made(run, info, make, file));
        run.made("image", file);
    }
    TRY(profile.write(run.output() / "illumination.csv"));
    run.made("profile", "illumination.csv");
    return {};
}

}  // namespace

Step correct_step() {
    return {
        .name = "correct",
        .summary = "Uneven light of a microscope taken out of its fields of view, if that helps",
        .inputs = {{"image", "image", "fields of one size, five at least"}},
        .outputs = {picture_output("the same fields, divided by the light"),
                    {"profile", "table", "the light at 9 by 9 places; 1 where it isn't used"}},
        .parameters = {},
        .run = correct,
    };
}

Step background_step() {
    using enum ParameterType;
    return {
        .name = "background",
        .summary = "Background subtracted: of a blank channel, or what is wider than cells",
        .inputs = {picture_input()},
        .outputs = {picture_output("the same without background")},
        .parameters = {{"blank", text, "null", "the blank channel; left out: by radius"},
                       {"exposures", numbers, "[]", "of each channel, with a blank", 1e-9, 1e9},
                       {"radius", integer, "50", "pixels; what is wider than that goes", 1, 500},
                       {"ball", integer, "null",
                        "in its place a ball of that radius, in pixels and values, rolled along "
                        "below the picture; costs its square",
                        1, 200}},
        .run = background,
    };
}

Step denoise_step() {
    using enum ParameterType;
    return {
        .name = "denoise",
        .summary =
            "Hot pixels, a median of 3 x 3, a Gaussian, or total variation: those that are asked",
        .inputs = {picture_input()},
        .outputs = {picture_output("the same with less noise")},
        .parameters = {{"hot_pixel", number, "50",
                        "a pixel that much over its neighbours gets the largest of these; 0: none",
                        0, 1e9},
                       {"median", flag, "false", "of 3 x 3"},
                       {"sigma", number, "0", "of a Gaussian, in pixels; 0: none", 0, 50},
                       {"variation", number, "0",
                        "total variation in place of these: its weight, of the range that is shown",
                        0, 100},
                       {"rounds", integer, "100", "of variation", 1, 1000}},
        .run = denoise,
    };
}

Step normalize_step() {
    using enum ParameterType;
    return {
        .name = "normalize",
        .summary = "Each channel from its 1 % to its 99.8 % quantile of the whole slide",
        .inputs = {picture_input()},
        .outputs = {picture_output("the same from 0 to 1 (or to scale)")},
        .parameters = {{"type",
                        text,
                        "\"float32\"",
                        "float32, or the picture's own",
                        {},
                        {},
                        {"float32", "same"}},
                       {"scale", number, "255", "what full becomes in the picture's own type", 1,
                        65535}},
        .run = normalize,
    };
}

}  // namespace stroma::app
