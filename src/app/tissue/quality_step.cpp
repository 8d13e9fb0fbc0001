#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_tables.h"
#include "tissue/correct/quality.h"

namespace stroma::app {
namespace {

constexpr double outlier_deviations = 3.5;

/// How far each value lies from the middle, in robust standard deviations.
std::vector<double> robust_z(std::vector<double> values) {
    std::vector<double> sorted = values;
    const auto middle = [](std::vector<double>& all) {
        const auto half = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
        std::nth_element(all.begin(), half, all.end());
        return *half;
    };
    const double center = middle(sorted);
    for (double& value : sorted) value = std::abs(value - center);
    const double deviation = 1.4826 * middle(sorted);
    for (double& value : values) value = deviation > 0 ? (value - center) / deviation : 0;
    return values;
}

struct SlideQuality {
    std::string name;
    std::vector<std::string> channels;
    std::vector<tissue::ChannelQuality> of_channels;
    double cells = std::nan(""), cells_per_mm2 = std::nan("");
};

Result<SlideQuality> quality_of(StepRun& run, std::size_t at) {
    SlideQuality slide;
    slide.name = stem_of(run.inputs("image")[at]);
    const Picture picture = TRY(open_picture(run, run.inputs("image")[at], false));
    const image::ImageInfo& info = picture->info();
    for (std::size_t channel = 0; channel < info.channels.size(); ++channel) {
        const std::string& name = info.channels[channel].name;
        slide.channels.push_back(name.empty() ? fmt::format("channel {}", channel) : name);
        slide.of_channels.push_back(
            TRY(tissue::channel_quality(*picture, channel, run.watch("looking at " + slide.name))));
    }
    if (at >= run.inputs("labels").size()) return slide;
    const Picture labels = TRY(open_picture(run, run.inputs("labels")[at], true));
    slide.cells = static_cast<double>(TRY(tissue::label_count(*labels)));
    const std::size_t nuclei = TRY(channel_named(info, ""));
    if (info.micrometres_x && info.micrometres_y)
        slide.cells_per_mm2 =
            slide.cells /
            (slide.of_channels[nuclei].tissue_share * static_cast<double>(info.width) *
             static_cast<double>(info.height) * *info.micrometres_x * *info.micrometres_y / 1e6);
    return slide;
}

Result<void> quality(StepRun& run) {
    std::vector<SlideQuality> slides;
    for (std::size_t at = 0; at < run.inputs("image").size(); ++at)
        slides.push_back(TRY(quality_of(run, at)));
    CsvText csv({"image", "channel", "focus", "blurred_share", "saturated_share", "empty_share",
                 "tissue_share", "mean", "cells", "cells_per_mm2", "focus_z", "mean_z", "note"});
    double outliers = 0;
    for (std::size_t channel = 0; channel < slides[0].channels.size(); ++channel) {
        std::vector<double> focus, mean;
        for (const SlideQuality& slide : slides) {
            if (channel >= slide.of_channels.size()) continue;
            focus.push_back(std::log(slide.of_channels[channel].focus + 1e-12));
            mean.push_back(std::log1p(std::max(slide.of_channels[channel].mean, 0.0)));
        }
        focus = robust_z(focus);
        mean = robust_z(mean);
        std::size_t place = 0;
        for (const SlideQuality& slide : slides) {
            if (channel >= slide.of_channels.size()) continue;
            const tissue::ChannelQuality& one = slide.of_channels[channel];
            std::string note;
            const auto add = [&](bool is_so, std::string_view word) {
                if (is_so) note += (note.empty() ? "" : "; ") + std::string(word);
            };
            add(focus[place] < -outlier_deviations, "less sharp than the others");
            add(std::abs(mean[place]) > outlier_deviations, "brightness unlike the others");
            add(one.saturated_share > run.number("saturated_most"), "saturated");
            add(one.blurred_share > 0.5, "mostly blurred");
            outliers += note.empty() ? 0 : 1;
            csv.row({slide.name, slide.channels[channel], CsvText::number(one.focus),
                     CsvText::number(one.blurred_share), CsvText::number(one.saturated_share),
                     CsvText::number(one.empty_share), CsvText::number(one.tissue_share),
                     CsvText::number(one.mean), CsvText::number(slide.cells),
                     CsvText::number(slide.cells_per_mm2), CsvText::number(focus[place]),
                     CsvText::number(mean[place]), note});
            ++place;
        }
    }
    TRY(csv.write(run.output() / "quality.csv"));
    run.made("table", "quality.csv");
    run.tell("pictures", static_cast<double>(slides.size()));
    run.tell("remarks", outliers);
    return {};
}

}  // namespace

Step quality_step() {
    using enum ParameterType;
    return {
        .name = "quality",
        .summary =
            "Focus, saturation, tissue and cells of each picture, and which are unlike the rest",
        .inputs = {{"image", "image", "pictures"},
                   {"labels", "labels", "their cells, for cells per mm2", false}},
        .outputs = {{"table", "table", "a row for each picture and channel"}},
        .parameters = {{"saturated_most", number, "0.001",
                        "share of pixels at the type's largest value that is remarked", 0, 1}},
        .run = quality,
    };
}

}  // namespace stroma::app
