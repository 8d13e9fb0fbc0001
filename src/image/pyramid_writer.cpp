#include "image/pyramid_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/digest.h"
#include "base/json.h"
#include "expression/sealed/container.h"
#include "image/stored_image.h"
#include "image/tile_codec.h"

namespace stroma::image {
namespace {

using expression::ContainerWriter;

/// What is learnt of a channel's values on the way: ends, and a count of each value where there
/// are few enough to count.
class ChannelRange {
public:
    explicit ChannelRange(PixelType type) : type_(type) {
        if (size_of(type) <= 2) counts_.resize(std::size_t{1} << (8 * size_of(type)));
    }
    void add(ByteSpan values);
    /// Fills min, max, low and high.
    void tell(Channel& channel) const;

private:
    template <class T>
    void add_typed(const T* values, std::size_t count);
    double quantile(double share) const;

    PixelType type_;
    double min_ = HUGE_VAL, max_ = -HUGE_VAL;
    std::vector<std::uint64_t> counts_;
};

template <class T>
void ChannelRange::add_typed(const T* values, std::size_t count) {
    if constexpr (sizeof(T) <= 2) {
        constexpr int lowest = std::numeric_limits<T>::min();
        for (std::size_t i = 0; i < count; ++i)
            ++counts_[static_cast<std::size_t>(values[i] - lowest)];
    } else {
        for (std::size_t i = 0; i < count; ++i) {
            const auto value = static_cast<double>(values[i]);
            if (!std::isfinite(value)) continue;
            min_ = std::min(min_, value);
            max_ = std::max(max_, value);
        }
    }
}

void ChannelRange::add(ByteSpan values) {
    with_pixel_type(type_, [&]<class T>(T) {
        add_typed(reinterpret_cast<const T*>(values.data()), values.size() / sizeof(T));
    });
}

double ChannelRange::quantile(double share) const {
    std::uint64_t all = 0;
    for (const std::uint64_t count : counts_) all += count;
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(all));
    std::uint64_t seen = 0;
    std::size_t value = 0;
    while (value + 1 < counts_.size() && (seen += counts_[value]) <= wanted) ++value;
    return static_cast<double>(value);
}

void ChannelRange::tell(Channel& channel) const {
    if (counts_.empty()) {
        channel.min = channel.low = std::isfinite(min_) ? min_ : 0;
        channel.max = channel.high = std::isfinite(max_) ? max_ : 0;
        return;
    }
    const double lowest = type_ == PixelType::int8 ? -128 : type_ == PixelType::int16 ? -32768 : 0;
    const auto is_there = [](std::uint64_t count) { return count != 0; };
    const auto first = std::find_if(counts_.begin(), counts_.end(), is_there);
    const auto last = std::find_if(counts_.rbegin(), counts_.rend(), is_there);
    channel.min = lowest + static_cast<double>(first - counts_.begin());
    channel.max = lowest + static_cast<double>(counts_.rend() - last - 1);
    channel.low = lowest + quantile(0.01);
    channel.high = std::max(lowest + quantile(0.998), channel.low + 1);
}

/// The mean of what is there of four neighbours, rounded to the nearest.
template <class T>
T mean_of(const T* values, std::size_t count) {
    if constexpr (std::is_floating_point_v<T>) {
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += values[i];
        return static_cast<T>(sum / static_cast<double>(count));
    } else {
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += values[i];
        const auto of = static_cast<std::int64_t>(count);
        const std::int64_t shifted = sum + of / 2;
        return static_cast<T>(shifted >= 0 ? shifted / of : -((-shifted + of - 1) / of));
    }
}

template <class T>
void halve_row(const T* upper, const T* lower, std::uint64_t width, bool are_labels, T* out) {
    for (std::uint64_t x = 0; x < width; x += 2) {
        const bool is_pair = x + 1 < width;
        T found[4] = {upper[x]};
        std::size_t count = 1;
        if (is_pair) found[count++] = upper[x + 1];
        if (lower != nullptr) found[count++] = lower[x];
        if (lower != nullptr && is_pair) found[count++] = lower[x + 1];
        *out++ = are_labels ? found[0] : mean_of(found, count);
    }
}

/// One level of a group of channels: gathers rows until a row of tiles is whole, writes them, and
/// hands them on at half the size.
class Level {
public:
    Level(ContainerWriter& container, const ImageInfo& info, std::size_t first_channel,
          std::size_t channels, std::uint32_t level);
    Result<void> add_rows(std::span<const Bytes> rows, std::uint64_t count);

private:
    Result<void> write_band();
    Result<void> write_tile(std::size_t channel, std::uint64_t left);
    Result<void> hand_on();

    ContainerWriter& container_;
    PixelType type_;
    bool are_labels_;
    std::uint64_t width_, height_;
    std::vector<std::uint32_t> sections_;
    std::vector<Bytes> band_;      ///< one a channel, of up to tile_side rows
    std::uint64_t band_rows_ = 0;  ///< in the band
    std::uint64_t written_ = 0;    ///< rows that are written
    std::unique_ptr<Level> next_;
    Bytes tile_;
};

Level::Level(ContainerWriter& container, const ImageInfo& info, std::size_t first_channel,
             std::size_t channels, std::uint32_t level)
    : container_(container),
      type_(info.type),
      are_labels_(info.content == Content::labels),
      width_(halved(info.width, level)),
      height_(halved(info.height, level)),
      band_(channels) {
    for (std::size_t i = 0; i < channels; ++i)
        sections_.push_back(container_.add_section(tile_section(level, first_channel + i)));
    if (width_ > tile_side || height_ > tile_side)
        next_ = std::make_unique<Level>(container, info, first_channel, channels, level + 1);
}

Result<void> Level::add_rows(std::span<const Bytes> rows, std::uint64_t count) {
    const std::uint64_t row_bytes = width_ * size_of(type_);
    for (std::uint64_t at = 0; at < count;) {
        const std::uint64_t taken = std::min(count - at, tile_side - band_rows_);
        for (std::size_t i = 0; i < band_.size(); ++i) {
            const auto from = rows[i].begin() + static_cast<std::ptrdiff_t>(at * row_bytes);
            band_[i].insert(band_[i].end(), from,
                            from + static_cast<std::ptrdiff_t>(taken * row_bytes));
        }
        band_rows_ += taken;
        at += taken;
        if (band_rows_ == tile_side || written_ + band_rows_ == height_) TRY(write_band());
    }
    return {};
}

Result<void> Level::write_band() {
    for (std::size_t channel = 0; channel < band_.size(); ++channel)
        for (std::uint64_t left = 0; left < width_; left += tile_side)
            TRY(write_tile(channel, left));
    if (next_) TRY(hand_on());
    written_ += band_rows_;
    band_rows_ = 0;
    for (Bytes& band : band_) band.clear();
    return {};
}

Result<void> Level::write_tile(std::size_t channel, std::uint64_t left) {
    const std::uint64_t value = size_of(type_),
                        across = std::min<std::uint64_t>(tile_side, width_ - left);
    tile_.resize(across * band_rows_ * value);
    for (std::uint64_t row = 0; row < band_rows_; ++row)
        std::memcpy(tile_.data() + row * across * value,
                    band_[channel].data() + (row * width_ + left) * value, across * value);
    const std::uint64_t number = written_ / tile_side * tiles_along(width_) + left / tile_side;
    const Bytes packed = TRY(packed_tile(tile_, type_, are_labels_));
    return container_.append_block(sections_[channel], number, packed);
}

Result<void> Level::hand_on() {
    const std::uint64_t rows = (band_rows_ + 1) / 2, next_width = next_->width_;
    std::vector<Bytes> halves(band_.size(), Bytes(rows * next_width * size_of(type_)));
    with_pixel_type(type_, [&]<class T>(T) {
        for (std::size_t channel = 0; channel < band_.size(); ++channel) {
            const auto* from = reinterpret_cast<const T*>(band_[channel].data());
            auto* to = reinterpret_cast<T*>(halves[channel].data());
            for (std::uint64_t row = 0; row < rows; ++row) {
                const bool is_pair = 2 * row + 1 < band_rows_;
                const T* upper = from + 2 * row * width_;
                halve_row(upper, is_pair ? upper + width_ : nullptr, width_, are_labels_,
                          to + row * next_width);
            }
        }
    });
    return next_->add_rows(halves, rows);
}

/// Reads a picture band by band into its levels.
class PyramidWriter {
public:
    PyramidWriter(ImageSource& source, File& out, const ImageOptions& options,
                  const expression::Watch& watch)
        : source_(source), out_(out), options_(options), watch_(watch), info_(source.info()) {
        if (!info_.micrometres_x) info_.micrometres_x = options.micrometres;
        if (!info_.micrometres_y) info_.micrometres_y = options.micrometres;
    }

    Result<ImageInfo> run();

private:
    Result<void> write_group(std::size_t group, std::size_t channels);
    Result<void> check_memory(std::size_t channels) const;
    Result<void> begin(std::span<const Bytes> first_rows);

    ImageSource& source_;
    File& out_;
    const ImageOptions& options_;
    const expression::Watch& watch_;
    ImageInfo info_;
    std::unique_ptr<ContainerWriter> container_;
    std::size_t channels_done_ = 0;
};

Result<void> PyramidWriter::check_memory(std::size_t channels) const {
    // Each level holds a band and the half that is handed on; all smaller ones add up to one more.
    const std::uint64_t wanted = 3 * info_.width * tile_side * size_of(info_.type) * channels;
    if (wanted <= options_.memory_bytes) return {};
    return fail(ErrorCode::exhausted,
                fmt::format("limit: memory: {} rows of {} pixels in {} channels are too many",
                            tile_side, info_.width, channels));
}

Result<void> PyramidWriter::begin(std::span<const Bytes> first_rows) {
    std::uint64_t identity = checksum64(as_bytes(to_json(info_).dump()));
    for (const Bytes& rows : first_rows) identity = checksum64(rows, identity);
    container_ = std::make_unique<ContainerWriter>(out_, identity);
    return container_->begin();
}

Result<void> PyramidWriter::write_group(std::size_t group, std::size_t channels) {
    TRY(check_memory(channels));
    std::vector<Bytes> rows(channels);
    std::vector<ChannelRange> ranges(channels, ChannelRange(info_.type));
    std::unique_ptr<Level> full_size;
    for (std::uint64_t first = 0; first < info_.height; first += tile_side) {
        if (watch_.cancelled && watch_.cancelled())
            return fail(ErrorCode::cancelled, "the reading of the image was cancelled");
        const std::uint64_t count = std::min<std::uint64_t>(tile_side, info_.height - first);
        for (Bytes& one : rows) one.resize(count * info_.width * size_of(info_.type));
        TRY(source_.read_rows(group, first, count, rows));
        if (!container_) TRY(begin(rows));
        if (!full_size)
            full_size = std::make_unique<Level>(*container_, info_, channels_done_, channels, 0);
        for (std::size_t i = 0; i < channels; ++i) ranges[i].add(rows[i]);
        TRY(full_size->add_rows(rows, count));
        const auto all = static_cast<double>(info_.height * info_.channels.size());
        if (watch_.progress)
            watch_.progress(
                static_cast<double>(channels_done_ * info_.height + (first + count) * channels),
                all, "rows");
    }
    for (std::size_t i = 0; i < channels; ++i) ranges[i].tell(info_.channels[channels_done_ + i]);
    channels_done_ += channels;
    return {};
}

Result<ImageInfo> PyramidWriter::run() {
    TRY(check(info_));
    const std::vector<std::size_t> groups = source_.groups();
    for (std::size_t group = 0; group < groups.size(); ++group)
        TRY(write_group(group, groups[group]));
    TRY(container_->add_bytes(std::string(info_section), as_bytes(to_json(info_).dump())));
    if (!source_.label_ids().empty())
        TRY(container_->add_bytes(std::string(ids_section),
                                  as_bytes(Json(source_.label_ids()).dump())));
    TRY(container_->finish());
    return info_;
}

}  // namespace

Result<ImageInfo> write_pyramid(ImageSource& source, File& out, const ImageOptions& options,
                                bool durable, const expression::Watch& watch) {
    ImageInfo info = TRY(PyramidWriter(source, out, options, watch).run());
    if (durable) TRY(out.sync());
    return info;
}

}  // namespace stroma::image
