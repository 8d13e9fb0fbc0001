#include "tissue/measure/measurement.h"

#include <fmt/format.h>

#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "base/threads.h"
#include "tissue/measure/label_boxes.h"
#include "tissue/measure/moments.h"

namespace stroma::tissue {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

enum class Statistic { mean, min, max, std, sum, quantile };

/// Which numbers are asked for, and how they are called.
struct Plan {
    std::vector<std::string> names;
    std::vector<Statistic> statistics;
    std::vector<double> quantiles;  ///< of those that are quantiles; the median is one
    WantedMoments wanted;

    static Result<Plan> of(const MeasureOptions& options);
    void add(std::string name, Statistic statistic) {
        names.push_back(std::move(name));
        statistics.push_back(statistic);
        wanted.squares |= statistic == Statistic::std;
        wanted.extremes |= statistic == Statistic::min || statistic == Statistic::max;
    }
};

Result<Plan> Plan::of(const MeasureOptions& options) {
    static const std::map<std::string_view, Statistic> known = {
        {"mean", Statistic::mean}, {"median", Statistic::quantile}, {"min", Statistic::min},
        {"max", Statistic::max},   {"std", Statistic::std},         {"sum", Statistic::sum}};
    Plan plan;
    plan.add("mean", Statistic::mean);
    for (const std::string& name : options.statistics) {
        if (name == "mean") continue;
        const auto found = known.find(name);
        if (found == known.end())
            return fail(ErrorCode::invalid_input,
                        fmt::format("'{}' is no statistic; there are mean, median, min, max, std "
                                    "and sum",
                                    name));
        plan.add(name, found->second);
        if (found->second == Statistic::quantile) plan.quantiles.push_back(0.5);
    }
    for (const double share : options.quantiles) {
        if (!(share >= 0 && share <= 1))
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} is no quantile; say a number from 0 to 1", share));
        plan.add(fmt::format("q{:g}", 100 * share), Statistic::quantile);
        plan.quantiles.push_back(share);
    }
    return plan;
}

/// The plan's numbers of one part of an object in one channel.
template <class T>
void summarise(const Plan& plan, const Moments<T>& moments, const std::vector<double>& quantiles,
               ChannelTable* tables, std::size_t place) {
    std::size_t quantile = 0;
    for (std::size_t i = 0; i < plan.statistics.size(); ++i) {
        double number = nan;
        const Statistic statistic = plan.statistics[i];
        if (statistic == Statistic::sum) {
            number = static_cast<double>(moments.sum);
        } else if (moments.count > 0) {
            switch (statistic) {
                case Statistic::sum: break;
                case Statistic::mean: number = moments.mean(); break;
                case Statistic::std: number = moments.deviation(); break;
                case Statistic::min: number = static_cast<double>(moments.least); break;
                case Statistic::max: number = static_cast<double>(moments.most); break;
                case Statistic::quantile: number = quantiles[quantile++]; break;
            }
        }
        tables[i].values[place] = static_cast<float>(number);
    }
}

/// Runs of several objects, one object's after another's.
struct RunsOfObjects {
    std::vector<PixelRun> runs;
    std::vector<std::size_t> ends;

    void clear() {
        runs.clear();
        ends.clear();
    }
    std::span<const PixelRun> of(std::size_t object) const {
        const std::size_t first = object == 0 ? 0 : ends[object - 1];
        return std::span(runs).subspan(first, ends[object] - first);
    }
};

class Measurer {
public:
    Measurer(const image::StoredImage& image, const image::StoredImage& labels,
             const image::StoredImage* nuclei, Plan plan, const expression::Watch& watch)
        : image_(image), labels_(labels), nuclei_(nuclei), plan_(std::move(plan)), watch_(watch) {}

    Result<Measurement> measure(const std::vector<std::string>& channel_names);

private:
    /// What one thread has of a block at a time; its memory serves the next block.
    struct Block {
        std::vector<std::uint32_t> labels, nuclei;
        RunsOfObjects parts[3];  ///< whole, nucleus, cytoplasm
        std::tuple<std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::uint16_t>,
                   std::vector<std::int16_t>, std::vector<std::uint32_t>, std::vector<std::int32_t>,
                   std::vector<float>>
            pixels;
    };
    std::unique_ptr<Block> take_block();
    void give_back(std::unique_ptr<Block> block);
    Result<void> measure_block(const BoxBlock& owned);
    void find_runs(const BoxBlock& owned, Block& block);
    template <class T>
    Result<void> measure_channel(const BoxBlock& owned, Block& block, std::size_t channel);
    void name_channels(const std::vector<std::string>& given);
    void name_tables();
    std::size_t part_count() const { return nuclei_ == nullptr ? 1 : 3; }

    const image::StoredImage& image_;
    const image::StoredImage& labels_;
    const image::StoredImage* nuclei_;
    const Plan plan_;
    const expression::Watch& watch_;
    std::vector<LabelBox> boxes_;
    Measurement made_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Block>> spare_;
};

void Measurer::find_runs(const BoxBlock& owned, Block& block) {
    const Window& window = owned.window;
    for (auto& part : block.parts) part.clear();
    for (std::size_t i = 0; i < owned.boxes.size(); ++i) {
        const LabelBox& box = boxes_[owned.boxes[i]];
        const std::uint32_t label = made_.labels[owned.boxes[i]];
        std::uint64_t inner = 0;
        for (std::int64_t y = box.y0; y < box.y1; ++y) {
            const std::int64_t begin = (y - window.y) * window.width - window.x;
            const std::uint32_t* const row = block.labels.data() + begin;
            for (std::int64_t x = box.x0; x < box.x1;) {
                if (row[x] != label) {
                    ++x;
                    continue;
                }
                const std::int64_t first = x;
                while (x < box.x1 && row[x] == label) ++x;
                block.parts[0].runs.push_back({y, first, x});
                if (nuclei_ == nullptr) continue;
                const std::uint32_t* const nucleus = block.nuclei.data() + begin;
                for (std::int64_t at = first; at < x;) {
                    const bool is_inside = nucleus[at] == label;
                    const std::int64_t from = at;
                    while (at < x && (nucleus[at] == label) == is_inside) ++at;
                    block.parts[is_inside ? 1 : 2].runs.push_back({y, from, at});
                    if (is_inside) inner += static_cast<std::uint64_t>(at - from);
                }
            }
        }
        for (auto& part : block.parts) part.ends.push_back(part.runs.size());
        made_.regions[owned.boxes[i]] = region_of(block.parts[0].of(i));
        if (nuclei_ != nullptr) made_.nucleus_areas[owned.boxes[i]] = inner;
    }
}

template <class T>
Result<void> Measurer::measure_channel(const BoxBlock& owned, Block& block, std::size_t channel) {
    auto& buffer = std::get<std::vector<T>>(block.pixels);
    TRY(PixelReader(image_, channel).read_as(owned.window, buffer));
    const Pixels<T> pixels{buffer.data(), owned.window};
    std::vector<T> values;
    std::vector<double> quantiles;
    for (std::size_t part = 0; part < part_count(); ++part)
        for (std::size_t i = 0; i < owned.boxes.size(); ++i) {
            const auto runs = block.parts[part].of(i);
            const auto moments = moments_of(pixels, runs, plan_.wanted);
            if (!plan_.quantiles.empty() && moments.count > 0) {
                values.clear();
                for (const PixelRun& run : runs)
                    values.insert(values.end(), pixels.at(run), pixels.at(run) + (run.x1 - run.x0));
                quantiles_of(values, plan_.quantiles, quantiles);
            }
            summarise(plan_, moments, quantiles, made_.tables.data() + part * plan_.names.size(),
                      owned.boxes[i] * made_.channels.size() + channel);
        }
    return {};
}

std::unique_ptr<Measurer::Block> Measurer::take_block() {
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) return std::make_unique<Block>();
    auto block = std::move(spare_.back());
    spare_.pop_back();
    return block;
}

void Measurer::give_back(std::unique_ptr<Block> block) {
    const std::lock_guard lock(mutex_);
    spare_.push_back(std::move(block));
}

Result<void> Measurer::measure_block(const BoxBlock& owned) {
    std::unique_ptr<Block> block = take_block();
    TRY(PixelReader(labels_, 0).read_labels(owned.window, block->labels));
    if (nuclei_ != nullptr) TRY(PixelReader(*nuclei_, 0).read_labels(owned.window, block->nuclei));
    find_runs(owned, *block);
    for (std::size_t channel = 0; channel < made_.channels.size(); ++channel) {
        if (watch_.cancelled && watch_.cancelled())
            return fail(ErrorCode::cancelled, "the measurement was cancelled");
        TRY(image::with_pixel_type(image_.info().type, [&]<class T>(T) {
            return measure_channel<T>(owned, *block, channel);
        }));
    }
    give_back(std::move(block));
    return {};
}

void Measurer::name_channels(const std::vector<std::string>& given) {
    std::map<std::string, int> seen;
    for (std::size_t i = 0; i < image_.info().channels.size(); ++i) {
        std::string name = given.empty() ? image_.info().channels[i].name : given[i];
        if (name.empty()) name = fmt::format("channel {}", i);
        const int times = ++seen[name];
        made_.channels.push_back(times == 1 ? name : fmt::format("{}_{}", name, times));
    }
}

void Measurer::name_tables() {
    for (const std::string_view prefix : {"", "nucleus_", "cytoplasm_"}) {
        if (nuclei_ == nullptr && !prefix.empty()) break;
        for (const std::string& name : plan_.names)
            made_.tables.push_back(
                {std::string(prefix) + name,
                 std::vector<float>(made_.labels.size() * made_.channels.size())});
    }
}

Result<Measurement> Measurer::measure(const std::vector<std::string>& channel_names) {
    boxes_ = TRY(label_boxes(labels_, watch_));
    for (const LabelBox& box : boxes_) made_.labels.push_back(box.label);
    made_.regions.resize(boxes_.size());
    if (nuclei_ != nullptr) made_.nucleus_areas.resize(boxes_.size());
    name_channels(channel_names);
    name_tables();
    const std::vector<BoxBlock> blocks = TRY(blocks_of(boxes_));
    double done = 0;
    const auto work = [&](std::size_t at) -> Result<void> {
        TRY(measure_block(blocks[at]));
        const std::lock_guard lock(mutex_);
        done += static_cast<double>(blocks[at].boxes.size());
        if (watch_.progress) watch_.progress(done, static_cast<double>(boxes_.size()), "cells");
        return {};
    };
    TRY(parallel_for(blocks.size(), work));
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
    return Measurer(image, labels, nuclei, TRY(Plan::of(options)), watch).measure(options.channels);
}

}  // namespace stroma::tissue
