#include "tissue/segment/segmentation.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <mutex>

#include "base/threads.h"
#include "tissue/pixel_reader.h"
#include "tissue/segment/checkpoint.h"
#include "tissue/segment/coarse_plane.h"
#include "tissue/segment/components.h"
#include "tissue/segment/filters.h"
#include "tissue/segment/objects.h"

namespace stroma::tissue {
namespace {

constexpr float full = 65'535;
constexpr double height_scale = 8192;  ///< of seed heights in their 16 bits
constexpr std::uint64_t sample_bins = 65'536;

using Histogram = std::vector<std::uint64_t>;

/// One run over a slide: what its steps leave for each other.
class Slide {
public:
    Slide(const image::StoredImage& image, const SegmentOptions& options, const fs::path& folder,
          const fs::path& kept, const expression::Watch& watch)
        : pixels_(image, options.channel),
          channel_(image.info().channels[options.channel]),
          options_(options),
          folder_(folder),
          kept_(kept),
          watch_(watch) {}

    Result<Segmentation> segment();
    Result<NucleusCandidates> candidates();

private:
    enum Phase : std::size_t { smoothing, lighting, rising, phases };
    using Work = std::function<Result<void>(const Window&)>;
    /// Does the work on each tile, or what else is needed of one that was done before.
    Result<void> for_tiles(Phase phase, const Work& work, const Work& was_done = {});
    void count_values(const ScratchPlane<std::uint16_t>& plane, const Window& core);
    Result<void> open_planes();
    Result<void> prepare();
    BasinRules rules() const;
    Scene scene() const { return {light_, background_, envelope_, otsu_, made_.radius}; }
    Result<std::vector<Basin>> basins_of(ScratchPlane<std::uint32_t>& pieces);
    Result<void> smooth_slide();
    void find_radius();
    void find_background();
    Result<void> find_envelope();
    Result<void> find_heights();
    void tile_heights(const Window& core);
    Raster<float> foreground_light(const Window& core) const;
    Raster<float> light_around(const Window& window) const;
    void set_range();

    PixelReader pixels_;
    const image::Channel& channel_;
    const SegmentOptions& options_;
    const fs::path& folder_;
    const fs::path& kept_;
    const expression::Watch& watch_;
    std::mutex mutex_;
    double tiles_done_ = 0, tiles_total_ = 1;

    Segmentation made_;
    Histogram histogram_ = Histogram(sample_bins);
    ScratchPlane<std::uint16_t> smooth_, light_, heights_;
    CoarsePlane background_, envelope_;
    ScratchPlane<float> largest_;  ///< the envelope before it is made smooth
    Checkpoint done_;
    float otsu_ = 0;
};

Result<void> Slide::for_tiles(Phase phase, const Work& work, const Work& was_done) {
    const std::int64_t side = options_.tile_side;
    const auto width = static_cast<std::int64_t>(pixels_.width());
    const auto height = static_cast<std::int64_t>(pixels_.height());
    const std::int64_t across = (width + side - 1) / side, down = (height + side - 1) / side;
    return parallel_for(
        static_cast<std::size_t>(across * down), [&](std::size_t at) -> Result<void> {
            if (watch_.cancelled && watch_.cancelled())
                return fail(ErrorCode::cancelled, "the segmentation was cancelled");
            const std::int64_t x = static_cast<std::int64_t>(at) % across * side;
            const std::int64_t y = static_cast<std::int64_t>(at) / across * side;
            const Window core{x, y, std::min(side, width - x), std::min(side, height - y)};
            if (!done_.is_done(phase, at)) {
                TRY(work(core));
                done_.mark(phase, at);
            } else if (was_done) {
                TRY(was_done(core));
            }
            const std::lock_guard lock(mutex_);
            ++tiles_done_;
            if (watch_.progress) watch_.progress(tiles_done_, tiles_total_, "tiles");
            return {};
        });
}

void Slide::count_values(const ScratchPlane<std::uint16_t>& plane, const Window& core) {
    Histogram counts(sample_bins);
    for (std::int64_t y = 0; y < core.height; ++y) {
        const std::uint16_t* const row = plane.row(core.y + y) + core.x;
        for (std::int64_t x = 0; x < core.width; ++x) ++counts[row[x]];
    }
    plane.let_go(core.y, core.height);
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < counts.size(); ++i) histogram_[i] += counts[i];
}

/// Values far above what is usual are cut off, so that one hot pixel doesn't flatten the rest.
void Slide::set_range() {
    made_.low = channel_.min;
    const double usual =
        channel_.high > channel_.low ? channel_.high - channel_.low : channel_.max - channel_.min;
    made_.high = std::min(channel_.max, channel_.low + 16 * usual);
    if (made_.high <= made_.low) made_.high = made_.low + 1;
}

Result<void> Slide::smooth_slide() {
    const std::int64_t halo = smooth_support(1);
    const auto low = static_cast<float>(made_.low);
    const auto factor = static_cast<float>(full / (made_.high - made_.low));
    const Work work = [&](const Window& core) -> Result<void> {
        Raster<float> tile(core.width + 2 * halo, core.height + 2 * halo);
        TRY(pixels_.read({core.x - halo, core.y - halo, tile.width, tile.height}, tile.values));
        for (float& value : tile.values) value = std::clamp((value - low) * factor, 0.0f, full);
        smooth(tile, 1);
        for (std::int64_t y = 0; y < core.height; ++y) {
            const float* const from = tile.row(y + halo) + halo;
            std::uint16_t* const to = smooth_.row(core.y + y) + core.x;
            for (std::int64_t x = 0; x < core.width; ++x)
                to[x] = static_cast<std::uint16_t>(from[x] + 0.5f);
        }
        count_values(smooth_, core);
        return {};
    };
    return for_tiles(smoothing, work, [&](const Window& core) -> Result<void> {
        count_values(smooth_, core);
        return {};
    });
}

void Slide::find_radius() {
    if (options_.radius > 0) {
        made_.radius = options_.radius;
        return;
    }
    auto areas = component_areas(smooth_, otsu_threshold(histogram_));
    // Single specks are noise, not nuclei.
    areas.erase(areas.begin(), std::lower_bound(areas.begin(), areas.end(), 20));
    const double middle = areas.empty() ? 200 : static_cast<double>(areas[areas.size() / 2]);
    made_.radius = std::clamp(std::sqrt(middle / 3.14159265358979), 4.0, 40.0);
}

void Slide::find_background() {
    const auto factor = std::max<std::int64_t>(std::lround(made_.radius / 4), 1);
    background_ = CoarsePlane(factor, smooth_.width(), smooth_.height());
    std::vector<std::uint64_t> sums;
    for (std::int64_t cy = 0; cy < background_.values.height; ++cy) {
        sums.assign(static_cast<std::size_t>(background_.values.width), 0);
        const auto y0 = static_cast<std::uint64_t>(cy * factor);
        const std::uint64_t y1 = std::min(y0 + factor, smooth_.height());
        for (std::uint64_t y = y0; y < y1; ++y) {
            const std::uint16_t* row = smooth_.row(y);
            for (std::uint64_t x = 0, c = 0; x < smooth_.width(); ++c)
                for (const std::uint64_t end = std::min(x + factor, smooth_.width()); x < end; ++x)
                    sums[c] += row[x];
        }
        for (std::size_t c = 0; c < sums.size(); ++c) {
            const std::uint64_t columns =
                std::min<std::uint64_t>(factor, smooth_.width() - c * factor);
            background_.values.row(cy)[c] = static_cast<float>(
                static_cast<double>(sums[c]) / static_cast<double>(columns * (y1 - y0)));
        }
        smooth_.let_go(y0, y1 - y0);
    }
    const auto reach = std::lround(4 * made_.radius / static_cast<double>(factor));
    narrow(background_.values, reach);
    widen(background_.values, reach);
    smooth(background_.values, static_cast<double>(reach) / 2);
}

/// The tile without its background: smoothed values over it, at least 0.
Raster<float> Slide::foreground_light(const Window& core) const {
    Raster<float> light(core.width, core.height);
    std::vector<float> below(static_cast<std::size_t>(core.width));
    for (std::int64_t y = 0; y < core.height; ++y) {
        background_.row(core.x, core.y + y, core.width, below.data());
        const std::uint16_t* const row = smooth_.row(core.y + y) + core.x;
        float* const out = light.row(y);
        for (std::int64_t x = 0; x < core.width; ++x)
            out[x] = std::max(static_cast<float>(row[x]) - below[x], 0.0f);
    }
    return light;
}

/// The same of any window, once it is known of all tiles; edges repeat the last pixel.
Raster<float> Slide::light_around(const Window& window) const {
    Raster<float> light(window.width, window.height);
    const auto width = static_cast<std::int64_t>(light_.width());
    const auto height = static_cast<std::int64_t>(light_.height());
    const std::int64_t left = std::clamp<std::int64_t>(-window.x, 0, window.width);
    const std::int64_t right = std::clamp<std::int64_t>(width - window.x, left, window.width);
    for (std::int64_t y = 0; y < window.height; ++y) {
        const std::uint16_t* const row =
            light_.row(std::clamp<std::int64_t>(window.y + y, 0, height - 1));
        float* const out = light.row(y);
        std::fill_n(out, left, static_cast<float>(row[0]));
        for (std::int64_t x = left; x < right; ++x) out[x] = row[window.x + x];
        std::fill(out + right, out + window.width, static_cast<float>(row[width - 1]));
    }
    return light;
}

Result<void> Slide::find_envelope() {
    const std::int64_t factor = background_.factor;
    envelope_ = CoarsePlane(factor, smooth_.width(), smooth_.height());
    histogram_.assign(sample_bins, 0);
    largest_ = TRY(done_.plane<float>("largest", static_cast<std::uint64_t>(envelope_.values.width),
                                      static_cast<std::uint64_t>(envelope_.values.height)));
    const Work work = [&](const Window& core) -> Result<void> {
        const Raster<float> light = foreground_light(core);
        // Tiles share coarse pixels at their borders; a maximum is the same in any order.
        Raster<float> coarse(core.width / factor + 2, core.height / factor + 2);
        const std::int64_t cx = core.x / factor, cy = core.y / factor;
        for (std::int64_t y = 0; y < core.height; ++y) {
            const float* const from = light.row(y);
            std::uint16_t* const to = light_.row(core.y + y) + core.x;
            for (std::int64_t x = 0; x < core.width; ++x)
                to[x] = static_cast<std::uint16_t>(from[x] + 0.5f);
            float* largest = coarse.row((core.y + y) / factor - cy);
            for (std::int64_t x = 0; x < core.width; ++largest) {
                const std::int64_t end =
                    std::min(((core.x + x) / factor + 1) * factor - core.x, core.width);
                for (; x < end; ++x) *largest = std::max(*largest, from[x]);
            }
        }
        count_values(light_, core);
        smooth_.let_go(core.y, core.height);
        const std::lock_guard lock(mutex_);
        for (std::int64_t y = 0; y < coarse.height && cy + y < envelope_.values.height; ++y)
            for (std::int64_t x = 0; x < coarse.width && cx + x < envelope_.values.width; ++x) {
                float& most = largest_.row(static_cast<std::uint64_t>(cy + y))[cx + x];
                most = std::max(most, coarse.row(y)[x]);
            }
        return {};
    };
    TRY(for_tiles(lighting, work, [&](const Window& core) -> Result<void> {
        count_values(light_, core);
        return {};
    }));
    for (std::int64_t y = 0; y < envelope_.values.height; ++y)
        std::copy_n(largest_.row(static_cast<std::uint64_t>(y)), envelope_.values.width,
                    envelope_.values.row(y));
    const double coarse_radius = made_.radius / static_cast<double>(factor);
    widen(envelope_.values, std::lround(coarse_radius));
    smooth(envelope_.values, coarse_radius);
    otsu_ = otsu_threshold(histogram_);
    made_.threshold = made_.low + otsu_ * (made_.high - made_.low) / full;
    return {};
}

void Slide::tile_heights(const Window& core) {
    const double radius = made_.radius;
    const auto reach = std::min<std::int64_t>(std::lround(3 * radius), 127);
    const auto hole_side = std::lround(2 * radius);
    const double distance_sigma = std::max(0.15 * radius, 0.5);
    const double spot_sigma = 0.6 * radius / std::sqrt(2.0);
    const std::int64_t halo =
        4 + hole_side + 1 +
        std::max(reach + smooth_support(distance_sigma), smooth_support(spot_sigma) + 1);
    const Window window{core.x - halo, core.y - halo, core.width + 2 * halo,
                        core.height + 2 * halo};
    Raster<float> light = light_around(window);
    Raster<std::uint8_t> mask(window.width, window.height);
    std::vector<float> around(static_cast<std::size_t>(window.width));
    const auto least = static_cast<float>(options_.otsu_share) * otsu_;
    const auto share = static_cast<float>(options_.envelope_share);
    bool any = false;
    for (std::int64_t y = 0; y < window.height; ++y) {
        envelope_.row(window.x, window.y + y, window.width, around.data());
        float* const row = light.row(y);
        std::uint8_t* const set = mask.row(y);
        for (std::int64_t x = 0; x < window.width; ++x) {
            set[x] = row[x] > share * around[x] && row[x] > least ? 1 : 0;
            any |= set[x] != 0;
            row[x] /= std::max(around[x], std::max(least, 1.0f));
        }
    }
    if (!any) return;
    open_square(mask);
    fill_holes(mask, hole_side);
    Raster<float> inside = distance_inside(mask, reach);
    smooth(inside, distance_sigma);
    const Raster<float> bright = spots(std::move(light), spot_sigma);
    const auto weight = static_cast<float>(options_.spot_weight);
    const auto by_radius = static_cast<float>(1 / radius);
    for (std::int64_t y = 0; y < core.height; ++y) {
        const std::uint8_t* const set = mask.row(y + halo) + halo;
        const float* const depth = inside.row(y + halo) + halo;
        const float* const spot = bright.row(y + halo) + halo;
        std::uint16_t* const out = heights_.row(core.y + y) + core.x;
        for (std::int64_t x = 0; x < core.width; ++x) {
            if (set[x] == 0) continue;
            const float height = depth[x] * by_radius + weight * std::max(spot[x], 0.0f);
            out[x] = static_cast<std::uint16_t>(
                std::clamp(height * static_cast<float>(height_scale) + 1, 1.0f, full));
        }
    }
}

Result<void> Slide::find_heights() {
    return for_tiles(rising, [&](const Window& core) -> Result<void> {
        tile_heights(core);
        light_.let_go(core.y, core.height);
        heights_.let_go(core.y, core.height);
        return {};
    });
}

Result<void> Slide::open_planes() {
    const std::uint64_t width = pixels_.width(), height = pixels_.height();
    const auto side = static_cast<std::uint64_t>(options_.tile_side);
    const std::uint64_t tiles = ((width + side - 1) / side) * ((height + side - 1) / side);
    done_ = TRY(Checkpoint::open(kept_, folder_, phases, tiles));
    made_.tiles = phases * tiles;
    made_.tiles_found = done_.count_done();
    tiles_total_ = static_cast<double>(made_.tiles);
    smooth_ = TRY(done_.plane<std::uint16_t>("smooth", width, height));
    light_ = TRY(done_.plane<std::uint16_t>("light", width, height));
    heights_ = TRY(done_.plane<std::uint16_t>("heights", width, height));
    return {};
}

BasinRules Slide::rules() const {
    return {.height_min = static_cast<std::uint16_t>(options_.seed_height * height_scale),
            .height_scale = height_scale,
            .area_max = 16 * 3.14159265358979 * made_.radius * made_.radius,
            .join_bias = options_.join_bias};
}

/// Worked out for the whole slide at once: done or not.
Result<std::vector<Basin>> Slide::basins_of(ScratchPlane<std::uint32_t>& pieces) {
    static_assert(std::is_trivially_copyable_v<Basin>);
    constexpr const char* name = "basins";
    const Bytes before = done_.note(name);
    std::vector<Basin> basins(before.size() / sizeof(Basin));
    if (!before.empty()) {
        pieces = TRY(done_.plane<std::uint32_t>("pieces", heights_.width(), heights_.height()));
        std::memcpy(basins.data(), before.data(), basins.size() * sizeof(Basin));
        return basins;
    }
    // What was cut off in it left labels, and it begins with none.
    TRY(done_.forget("pieces"));
    pieces = TRY(done_.plane<std::uint32_t>("pieces", heights_.width(), heights_.height()));
    const Scene here = scene();
    BasinRules rules = this->rules();
    rules.scene = &here;
    basins = TRY(find_basins(heights_, rules, pieces, watch_));
    TRY(done_.put_note(name, std::as_bytes(std::span(basins))));
    return basins;
}

Result<void> Slide::prepare() {
    set_range();
    TRY(open_planes());
    TRY(smooth_slide());
    find_radius();
    find_background();
    TRY(find_envelope());
    smooth_ = {};
    return find_heights();
}

Result<NucleusCandidates> Slide::candidates() {
    TRY(prepare());
    NucleusCandidates found;
    found.pieces = TRY(done_.plane<std::uint32_t>("pieces", heights_.width(), heights_.height()));
    const Scene here = scene();
    BasinRules rules = this->rules();
    rules.scene = &here;
    found.basins = TRY(find_basins(heights_, rules, found.pieces, watch_, &found.candidates));
    found.light = std::move(light_);
    found.radius = made_.radius;
    return found;
}

Result<Segmentation> Slide::segment() {
    TRY(prepare());
    ScratchPlane<std::uint32_t> pieces;
    const std::vector<Basin> basins = TRY(basins_of(pieces));
    heights_ = {};
    made_.labels =
        TRY(ScratchPlane<std::uint32_t>::make(folder_, pixels_.width(), pixels_.height()));
    made_.count =
        TRY(draw_objects(basins, pieces, light_, options_, made_.radius, made_.labels, watch_));
    return std::move(made_);
}

Result<void> in_range(std::string_view name, double value, double low, double high) {
    if (value >= low && value <= high) return {};
    return fail(ErrorCode::invalid_input,
                fmt::format("{} is {}; it must be from {} to {}", name, value, low, high));
}

}  // namespace

Result<void> check(const SegmentOptions& options) {
    if (options.radius != 0) TRY(in_range("radius", options.radius, 2, 40));
    TRY(in_range("envelope share", options.envelope_share, 0, 1));
    TRY(in_range("otsu share", options.otsu_share, 0, 10));
    TRY(in_range("spot weight", options.spot_weight, 0, 4));
    TRY(in_range("seed height", options.seed_height, 0, 4));
    TRY(in_range("join bias", options.join_bias, -20, 20));
    TRY(in_range("least chance", options.chance_min, 0, 1));
    TRY(in_range("border share", options.border_share, 0, 0.99));
    TRY(in_range("area share", options.area_share, 0, 10));
    return in_range("tile side", static_cast<double>(options.tile_side), 16, 16'384);
}

Result<NucleusCandidates> nucleus_candidates(const image::StoredImage& image,
                                             const SegmentOptions& options,
                                             const fs::path& scratch_folder) {
    TRY(check(options));
    return Slide(image, options, scratch_folder, {}, {}).candidates();
}

Result<Segmentation> segment_nuclei(const image::StoredImage& image, const SegmentOptions& options,
                                    const fs::path& scratch_folder, const expression::Watch& watch,
                                    const fs::path& kept) {
    TRY(check(options));
    if (image.info().content == image::Content::labels)
        return fail(ErrorCode::invalid_input, "the image holds labels, not brightness");
    if (options.channel >= image.info().channels.size())
        return fail(ErrorCode::invalid_input,
                    fmt::format("there is no channel {}: the image has {}", options.channel,
                                image.info().channels.size()));
    return Slide(image, options, scratch_folder, kept, watch).segment();
}

}  // namespace stroma::tissue
