#include "tissue/network/windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>

#include "base/threads.h"

namespace stroma::tissue {
namespace {

constexpr std::int64_t core_usual = 512, halo_most = 512, strip_rows = 256;
constexpr std::size_t value_bins = 65'536;

std::int64_t rounded_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by * by; }

/// The value that lies at this share of all, between two of them as numpy has it.
double quantile(const std::vector<std::uint64_t>& counts, std::uint64_t all, double share) {
    if (all == 0) return 0;
    const double place = share * static_cast<double>(all - 1);
    const auto below = static_cast<std::uint64_t>(place);
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        before += counts[i];
        if (before <= below) continue;
        if (before > below + 1) return static_cast<double>(i);
        std::size_t next = i + 1;
        while (next < counts.size() && counts[next] == 0) ++next;
        if (next == counts.size()) return static_cast<double>(i);
        return static_cast<double>(i) +
               (place - static_cast<double>(below)) * static_cast<double>(next - i);
    }
    return static_cast<double>(counts.size() - 1);
}

}  // namespace

Result<void> NetworkView::find_range(const image::Channel& channel, bool is_whole,
                                     const NetworkRules& rules, const expression::Watch& watch) {
    const double span = channel.max - channel.min;
    // Whole numbers have a bin each; others lie between the least and the largest value.
    const bool is_exact = is_whole && span < static_cast<double>(value_bins);
    const double width = is_exact || span <= 0 ? 1 : span / static_cast<double>(value_bins - 1);
    std::vector<std::uint64_t> counts(value_bins);
    std::mutex mutex;
    const auto rows = static_cast<std::int64_t>(pixels_.height());
    const auto columns = static_cast<std::int64_t>(pixels_.width());
    const auto counted = parallel_for(
        static_cast<std::size_t>((rows + strip_rows - 1) / strip_rows),
        [&](std::size_t strip) -> Result<void> {
            if (watch.cancelled && watch.cancelled())
                return fail(ErrorCode::cancelled, "the segmentation was cancelled");
            const std::int64_t y = static_cast<std::int64_t>(strip) * strip_rows;
            std::vector<float> values;
            std::vector<std::uint64_t> mine(value_bins);
            constexpr std::int64_t at_once = 4096;
            for (std::int64_t x = 0; x < columns; x += at_once) {
                TRY(pixels_.read(
                    {x, y, std::min(at_once, columns - x), std::min(strip_rows, rows - y)},
                    values));
                for (const float value : values) {
                    const double bin = std::round((value - channel.min) / width);
                    ++mine[static_cast<std::size_t>(
                        bin > 0 ? std::min(bin, static_cast<double>(value_bins - 1)) : 0)];
                }
            }
            const std::lock_guard lock(mutex);
            for (std::size_t i = 0; i < value_bins; ++i) counts[i] += mine[i];
            return {};
        });
    if (!counted) return counted;
    const auto all = static_cast<std::uint64_t>(rows * columns);
    low_ = channel.min + width * quantile(counts, all, rules.percentile_low / 100);
    high_ = channel.min + width * quantile(counts, all, rules.percentile_high / 100);
    if (high_ - low_ < width) high_ = low_ + width;
    return {};
}

Result<NetworkView> NetworkView::open(const image::StoredImage& image, std::size_t channel,
                                      const NetworkRules& rules, double scale,
                                      const expression::Watch& watch) {
    NetworkView view(image, channel);
    const image::ImageInfo& info = image.info();
    view.scale_ = scale;
    const auto scaled = [&](std::uint64_t side) {
        return std::max<std::int64_t>(std::llround(static_cast<double>(side) * scale), 1);
    };
    view.width_ = scaled(info.width);
    view.height_ = scaled(info.height);
    const bool is_whole = info.type != image::PixelType::float32;
    TRY(view.find_range(info.channels[channel], is_whole, rules, watch));
    return view;
}

Result<void> NetworkView::read(const Window& window, std::vector<float>& out) const {
    const auto low = static_cast<float>(low_), factor = static_cast<float>(1 / (high_ - low_));
    if (scale_ == 1) {
        TRY(pixels_.read(window, out));
        for (float& value : out) value = (value - low) * factor;
        return {};
    }
    // Between the four nearest pixels. Places are middles of pixels.
    const auto from = [&](std::int64_t at) {
        return (static_cast<double>(at) + 0.5) / scale_ - 0.5;
    };
    Window source;
    source.x = static_cast<std::int64_t>(std::floor(from(window.x)));
    source.y = static_cast<std::int64_t>(std::floor(from(window.y)));
    source.width =
        static_cast<std::int64_t>(std::floor(from(window.x + window.width))) + 2 - source.x;
    source.height =
        static_cast<std::int64_t>(std::floor(from(window.y + window.height))) + 2 - source.y;
    std::vector<float> pixels;
    TRY(pixels_.read(source, pixels));
    out.resize(static_cast<std::size_t>(window.width * window.height));
    for (std::int64_t y = 0; y < window.height; ++y) {
        const double sy = from(window.y + y) - static_cast<double>(source.y);
        const auto row = static_cast<std::int64_t>(sy);
        const auto down = static_cast<float>(sy - static_cast<double>(row));
        const float* const upper = pixels.data() + row * source.width;
        const float* const lower = upper + source.width;
        for (std::int64_t x = 0; x < window.width; ++x) {
            const double sx = from(window.x + x) - static_cast<double>(source.x);
            const auto at = static_cast<std::int64_t>(sx);
            const auto right = static_cast<float>(sx - static_cast<double>(at));
            const float above = upper[at] + right * (upper[at + 1] - upper[at]);
            const float below = lower[at] + right * (lower[at + 1] - lower[at]);
            out[static_cast<std::size_t>(y * window.width + x)] =
                (above + down * (below - above) - low) * factor;
        }
    }
    return {};
}

Result<WindowPlan> plan_windows(const NetworkModel& model, std::int64_t width,
                                std::int64_t height) {
    const NetworkFacts& facts = model.facts;
    const std::int64_t align = facts.align;
    WindowPlan plan;
    plan.halo = rounded_up(std::min(facts.reach, halo_most), align);
    plan.is_seamless = !facts.looks_everywhere && facts.reach <= plan.halo;
    const std::int64_t said = facts.fixed_side != 0 ? facts.fixed_side : model.rules.window;
    if (said == 0 && plan.is_seamless) {
        plan.core =
            std::min(rounded_up(core_usual, align), rounded_up(std::max(width, height), align));
        plan.side = plan.core + 2 * plan.halo;
        return plan;
    }
    plan.side = said != 0 ? said : core_usual;
    if (plan.side % align != 0)
        return fail(ErrorCode::invalid_input,
                    fmt::format("windows of {} pixels don't fit the network: it needs multiples "
                                "of {}",
                                plan.side, align));
    // Where the network sees further than there is room, an eighth on each side must do.
    if (plan.side - 2 * plan.halo < plan.side / 4) {
        plan.halo = std::max(plan.side / 8 / align * align, std::int64_t{0});
        plan.is_seamless = false;
    }
    plan.core = plan.side - 2 * plan.halo;
    return plan;
}

std::size_t window_count(const WindowPlan& plan, const NetworkView& view) {
    const std::int64_t across = (view.width() + plan.core - 1) / plan.core,
                       down = (view.height() + plan.core - 1) / plan.core;
    return static_cast<std::size_t>(across * down);
}

Result<void> ask_network(const NetworkModel& model, const NetworkView& view, const WindowPlan& plan,
                         std::uint64_t memory_bytes, const expression::Watch& watch,
                         Checkpoint& done,
                         const std::function<Result<void>(const NetworkAnswer&)>& take) {
    const std::int64_t across = (view.width() + plan.core - 1) / plan.core;
    const std::size_t windows = window_count(plan, view);
    const std::size_t found = done.count_done();
    if (found == windows) return {};
    const std::uint64_t each = TRY(NetworkProgram::bytes_needed(model.onnx, plan.side));
    const std::size_t lanes = std::clamp<std::size_t>(each == 0 ? windows : memory_bytes / each, 1,
                                                      std::min(windows, thread_count()));
    std::atomic<std::size_t> next = 0, told = found;
    std::mutex mutex;
    return parallel_for(lanes, [&](std::size_t) -> Result<void> {
        NetworkProgram program = TRY(NetworkProgram::build(model.onnx, plan.side, memory_bytes));
        const auto pixels = static_cast<std::size_t>(plan.side * plan.side);
        const auto channels = static_cast<std::size_t>(model.facts.channels);
        std::vector<float> picture, input(pixels * channels);
        std::vector<std::vector<float>> outputs;
        for (std::size_t at = next++; at < windows; at = next++) {
            if (watch.cancelled && watch.cancelled())
                return fail(ErrorCode::cancelled, "the segmentation was cancelled");
            if (done.is_done(0, at)) continue;
            const std::int64_t x = static_cast<std::int64_t>(at) % across * plan.core,
                               y = static_cast<std::int64_t>(at) / across * plan.core;
            TRY(view.read({x - plan.halo, y - plan.halo, plan.side, plan.side}, picture));
            for (std::size_t c = 0; c < channels; ++c)
                if (c == 0 || model.rules.repeats_channel)
                    std::copy(picture.begin(), picture.end(),
                              input.begin() + static_cast<std::ptrdiff_t>(c * pixels));
            TRY(program.run(input, outputs));
            const NetworkAnswer answer{at,
                                       {x, y, std::min(plan.core, view.width() - x),
                                        std::min(plan.core, view.height() - y)},
                                       plan.halo,
                                       plan.side,
                                       model.facts.outputs[0].grid,
                                       &outputs};
            TRY(take(answer));
            done.mark(0, at);
            const std::lock_guard lock(mutex);
            if (watch.progress)
                watch.progress(static_cast<double>(++told), static_cast<double>(windows),
                               "windows");
        }
        return {};
    });
}

}  // namespace stroma::tissue
