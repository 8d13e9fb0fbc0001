#include "tissue/network/network_segmentation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "tissue/measure/kept_tiles.h"
#include "tissue/network/windows.h"
#include "tissue/segment/basins.h"
#include "tissue/segment/objects.h"

namespace stroma::tissue {
namespace {

constexpr double share_scale = 65'535, depth_scale = 8192;  ///< of 16 bits
constexpr std::size_t candidates_max = 4'000'000;

/// One run of a network over a picture, by one of the decoders.
class NetworkRun {
public:
    NetworkRun(const NetworkModel& model, const NetworkView& view, const WindowPlan& plan,
               const fs::path& folder, Checkpoint& done, std::uint64_t memory_bytes,
               const expression::Watch& watch)
        : model_(model),
          rules_(model.rules),
          view_(view),
          plan_(plan),
          folder_(folder),
          done_(done),
          memory_bytes_(memory_bytes),
          watch_(watch) {}

    Result<std::uint32_t> run(ScratchPlane<std::uint32_t>& labels) {
        switch (rules_.decoder) {
            case NetworkRules::Decoder::stardist: return stars(labels);
            case NetworkRules::Decoder::cellpose: return flows(labels);
            case NetworkRules::Decoder::probability: break;
        }
        return shares(labels);
    }

private:
    Result<void> ask(const std::function<Result<void>(const NetworkAnswer&)>& take) const {
        return ask_network(model_, view_, plan_, memory_bytes_, watch_, done_, take);
    }
    template <class T>
    Result<ScratchPlane<T>> plane(const char* name) const {
        return done_.plane<T>(name, static_cast<std::uint64_t>(view_.width()),
                              static_cast<std::uint64_t>(view_.height()));
    }
    Result<std::uint32_t> shares(ScratchPlane<std::uint32_t>& labels) const;
    Result<std::uint32_t> stars(ScratchPlane<std::uint32_t>& labels) const;
    Result<std::uint32_t> flows(ScratchPlane<std::uint32_t>& labels) const;

    const NetworkModel& model_;
    const NetworkRules& rules_;
    const NetworkView& view_;
    const WindowPlan& plan_;
    const fs::path& folder_;
    Checkpoint& done_;
    const std::uint64_t memory_bytes_;
    const expression::Watch& watch_;
};

/// The maps of all outputs one after another.
std::vector<const float*> maps_of(const NetworkModel& model, const NetworkAnswer& answer) {
    std::vector<const float*> maps;
    for (std::size_t i = 0; i < model.facts.outputs.size(); ++i)
        for (std::int64_t c = 0; c < model.facts.outputs[i].channels; ++c)
            maps.push_back(answer.map(i, static_cast<std::size_t>(c)));
    return maps;
}

/// What one place's maps say: how sure it is that something is there, and how deep within.
class ShareReader {
public:
    explicit ShareReader(const NetworkRules& rules) : rules_(rules) {
        const auto place = [&](const char* name) {
            const auto found = std::find(rules.maps.begin(), rules.maps.end(), name);
            return found == rules.maps.end()
                       ? -1
                       : static_cast<int>(std::distance(rules.maps.begin(), found));
        };
        foreground_ = place("foreground");
        background_ = place("background");
        inside_ = place("inside");
        border_ = place("border");
        depth_ = place("depth");
    }

    struct Said {
        float share, depth;
    };
    Said at(const std::vector<const float*>& maps, std::size_t place) const {
        float values[16];
        const std::size_t count = maps.size();
        for (std::size_t i = 0; i < count; ++i) values[i] = maps[i][place];
        if (rules_.activation == "sigmoid") {
            for (std::size_t i = 0; i < count; ++i) values[i] = 1 / (1 + std::exp(-values[i]));
        } else if (rules_.activation == "softmax") {
            const float most = *std::max_element(values, values + count);
            float sum = 0;
            for (std::size_t i = 0; i < count; ++i) sum += values[i] = std::exp(values[i] - most);
            for (std::size_t i = 0; i < count; ++i) values[i] /= sum;
        }
        Said said{};
        if (foreground_ >= 0)
            said.share = values[foreground_];
        else if (background_ >= 0)
            said.share = 1 - values[background_];
        else
            said.share = values[inside_] + (border_ >= 0 ? values[border_] : 0);
        if (depth_ >= 0)
            said.depth = values[depth_];
        else if (inside_ >= 0)
            said.depth = values[inside_];
        else
            said.depth = said.share * (border_ >= 0 ? 1 - values[border_] : 1);
        said.share = std::clamp(said.share, 0.0f, 1.0f);
        said.depth = std::clamp(said.depth, 0.0f, 1.0f);
        return said;
    }

private:
    const NetworkRules& rules_;
    int foreground_ = -1, background_ = -1, inside_ = -1, border_ = -1, depth_ = -1;
};

Result<std::uint32_t> NetworkRun::shares(ScratchPlane<std::uint32_t>& labels) const {
    auto surety = TRY(plane<std::uint16_t>("surety")),
         heights = TRY(plane<std::uint16_t>("heights"));
    const ShareReader reader(rules_);
    TRY(ask([&](const NetworkAnswer& answer) -> Result<void> {
        const auto maps = maps_of(model_, answer);
        const Window& core = answer.core;
        for (std::int64_t y = core.y; y < core.y + core.height; ++y) {
            std::uint16_t* const sure = surety.row(static_cast<std::uint64_t>(y));
            std::uint16_t* const high = heights.row(static_cast<std::uint64_t>(y));
            for (std::int64_t x = core.x; x < core.x + core.width; ++x) {
                const auto said = reader.at(maps, answer.place(x, y));
                if (!(said.share >= static_cast<float>(rules_.foreground_min))) continue;
                sure[x] = static_cast<std::uint16_t>(said.share * share_scale);
                high[x] = static_cast<std::uint16_t>(1 + said.depth * depth_scale);
            }
        }
        surety.let_go(static_cast<std::uint64_t>(core.y), static_cast<std::uint64_t>(core.height));
        heights.let_go(static_cast<std::uint64_t>(core.y), static_cast<std::uint64_t>(core.height));
        return {};
    }));
    auto pieces = TRY(ScratchPlane<std::uint32_t>::make(folder_, surety.width(), surety.height()));
    const BasinRules basins{
        .height_min = static_cast<std::uint16_t>(std::max(rules_.seed_height * depth_scale, 1.0)),
        .height_scale = depth_scale,
        .join_bias = rules_.join_bias};
    const auto found = TRY(find_basins(heights, basins, pieces, watch_));
    SegmentOptions drawing;
    drawing.border_share = 0;
    drawing.area_share = rules_.area_min / 3.14159265358979;
    return draw_objects(found, pieces, surety, drawing, 1, labels, watch_);
}

std::string star_note(std::size_t window) { return fmt::format("stars-{}", window); }

/// Candidates as numbers one behind the other: probability, place, radii.
Bytes packed_stars(const std::vector<StarCandidate>& stars) {
    TileWriter writer;
    for (const StarCandidate& star : stars) {
        writer.put(star.probability);
        writer.put(star.y);
        writer.put(star.x);
        writer.put_all(std::span(star.radii));
    }
    const ByteSpan bytes = as_bytes(writer.bytes());
    return {bytes.begin(), bytes.end()};
}

std::vector<StarCandidate> unpacked_stars(const Bytes& bytes) {
    TileReader reader{std::string(as_text(bytes))};
    std::vector<StarCandidate> stars;
    StarCandidate star;
    while (!reader.is_at_end() && reader.take(star.probability) && reader.take(star.y) &&
           reader.take(star.x) && reader.take_all(star.radii))
        stars.push_back(star);
    return stars;
}

Result<std::uint32_t> NetworkRun::stars(ScratchPlane<std::uint32_t>& labels) const {
    std::vector<StarCandidate> candidates;
    std::mutex mutex;
    for (std::size_t window = 0; window < window_count(plan_, view_); ++window)
        if (done_.is_done(0, window))
            for (StarCandidate& star : unpacked_stars(done_.note(star_note(window).c_str())))
                candidates.push_back(std::move(star));
    const bool is_last = model_.facts.outputs.size() == 2 && model_.facts.outputs[1].channels == 1;
    const auto take = [&](const NetworkAnswer& answer) -> Result<void> {
        auto maps = maps_of(model_, answer);
        if (is_last) std::rotate(maps.begin(), maps.end() - 1, maps.end());
        const Window& core = answer.core;
        std::vector<StarCandidate> mine;
        for (std::int64_t y = core.y; y < core.y + core.height; y += answer.grid)
            for (std::int64_t x = core.x; x < core.x + core.width; x += answer.grid) {
                const std::size_t place = answer.place(x, y);
                if (!(maps[0][place] > static_cast<float>(rules_.probability_min))) continue;
                StarCandidate star{
                    maps[0][place], static_cast<std::int32_t>(y), static_cast<std::int32_t>(x), {}};
                constexpr float least = 1e-3f, most = 4096;
                for (std::size_t k = 1; k < maps.size(); ++k)
                    star.radii.push_back(maps[k][place] > least ? std::min(maps[k][place], most)
                                                                : least);
                mine.push_back(std::move(star));
            }
        if (done_.is_kept())
            TRY(done_.put_note(star_note(answer.number).c_str(), packed_stars(mine)));
        const std::lock_guard lock(mutex);
        candidates.insert(candidates.end(), std::make_move_iterator(mine.begin()),
                          std::make_move_iterator(mine.end()));
        if (candidates.size() > candidates_max)
            return fail(ErrorCode::exhausted,
                        "the network proposes over 4 million objects; raise 'probability_min' in "
                        "the model's description, or cut the picture");
        return {};
    };
    TRY(ask(take));
    return draw_stars(std::move(candidates), rules_.overlap_max, rules_.area_min, labels, watch_);
}

Result<std::uint32_t> NetworkRun::flows(ScratchPlane<std::uint32_t>& labels) const {
    auto down = TRY(plane<float>("down")), right = TRY(plane<float>("right"));
    auto is_cell = TRY(plane<std::uint16_t>("is_cell"));
    TRY(ask([&](const NetworkAnswer& answer) -> Result<void> {
        const auto maps = maps_of(model_, answer);
        const Window& core = answer.core;
        for (std::int64_t y = core.y; y < core.y + core.height; ++y)
            for (std::int64_t x = core.x; x < core.x + core.width; ++x) {
                const std::size_t place = answer.place(x, y);
                if (!(maps[2][place] > static_cast<float>(rules_.cell_min))) continue;
                const auto row = static_cast<std::uint64_t>(y);
                is_cell.row(row)[x] = 1;
                const auto fifth = [&](float flow) {
                    return std::isfinite(flow) ? std::clamp(flow / 5, -10.0f, 10.0f) : 0.0f;
                };
                down.row(row)[x] = fifth(maps[0][place]);
                right.row(row)[x] = fifth(maps[1][place]);
            }
        return {};
    }));
    return follow_flows(down, right, is_cell, {rules_.flow_error_max, rules_.area_min}, folder_,
                        labels, watch_);
}

/// Labels of a picture that was made larger or smaller, at the picture's own pixels.
void lay_back(const ScratchPlane<std::uint32_t>& from, double scale,
              ScratchPlane<std::uint32_t>& to) {
    const auto source = [&](std::uint64_t at, std::uint64_t side) {
        const double place = (static_cast<double>(at) + 0.5) * scale;
        return std::min(static_cast<std::uint64_t>(place), side - 1);
    };
    for (std::uint64_t y = 0; y < to.height(); ++y) {
        const std::uint32_t* const row = from.row(source(y, from.height()));
        for (std::uint64_t x = 0; x < to.width(); ++x) to.row(y)[x] = row[source(x, from.width())];
    }
}

}  // namespace

Result<Segmentation> segment_by_network(const image::StoredImage& image, const NetworkModel& model,
                                        const SegmentOptions& options,
                                        const fs::path& scratch_folder, std::uint64_t memory_bytes,
                                        const expression::Watch& watch, bool* is_seamless,
                                        const fs::path& kept) {
    TRY(check(options));
    const image::ImageInfo& info = image.info();
    if (info.content == image::Content::labels)
        return fail(ErrorCode::invalid_input, "the image holds labels, not brightness");
    if (options.channel >= info.channels.size())
        return fail(ErrorCode::invalid_input,
                    fmt::format("there is no channel {}: the image has {}", options.channel,
                                info.channels.size()));
    const bool is_scaled = model.rules.diameter > 0 && options.radius > 0;
    const double scale = is_scaled ? model.rules.diameter / (2 * options.radius) : 1;
    const auto view = TRY(NetworkView::open(image, options.channel, model.rules, scale, watch));
    const WindowPlan plan = TRY(plan_windows(model, view.width(), view.height()));
    if (is_seamless != nullptr) *is_seamless = plan.is_seamless;
    Segmentation made;
    made.radius = options.radius;
    made.low = view.low();
    made.high = view.high();
    made.labels = TRY(ScratchPlane<std::uint32_t>::make(scratch_folder,
                                                        static_cast<std::uint64_t>(view.width()),
                                                        static_cast<std::uint64_t>(view.height())));
    made.tiles = window_count(plan, view);
    Checkpoint done = TRY(Checkpoint::open(kept, scratch_folder, 1, made.tiles));
    made.tiles_found = done.count_done();
    NetworkRun run(model, view, plan, scratch_folder, done, memory_bytes, watch);
    made.count = TRY(run.run(made.labels));
    if (scale != 1) {
        auto labels =
            TRY(ScratchPlane<std::uint32_t>::make(scratch_folder, info.width, info.height));
        lay_back(made.labels, scale, labels);
        made.labels = std::move(labels);
    }
    return made;
}

}  // namespace stroma::tissue
