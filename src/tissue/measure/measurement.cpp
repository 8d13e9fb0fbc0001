#include "tissue/measure/measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/threads.h"
#include "image/pyramid_writer.h"
#include "tissue/measure/kept_tiles.h"
#include "tissue/measure/label_boxes.h"
#include "tissue/measure/moments.h"
#include "tissue/measure/object_runs.h"
#include "tissue/measure/run_sums.h"
#include "tissue/measure/statistic_plan.h"

namespace stroma::tissue {
namespace {

/// Objects of several tiles whose pixels of all channels, or whose box, need more than this aren't
/// collected from the tiles but read by themselves, channel by channel.
constexpr std::uint64_t collected_bytes_max = 64u << 20;

bool is_before(const PixelRun& one, const PixelRun& other) {
    return one.y != other.y ? one.y < other.y : one.x0 < other.x0;
}

/// The pixels of an object: all; of its nucleus and of the rest, where nuclei are given.
using Parts = std::array<std::vector<PixelRun>, 3>;

/// Adds runs to the whole, and as nucleus and cytoplasm where `nuclei` (of the window) isn't null.
void add_runs(std::span<const PixelRun> runs, std::uint32_t label, const Window& window,
              const std::uint32_t* nuclei, Parts& parts) {
    parts[0].insert(parts[0].end(), runs.begin(), runs.end());
    if (nuclei == nullptr) return;
    for (const PixelRun& run : runs) {
        const std::uint32_t* const row = nuclei + (run.y - window.y) * window.width - window.x;
        for (std::int64_t x = run.x0; x < run.x1;) {
            const bool is_inside = row[x] == label;
            const std::int64_t from = x;
            while (x < run.x1 && (row[x] == label) == is_inside) ++x;
            parts[is_inside ? 1 : 2].push_back({run.y, from, x});
        }
    }
}

/// Measures by tiles of the picture, each unpacked once. Objects inside a tile are done there; of
/// those of several tiles runs and pixels are collected until all are there, and then measured as
/// if they had lain in one: which thread came first isn't seen, even in sums of floats.
template <class T>
class Measurer {
public:
    Measurer(const image::StoredImage& image, const image::StoredImage& labels,
             const image::StoredImage* nuclei, StatisticPlan plan, const expression::Watch& watch)
        : image_(image), labels_(labels), nuclei_(nuclei), plan_(std::move(plan)), watch_(watch) {}

    Result<Measurement> measure(const MeasureOptions& options);

private:
    /// An object of several tiles: what was seen of it, in the order of the tiles' coming.
    struct Collected {
        std::size_t index = 0;
        std::uint64_t area = 0;
        Parts parts;
        std::vector<std::vector<T>> pixels;  ///< of each channel, by parts[0]
    };
    /// An object that lies in the tile as a whole: its parts' runs from `begins` to `ends`.
    struct Whole {
        std::size_t index = 0, object = 0;  ///< among the boxes; in the tile
        std::array<std::size_t, 3> begins{}, ends{};
    };
    /// What a thread has at a time; its memory serves the next tile.
    struct Desk {
        std::vector<std::uint32_t> labels, nuclei;
        ObjectRuns objects;
        Parts runs;
        std::vector<Whole> wholes;
        std::vector<Collected> pieces;
        image::Tile tile;
        std::vector<T> room, box;
        QuantileFinder<T> quantiles;
        RowSums row_sums;
    };
    std::unique_ptr<Desk> take_desk();
    void give_back(std::unique_ptr<Desk> desk);

    Result<void> measure_tile(const Window& window, std::size_t number);
    void keep(const Desk& desk, TileWriter& to) const;
    /// Takes what was kept of the tile. False: it isn't of this measurement, nothing is taken.
    bool take_kept(std::string bytes, Desk& desk);
    Result<void> find_objects(const Window& window, Desk& desk);
    Result<void> measure_channel(const Window& window, std::size_t channel, Desk& desk);
    void sum_rows(std::size_t channel, const Pixels<T>& pixels,
                  Desk& desk) requires(std::is_same_v<T, std::uint16_t>);
    /// Whether sum_rows() is all that whole objects need.
    bool is_summed() const {
        return std::is_same_v<T, std::uint16_t> && plan_.quantiles.empty() &&
               !plan_.wanted.squares && !plan_.wanted.extremes;
    }
    void collect(Desk& desk);
    void finish(Collected& object, Desk& desk);
    Result<void> measure_alone(const BoxBlock& block);
    void set_shape(std::size_t index, std::span<const PixelRun> whole,
                   std::span<const PixelRun> nucleus);
    void set_brightness(std::size_t index, std::size_t channel, std::size_t part,
                        const Pixels<T>& pixels, std::span<const PixelRun> runs, Desk& desk);
    bool is_alone(const LabelBox& box) const;
    void tell(std::size_t cells);
    void name_channels(const std::vector<std::string>& given);
    void name_tables();
    std::size_t part_count() const { return nuclei_ == nullptr ? 1 : 3; }
    std::size_t channel_count() const { return made_.channels.size(); }

    const image::StoredImage& image_;
    const image::StoredImage& labels_;
    const image::StoredImage* nuclei_;
    const StatisticPlan plan_;
    const expression::Watch& watch_;
    std::vector<LabelBox> boxes_;
    TileRuns runs_;
    Measurement made_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Desk>> spare_;
    std::unordered_map<std::size_t, Collected> collected_;  ///< by place among the boxes
    KeptTiles kept_;
    double done_ = 0;
};

template <class T>
bool Measurer<T>::is_alone(const LabelBox& box) const {
    const auto side = static_cast<std::int64_t>(image::tile_side);
    const bool is_in_one_tile =
        box.x0 / side == (box.x1 - 1) / side && box.y0 / side == (box.y1 - 1) / side;
    const auto box_pixels = static_cast<std::uint64_t>((box.x1 - box.x0) * (box.y1 - box.y0));
    return !is_in_one_tile &&
           std::max(box.area * channel_count(), box_pixels) * sizeof(T) > collected_bytes_max;
}

template <class T>
void Measurer<T>::set_shape(std::size_t index, std::span<const PixelRun> whole,
                            std::span<const PixelRun> nucleus) {
    made_.regions[index] = region_of(whole);
    if (nuclei_ != nullptr) made_.nucleus_areas[index] = pixel_count(nucleus);
}

template <class T>
void Measurer<T>::set_brightness(std::size_t index, std::size_t channel, std::size_t part,
                                 const Pixels<T>& pixels, std::span<const PixelRun> runs,
                                 Desk& desk) {
    std::span<const double> quantiles;
    if (!plan_.quantiles.empty() && !runs.empty())
        quantiles = desk.quantiles.of(gather(pixels, runs, desk.room), plan_.quantiles);
    plan_.summarise(moments_under(pixels, runs, plan_.wanted, desk.room), quantiles,
                    made_.tables.data() + part * plan_.names.size(),
                    index * channel_count() + channel);
}

template <class T>
Result<void> Measurer<T>::find_objects(const Window& window, Desk& desk) {
    const auto side = static_cast<std::int64_t>(image::tile_side);
    const auto tile =
        static_cast<std::size_t>(window.y / side) * image::tiles_along(labels_.info().width) +
        static_cast<std::size_t>(window.x / side);
    if (auto& packed = runs_.tiles[tile]) {
        desk.objects.restore(window, *packed);
        packed.reset();
    } else {
        TRY(PixelReader(labels_, 0).read_labels(window, desk.labels));
        desk.objects.find(window, desk.labels);
    }
    if (nuclei_ != nullptr) TRY(PixelReader(*nuclei_, 0).read_labels(window, desk.nuclei));
    const std::uint32_t* const nuclei = nuclei_ == nullptr ? nullptr : desk.nuclei.data();
    desk.wholes.clear();
    desk.pieces.clear();
    for (auto& part : desk.runs) part.clear();
    for (std::size_t i = 0; i < desk.objects.count(); ++i) {
        const std::uint32_t label = desk.objects.label(i);
        const std::span<const PixelRun> runs = desk.objects.runs(i);
        const auto box = std::lower_bound(
            boxes_.begin(), boxes_.end(), label,
            [](const LabelBox& one, std::uint32_t wanted) { return one.label < wanted; });
        if (box == boxes_.end() || box->label != label) continue;  // not asked for
        const auto index = static_cast<std::size_t>(box - boxes_.begin());
        const std::uint64_t area = pixel_count(runs);
        if (is_alone(*box)) continue;
        if (area < box->area) {
            Collected& piece = desk.pieces.emplace_back();
            piece.index = index;
            piece.area = area;
            piece.pixels.resize(channel_count());
            add_runs(runs, label, window, nuclei, piece.parts);
            continue;
        }
        Whole whole{index, i, {}, {}};
        for (std::size_t part = 0; part < 3; ++part) whole.begins[part] = desk.runs[part].size();
        add_runs(runs, label, window, nuclei, desk.runs);
        for (std::size_t part = 0; part < 3; ++part) whole.ends[part] = desk.runs[part].size();
        desk.wholes.push_back(whole);
    }
    return {};
}

/// Means and sums of whole objects need no more than their rows' sums.
template <class T>
void Measurer<T>::sum_rows(std::size_t channel, const Pixels<T>& pixels,
                           Desk& desk) requires(std::is_same_v<T, std::uint16_t>) {
    if (!is_summed()) return;
    const std::span<const std::uint64_t> sums = desk.row_sums.of(pixels, desk.objects);
    for (const Whole& whole : desk.wholes) {
        Moments<T> moments;
        moments.sum = static_cast<std::int64_t>(sums[whole.object]);
        moments.count = boxes_[whole.index].area;
        plan_.summarise(moments, {}, made_.tables.data(), whole.index * channel_count() + channel);
    }
}

template <class T>
Result<void> Measurer<T>::measure_channel(const Window& window, std::size_t channel, Desk& desk) {
    constexpr auto side = static_cast<std::int64_t>(image::tile_side);
    TRY(image_.read_tile(0, channel, static_cast<std::uint64_t>(window.x / side),
                         static_cast<std::uint64_t>(window.y / side), desk.tile));
    desk.tile.values.resize(desk.tile.values.size() + gather_slack);
    const Pixels<T> pixels{reinterpret_cast<const T*>(desk.tile.values.data()), window};
    if constexpr (std::is_same_v<T, std::uint16_t>) sum_rows(channel, pixels, desk);
    for (const Whole& whole : desk.wholes)
        for (std::size_t part = is_summed() ? 1 : 0; part < part_count(); ++part)
            set_brightness(whole.index, channel, part, pixels,
                           std::span(desk.runs[part])
                               .subspan(whole.begins[part], whole.ends[part] - whole.begins[part]),
                           desk);
    for (Collected& piece : desk.pieces) {
        const std::span<const T> values = gather(pixels, piece.parts[0], desk.room);
        piece.pixels[channel].assign(values.begin(), values.end());
    }
    return {};
}

/// Lays the tile's pieces to those of other tiles, and measures what is whole by that.
template <class T>
void Measurer<T>::collect(Desk& desk) {
    std::vector<Collected> ready;
    {
        const std::lock_guard lock(mutex_);
        for (Collected& piece : desk.pieces) {
            const auto [at, is_new] = collected_.try_emplace(piece.index);
            Collected& object = at->second;
            if (is_new) {
                object = std::move(piece);
                continue;
            }
            object.area += piece.area;
            for (std::size_t part = 0; part < 3; ++part)
                object.parts[part].insert(object.parts[part].end(), piece.parts[part].begin(),
                                          piece.parts[part].end());
            for (std::size_t channel = 0; channel < channel_count(); ++channel)
                object.pixels[channel].insert(object.pixels[channel].end(),
                                              piece.pixels[channel].begin(),
                                              piece.pixels[channel].end());
            if (object.area < boxes_[object.index].area) continue;
            ready.push_back(std::move(object));
            collected_.erase(at);
        }
    }
    for (Collected& object : ready) finish(object, desk);
    tell(desk.wholes.size() + ready.size());
}

template <class T>
void Measurer<T>::finish(Collected& object, Desk& desk) {
    const LabelBox& box = boxes_[object.index];
    const Window window{box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0};
    Parts sorted = object.parts;
    for (auto& part : sorted) std::sort(part.begin(), part.end(), is_before);
    set_shape(object.index, sorted[0], sorted[1]);
    desk.box.resize(static_cast<std::size_t>(window.width * window.height) + gather_slack);
    const Pixels<T> pixels{desk.box.data(), window};
    for (std::size_t channel = 0; channel < channel_count(); ++channel) {
        const T* from = object.pixels[channel].data();
        for (const PixelRun& run : object.parts[0]) {
            std::copy_n(from, run.x1 - run.x0, desk.box.data() + (pixels.at(run) - pixels.values));
            from += run.x1 - run.x0;
        }
        for (std::size_t part = 0; part < part_count(); ++part)
            set_brightness(object.index, channel, part, pixels, sorted[part], desk);
    }
}

/// A very large object: its labels once, then channel by channel.
template <class T>
Result<void> Measurer<T>::measure_alone(const BoxBlock& block) {
    std::unique_ptr<Desk> desk = take_desk();
    const LabelBox& box = boxes_[block.boxes.front()];
    TRY(PixelReader(labels_, 0).read_labels(block.window, desk->labels));
    if (nuclei_ != nullptr) TRY(PixelReader(*nuclei_, 0).read_labels(block.window, desk->nuclei));
    for (std::uint32_t& label : desk->labels)
        if (label != box.label) label = 0;
    desk->objects.find(block.window, desk->labels);
    Parts parts;
    add_runs(desk->objects.runs(0), box.label, block.window,
             nuclei_ == nullptr ? nullptr : desk->nuclei.data(), parts);
    set_shape(block.boxes.front(), parts[0], parts[1]);
    for (std::size_t channel = 0; channel < channel_count(); ++channel) {
        if (watch_.cancelled && watch_.cancelled())
            return fail(ErrorCode::cancelled, "the measurement was cancelled");
        TRY(PixelReader(image_, channel).read_as(block.window, desk->box));
        desk->box.resize(desk->box.size() + gather_slack);
        for (std::size_t part = 0; part < part_count(); ++part)
            set_brightness(block.boxes.front(), channel, part, {desk->box.data(), block.window},
                           parts[part], *desk);
    }
    tell(1);
    return {};
}

template <class T>
auto Measurer<T>::take_desk() -> std::unique_ptr<Desk> {
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) return std::make_unique<Desk>();
    auto desk = std::move(spare_.back());
    spare_.pop_back();
    return desk;
}

template <class T>
void Measurer<T>::give_back(std::unique_ptr<Desk> desk) {
    const std::lock_guard lock(mutex_);
    spare_.push_back(std::move(desk));
}

template <class T>
void Measurer<T>::tell(std::size_t cells) {
    const std::lock_guard lock(mutex_);
    done_ += static_cast<double>(cells);
    if (watch_.progress) watch_.progress(done_, static_cast<double>(boxes_.size()), "cells");
}

template <class T>
void Measurer<T>::keep(const Desk& desk, TileWriter& to) const {
    to.put<std::uint64_t>(desk.wholes.size());
    for (const Whole& whole : desk.wholes) {
        to.put<std::uint64_t>(whole.index);
        to.put(made_.regions[whole.index]);
        to.put<std::uint64_t>(nuclei_ == nullptr ? 0 : made_.nucleus_areas[whole.index]);
        for (const ChannelTable& table : made_.tables)
            to.put_all(
                std::span(table.values).subspan(whole.index * channel_count(), channel_count()));
    }
    to.put<std::uint64_t>(desk.pieces.size());
    for (const Collected& piece : desk.pieces) {
        to.put<std::uint64_t>(piece.index);
        to.put<std::uint64_t>(piece.area);
        for (const auto& part : piece.parts) to.put_all(std::span(part));
        for (const auto& pixels : piece.pixels) to.put_all(std::span(pixels));
    }
}

template <class T>
bool Measurer<T>::take_kept(std::string bytes, Desk& desk) {
    if (bytes.empty()) return false;
    TileReader from(std::move(bytes));
    desk.wholes.clear();
    desk.pieces.clear();
    std::uint64_t count = 0, index = 0, area = 0;
    std::vector<float> values;
    if (!from.take(count)) return false;
    for (std::uint64_t i = 0; i < count; ++i) {
        Region region;
        if (!from.take(index) || !from.take(region) || !from.take(area) || index >= boxes_.size())
            return false;
        made_.regions[index] = region;
        if (nuclei_ != nullptr) made_.nucleus_areas[index] = area;
        for (ChannelTable& table : made_.tables) {
            if (!from.take_all(values) || values.size() != channel_count()) return false;
            std::copy(values.begin(), values.end(),
                      table.values.begin() + static_cast<std::ptrdiff_t>(index * channel_count()));
        }
        desk.wholes.push_back({index, 0, {}, {}});
    }
    if (!from.take(count)) return false;
    for (std::uint64_t i = 0; i < count; ++i) {
        Collected piece;
        piece.pixels.resize(channel_count());
        if (!from.take(index) || !from.take(area) || index >= boxes_.size()) return false;
        piece.index = index;
        piece.area = area;
        for (auto& part : piece.parts)
            if (!from.take_all(part)) return false;
        for (auto& pixels : piece.pixels)
            if (!from.take_all(pixels)) return false;
        desk.pieces.push_back(std::move(piece));
    }
    return from.is_at_end();
}

template <class T>
Result<void> Measurer<T>::measure_tile(const Window& window, std::size_t number) {
    std::unique_ptr<Desk> desk = take_desk();
    if (kept_.is_on() && take_kept(kept_.find(number), *desk)) {
        {
            const std::lock_guard lock(mutex_);
            ++made_.tiles_found;
        }
        collect(*desk);
        give_back(std::move(desk));
        return {};
    }
    TRY(find_objects(window, *desk));
    for (const Whole& whole : desk->wholes)
        set_shape(
            whole.index,
            std::span(desk->runs[0]).subspan(whole.begins[0], whole.ends[0] - whole.begins[0]),
            std::span(desk->runs[1]).subspan(whole.begins[1], whole.ends[1] - whole.begins[1]));
    if (!desk->wholes.empty() || !desk->pieces.empty())
        for (std::size_t channel = 0; channel < channel_count(); ++channel) {
            if (watch_.cancelled && watch_.cancelled())
                return fail(ErrorCode::cancelled, "the measurement was cancelled");
            TRY(measure_channel(window, channel, *desk));
        }
    if (kept_.is_on()) {
        TileWriter writer;
        keep(*desk, writer);
        TRY(kept_.put(number, writer.bytes()));
    }
    collect(*desk);
    give_back(std::move(desk));
    return {};
}

template <class T>
void Measurer<T>::name_channels(const std::vector<std::string>& given) {
    std::map<std::string, int> seen;
    for (std::size_t i = 0; i < image_.info().channels.size(); ++i) {
        std::string name = given.empty() ? image_.info().channels[i].name : given[i];
        if (name.empty()) name = fmt::format("channel {}", i);
        const int times = ++seen[name];
        made_.channels.push_back(times == 1 ? name : fmt::format("{}_{}", name, times));
    }
}

template <class T>
void Measurer<T>::name_tables() {
    for (const std::string_view prefix : {"", "nucleus_", "cytoplasm_"}) {
        if (nuclei_ == nullptr && !prefix.empty()) break;
        for (const std::string& name : plan_.names)
            made_.tables.push_back(
                {std::string(prefix) + name,
                 std::vector<float>(made_.labels.size() * made_.channels.size())});
    }
}

template <class T>
Result<Measurement> Measurer<T>::measure(const MeasureOptions& options) {
    boxes_ = TRY(label_boxes(labels_, watch_, &runs_));
    if (options.only)
        std::erase_if(boxes_, [&](const LabelBox& box) {
            return !std::binary_search(options.only->begin(), options.only->end(), box.label);
        });
    TRY(refuse_too_large(boxes_));
    for (const LabelBox& box : boxes_) made_.labels.push_back(box.label);
    made_.regions.resize(boxes_.size());
    if (nuclei_ != nullptr) made_.nucleus_areas.resize(boxes_.size());
    name_channels(options.channels);
    name_tables();
    std::vector<LabelBox> alone;
    std::vector<std::size_t> alone_at;
    for (std::size_t i = 0; i < boxes_.size(); ++i)
        if (is_alone(boxes_[i])) {
            alone.push_back(boxes_[i]);
            alone_at.push_back(i);
        }
    std::vector<Window> windows = tile_windows(image_.info());
    if (options.only)
        std::erase_if(windows, [&](const Window& window) {
            return std::none_of(boxes_.begin(), boxes_.end(), [&](const LabelBox& box) {
                return box.x0 < window.x + window.width && box.x1 > window.x &&
                       box.y0 < window.y + window.height && box.y1 > window.y;
            });
        });
    made_.tiles = windows.size();
    kept_ = TRY(KeptTiles::open(options.kept, windows.size()));
    TRY(parallel_for(windows.size(),
                     [&](std::size_t at) { return measure_tile(windows[at], at); }));
    // One after another: each needs a window of its own size.
    for (std::size_t i = 0; i < alone.size(); ++i) {
        BoxBlock block = std::move(TRY(blocks_of({alone[i]})).front());
        block.boxes = {alone_at[i]};
        TRY(measure_alone(block));
    }
    return std::move(made_);
}

Result<void> same_size(const image::StoredImage& image, const image::StoredImage& other,
                       std::string_view what) {
    if (image.info().width == other.info().width && image.info().height == other.info().height)
        return {};
    return fail(ErrorCode::invalid_input,
                fmt::format("the image is {} by {} pixels, the {} are {} by {}; they must be equal",
                            image.info().width, image.info().height, what, other.info().width,
                            other.info().height));
}

}  // namespace

Result<Measurement> measure(const image::StoredImage& image, const image::StoredImage& labels,
                            const image::StoredImage* nuclei, const MeasureOptions& options,
                            const expression::Watch& watch) {
    TRY(same_size(image, labels, "labels"));
    if (nuclei != nullptr) TRY(same_size(image, *nuclei, "nuclei"));
    if (!options.channels.empty() && options.channels.size() != image.info().channels.size())
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} names are given for {} channels", options.channels.size(),
                                image.info().channels.size()));
    StatisticPlan plan = TRY(StatisticPlan::of(options));
    return image::with_pixel_type(image.info().type, [&]<class T>(T) {
        return Measurer<T>(image, labels, nuclei, std::move(plan), watch).measure(options);
    });
}

}  // namespace stroma::tissue
