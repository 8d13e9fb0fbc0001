#include "tissue/measure/measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <type_traits>

#include "base/threads.h"
#include "tissue/measure/label_boxes.h"

namespace stroma::tissue {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Which numbers are asked for, and how they are called.
struct Plan {
    std::vector<std::string> names;
    std::vector<double> quantiles;  ///< that of the median too; -1 where a number is none
    bool sorts = false;             ///< some need the values in order

    static Result<Plan> of(const MeasureOptions& options);
};

Result<Plan> Plan::of(const MeasureOptions& options) {
    Plan plan{{"mean"}, {-1}, false};
    for (const std::string& name : options.statistics) {
        if (name == "mean") continue;
        const bool is_known =
            name == "median" || name == "min" || name == "max" || name == "std" || name == "sum";
        if (!is_known)
            return fail(ErrorCode::invalid_input,
                        fmt::format("'{}' is no statistic; there are mean, median, min, max, std "
                                    "and sum",
                                    name));
        plan.names.push_back(name);
        plan.quantiles.push_back(name == "median" ? 0.5 : -1);
    }
    for (const double share : options.quantiles) {
        if (!(share >= 0 && share <= 1))
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} is no quantile; say a number from 0 to 1", share));
        plan.names.push_back(fmt::format("q{:g}", 100 * share));
        plan.quantiles.push_back(share);
    }
    for (const double share : plan.quantiles) plan.sorts |= share >= 0;
    return plan;
}

/// Of whole numbers exact, whatever the order; of floats in the order of the pixels.
template <class T>
struct Moments {
    using Sum = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
    __extension__ using Square = std::conditional_t<std::is_floating_point_v<T>, double, __int128>;
    Sum sum = 0;
    Square squares = 0;
    T least = std::numeric_limits<T>::max(), most = std::numeric_limits<T>::lowest();
    std::uint64_t count = 0;

    /// Whole numbers of up to 16 bits, in whose sums no run passes 64 bits.
    void add(const T* values, std::size_t length) {
        Sum sum_here = 0;
        std::conditional_t<sizeof(T) <= 2, std::uint64_t, Square> squares_here = 0;
        T low = least, high = most;
        for (std::size_t i = 0; i < length; ++i) {
            const T value = values[i];
            sum_here += static_cast<Sum>(value);
            const auto wide = static_cast<Sum>(value);
            squares_here += static_cast<decltype(squares_here)>(wide) *
                            static_cast<decltype(squares_here)>(wide);
            low = std::min(low, value);
            high = std::max(high, value);
        }
        sum += sum_here;
        squares += static_cast<Square>(squares_here);
        least = low;
        most = high;
        count += length;
    }
    double mean() const { return static_cast<double>(sum) / static_cast<double>(count); }
    double deviation() const {
        const auto n = static_cast<double>(count);
        double variance = 0;
        if constexpr (std::is_floating_point_v<T>)
            variance = squares / n - mean() * mean();
        else
            variance = static_cast<double>(static_cast<Square>(count) * squares -
                                           static_cast<Square>(sum) * sum) /
                       (n * n);
        return std::sqrt(std::max(variance, 0.0));
    }
};

/// Of sorted values, between the two nearest.
template <class T>
double quantile_of(const std::vector<T>& sorted, double share) {
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const auto low = static_cast<double>(sorted[below]);
    const auto high = static_cast<double>(sorted[std::min(below + 1, sorted.size() - 1)]);
    return low + (high - low) * (place - static_cast<double>(below));
}

/// The plan's numbers of one part of an object in one channel.
template <class T>
void summarise(const Plan& plan, const Moments<T>& moments, std::vector<T>& values,
               ChannelTable* tables, std::size_t place) {
    if (plan.sorts) std::sort(values.begin(), values.end());
    for (std::size_t i = 0; i < plan.names.size(); ++i) {
        const std::string& name = plan.names[i];
        double number = nan;
        if (name == "sum")
            number = static_cast<double>(moments.sum);
        else if (moments.count == 0)
            number = nan;
        else if (plan.quantiles[i] >= 0)
            number = quantile_of(values, plan.quantiles[i]);
        else if (name == "mean")
            number = moments.mean();
        else if (name == "std")
            number = moments.deviation();
        else
            number = static_cast<double>(name == "min" ? moments.least : moments.most);
        tables[i].values[place] = static_cast<float>(number);
    }
}

class Measurer {
public:
    Measurer(const image::StoredImage& image, const image::StoredImage& labels,
             const image::StoredImage* nuclei, Plan plan, const expression::Watch& watch)
        : image_(image), labels_(labels), nuclei_(nuclei), plan_(std::move(plan)), watch_(watch) {}

    Result<Measurement> measure(const std::vector<std::string>& channel_names);

private:
    /// What one thread has of a block at a time.
    struct Block {
        std::vector<std::uint32_t> labels, nuclei;
        std::vector<std::vector<PixelRun>> parts[3];  ///< of each object: whole, nucleus, cytoplasm
    };
    Result<void> measure_block(const BoxBlock& owned);
    void find_runs(const BoxBlock& owned, Block& block);
    template <class T>
    Result<void> measure_channel(const BoxBlock& owned, const Block& block, std::size_t channel);
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
};

void Measurer::find_runs(const BoxBlock& owned, Block& block) {
    const Window& window = owned.window;
    for (auto& part : block.parts) part.assign(owned.boxes.size(), {});
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
                block.parts[0][i].push_back({y, first, x});
                if (nuclei_ == nullptr) continue;
                const std::uint32_t* const nucleus = block.nuclei.data() + begin;
                for (std::int64_t at = first; at < x;) {
                    const bool is_inside = nucleus[at] == label;
                    const std::int64_t from = at;
                    while (at < x && (nucleus[at] == label) == is_inside) ++at;
                    block.parts[is_inside ? 1 : 2][i].push_back({y, from, at});
                    if (is_inside) inner += static_cast<std::uint64_t>(at - from);
                }
            }
        }
        made_.regions[owned.boxes[i]] = region_of(block.parts[0][i]);
        if (nuclei_ != nullptr) made_.nucleus_areas[owned.boxes[i]] = inner;
    }
}

template <class T>
Result<void> Measurer::measure_channel(const BoxBlock& owned, const Block& block,
                                       std::size_t channel) {
    const Window& window = owned.window;
    std::vector<T> pixels, values;
    TRY(PixelReader(image_, channel).read_as(window, pixels));
    for (std::size_t part = 0; part < part_count(); ++part)
        for (std::size_t i = 0; i < owned.boxes.size(); ++i) {
            Moments<T> moments;
            values.clear();
            for (const PixelRun& run : block.parts[part][i]) {
                const T* const from =
                    pixels.data() + (run.y - window.y) * window.width - window.x + run.x0;
                const auto length = static_cast<std::size_t>(run.x1 - run.x0);
                moments.add(from, length);
                if (plan_.sorts) values.insert(values.end(), from, from + length);
            }
            summarise(plan_, moments, values, made_.tables.data() + part * plan_.names.size(),
                      owned.boxes[i] * made_.channels.size() + channel);
        }
    return {};
}

Result<void> Measurer::measure_block(const BoxBlock& owned) {
    Block block;
    TRY(PixelReader(labels_, 0).read_labels(owned.window, block.labels));
    if (nuclei_ != nullptr) TRY(PixelReader(*nuclei_, 0).read_labels(owned.window, block.nuclei));
    find_runs(owned, block);
    for (std::size_t channel = 0; channel < made_.channels.size(); ++channel) {
        if (watch_.cancelled && watch_.cancelled())
            return fail(ErrorCode::cancelled, "the measurement was cancelled");
        TRY(image::with_pixel_type(image_.info().type, [&]<class T>(T) {
            return measure_channel<T>(owned, block, channel);
        }));
    }
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
    std::mutex mutex;
    double done = 0;
    const auto work = [&](std::size_t at) -> Result<void> {
        TRY(measure_block(blocks[at]));
        const std::lock_guard lock(mutex);
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
