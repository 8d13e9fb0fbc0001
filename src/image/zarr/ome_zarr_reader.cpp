#include "image/zarr/ome_zarr_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/json.h"
#include "expression/zarr/zarr_array.h"
#include "image/zarr/spatial_store.h"

namespace stroma::image {
namespace {

using expression::ValueType;
using expression::ZarrArray;
using expression::ZarrStore;

constexpr std::uint64_t attributes_bytes_max = 16u << 20;

/// How pixels are kept here of what Zarr has; 64 bits become what fits.
std::optional<PixelType> pixel_type_of(ValueType type) {
    switch (type) {
        case ValueType::boolean:
        case ValueType::uint8: return PixelType::uint8;
        case ValueType::int8: return PixelType::int8;
        case ValueType::uint16: return PixelType::uint16;
        case ValueType::int16: return PixelType::int16;
        case ValueType::uint32:
        case ValueType::uint64:
        case ValueType::int64: return PixelType::uint32;
        case ValueType::int32: return PixelType::int32;
        default: return PixelType::float32;
    }
}

/// A member that is a text; "" else.
std::string text_in(const Json& json, const char* name) {
    if (!json.is_object()) return "";
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// Which axis of the array is which; -1: there is none.
struct Axes {
    int t = -1, c = -1, z = -1, y = -1, x = -1;
};

Result<Axes> axes_of(const Json& multiscale, std::size_t rank) {
    std::string names;
    const auto listed = multiscale.find("axes");
    if (listed != multiscale.end() && listed->is_array())
        for (const Json& axis : *listed) {
            const std::string name =
                axis.is_string() ? axis.get<std::string>() : text_in(axis, "name");
            names += name.size() == 1 ? name : "?";
        }
    else
        names = std::string("tczyx").substr(rank <= 5 ? 5 - rank : 0);
    Axes axes;
    const auto place = [&](char name) {
        const std::size_t at = names.find(name);
        return at == names.npos ? -1 : static_cast<int>(at);
    };
    axes = {place('t'), place('c'), place('z'), place('y'), place('x')};
    if (names.size() != rank || axes.y < 0 || axes.x < 0)
        return fail(ErrorCode::invalid_input,
                    fmt::format("its {} axes are '{}'; y and x must be among them", rank, names));
    return axes;
}

/// Rows of one channel, out of chunks that are unpacked a row of them at a time.
class OmeZarrSource final : public ImageSource {
public:
    OmeZarrSource(std::unique_ptr<ZarrStore> store, ZarrArray array, Axes axes, ImageInfo info)
        : store_(std::move(store)), array_(std::move(array)), axes_(axes), info_(std::move(info)) {}

    const ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override {
        std::vector<std::size_t> groups;
        const std::size_t together =
            axes_.c < 0 ? 1 : array_.chunks[static_cast<std::size_t>(axes_.c)];
        for (std::size_t left = info_.channels.size(); left > 0; left -= groups.back())
            groups.push_back(std::min(left, together));
        return groups;
    }
    Result<void> read_rows(std::size_t group, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override;

private:
    std::uint64_t along(const std::vector<std::uint64_t>& sizes, int axis) const {
        return axis < 0 ? 1 : sizes[static_cast<std::size_t>(axis)];
    }
    Result<void> load_chunk_row(std::size_t group, std::uint64_t row, std::size_t channels);
    Result<void> take(const Bytes& chunk, std::uint64_t left, std::uint64_t across);

    std::unique_ptr<ZarrStore> store_;
    ZarrArray array_;
    Axes axes_;
    ImageInfo info_;
    std::vector<Bytes> held_;  ///< chunks of one row beside each other, one buffer a channel
    std::size_t held_group_ = 0;
    std::uint64_t held_row_ = std::numeric_limits<std::uint64_t>::max();
};

/// 64-bit numbers and wide floats narrowed; what doesn't fit is an error.
Result<void> narrow(const std::byte* from, ValueType stored, std::byte* to) {
    if (stored == ValueType::float64) {
        store(to, static_cast<float>(load<double>(from)));
        return {};
    }
    const auto value = load<std::uint64_t>(from);
    if (value > std::numeric_limits<std::uint32_t>::max())
        return fail(ErrorCode::unsupported, "it holds numbers of more than 32 bits");
    store(to, static_cast<std::uint32_t>(value));
    return {};
}

Result<void> OmeZarrSource::take(const Bytes& chunk, std::uint64_t left, std::uint64_t across) {
    const ValueType stored = expression::native_type(array_.type);
    const std::uint64_t from_size = size_of(stored), size = size_of(info_.type);
    const std::uint64_t rows = along(array_.chunks, axes_.y);
    // Row-major: how far apart neighbours along each axis are.
    std::vector<std::uint64_t> step(array_.chunks.size(), 1);
    for (std::size_t i = step.size(); i-- > 1;) step[i - 1] = step[i] * array_.chunks[i];
    const std::uint64_t step_c = axes_.c < 0 ? 0 : step[static_cast<std::size_t>(axes_.c)];
    const std::uint64_t step_y = step[static_cast<std::size_t>(axes_.y)];
    const std::uint64_t step_x = step[static_cast<std::size_t>(axes_.x)];
    for (std::size_t channel = 0; channel < held_.size(); ++channel)
        for (std::uint64_t y = 0; y < rows; ++y) {
            std::byte* to = held_[channel].data() + (y * info_.width + left) * size;
            const std::byte* from = chunk.data() + (channel * step_c + y * step_y) * from_size;
            if (step_x == 1 && from_size == size) {
                std::memcpy(to, from, across * size);
                continue;
            }
            for (std::uint64_t x = 0; x < across; ++x, to += size, from += step_x * from_size) {
                if (from_size == size)
                    std::memcpy(to, from, size);
                else
                    TRY(narrow(from, stored, to));
            }
        }
    return {};
}

Result<void> OmeZarrSource::load_chunk_row(std::size_t group, std::uint64_t row,
                                           std::size_t channels) {
    if (held_row_ == row && held_group_ == group && held_.size() == channels) return {};
    const std::uint64_t rows = along(array_.chunks, axes_.y), width = along(array_.chunks, axes_.x);
    held_.resize(channels);
    for (Bytes& one : held_) one.resize(rows * info_.width * size_of(info_.type));
    std::vector<std::uint64_t> place(array_.shape.size(), 0);
    if (axes_.c >= 0) place[static_cast<std::size_t>(axes_.c)] = group;
    place[static_cast<std::size_t>(axes_.y)] = row;
    for (std::uint64_t left = 0; left < info_.width; left += width) {
        place[static_cast<std::size_t>(axes_.x)] = left / width;
        Bytes raw = TRY(expression::read_zarr_chunk(*store_, array_, place));
        const Bytes chunk = expression::to_native(std::move(raw), array_.type);
        TRY(take(chunk, left, std::min(width, info_.width - left)));
    }
    held_row_ = row;
    held_group_ = group;
    return {};
}

Result<void> OmeZarrSource::read_rows(std::size_t group, std::uint64_t first, std::uint64_t rows,
                                      std::span<Bytes> out) {
    const std::uint64_t high = along(array_.chunks, axes_.y);
    const std::size_t line = info_.width * size_of(info_.type);
    for (std::uint64_t row = 0; row < rows;) {
        const std::uint64_t begin = (first + row) % high,
                            count = std::min(rows - row, high - begin);
        TRY(load_chunk_row(group, (first + row) / high, out.size()));
        for (std::size_t i = 0; i < out.size(); ++i)
            std::memcpy(out[i].data() + row * line, held_[i].data() + begin * line, count * line);
        row += count;
    }
    return {};
}

/// Of OME-Zarr 0.4 the file .zattrs, of 0.5 a part of zarr.json.
Result<Json> attributes_of(const ZarrStore& store) {
    const bool is_version_3 = store.has("zarr.json");
    if (!is_version_3 && !store.has(".zattrs")) return Json::object();
    const Bytes text = TRY(store.get(is_version_3 ? "zarr.json" : ".zattrs"));
    Json json = TRY(parse_json(as_text(text), {.bytes_max = attributes_bytes_max}));
    for (const char* part : {"attributes", "ome"}) {
        if (!is_version_3 || !json.is_object()) break;
        Json inner = json.value(part, Json::object());
        json = std::move(inner);
    }
    return json.is_object() ? json : Json::object();
}

bool has_multiscales(const Json& attributes) {
    const auto found = attributes.find("multiscales");
    return found != attributes.end() && found->is_array() && !found->empty() &&
           (*found)[0].is_object();
}

/// Goes down to the one image of a SpatialData store.
Result<Json> find_image_group(ZarrStore& store, bool are_labels) {
    Json attributes = TRY(attributes_of(store));
    if (has_multiscales(attributes)) return attributes;
    const std::string group = are_labels ? "labels" : "images";
    std::vector<std::string> names;
    for (const std::string& name : store.children(group))
        if (!name.starts_with('.')) names.push_back(name);
    if (names.size() > 1)
        return fail(ErrorCode::invalid_input,
                    fmt::format("it holds several; import one: its folder {}/ and {}", group,
                                fmt::join(names, ", ")));
    if (names.size() == 1) {
        store.enter(group + "/" + names[0]);
        attributes = TRY(attributes_of(store));
    }
    if (!has_multiscales(attributes))
        return fail(ErrorCode::invalid_input, "its attributes name no multiscales");
    return attributes;
}

/// OME's colours are six hexadecimal digits.
std::string color_in(const Json& channel) {
    const std::string color = text_in(channel, "color");
    const bool is_hex =
        color.size() == 6 && std::all_of(color.begin(), color.end(),
                                         [](unsigned char c) { return std::isxdigit(c) != 0; });
    return is_hex ? "#" + color : "";
}

void read_channels(const Json& attributes, std::uint64_t count, ImageInfo& info) {
    const Json omero = attributes.value("omero", Json::object());
    const Json listed = omero.is_object() ? omero.value("channels", Json::array()) : Json::array();
    for (std::uint64_t c = 0; c < count; ++c) {
        Channel channel{fmt::format("channel {}", c + 1)};
        if (listed.is_array() && c < listed.size() && listed[c].is_object()) {
            const auto label = listed[c].find("label");
            if (label != listed[c].end() && label->is_string()) channel.name = *label;
            channel.color = color_in(listed[c]);
        }
        info.channels.push_back(std::move(channel));
    }
}

/// The size of a pixel along an axis, when its unit is a length.
std::optional<double> micrometres_along(const Json& multiscale, int axis) {
    const auto at = static_cast<std::size_t>(axis);
    const Json& axes = multiscale.value("axes", Json::array());
    if (!axes.is_array() || at >= axes.size() || !axes[at].is_object()) return std::nullopt;
    const std::string unit = text_in(axes[at], "unit");
    const double factor = unit == "micrometer"   ? 1
                          : unit == "nanometer"  ? 1e-3
                          : unit == "millimeter" ? 1e3
                                                 : 0;
    const Json datasets = multiscale.value("datasets", Json::array());
    if (factor == 0 || !datasets.is_array() || datasets.empty() || !datasets[0].is_object())
        return std::nullopt;
    const Json steps = datasets[0].value("coordinateTransformations", Json::array());
    if (!steps.is_array()) return std::nullopt;
    for (const Json& step : steps) {
        const Json scale = step.is_object() ? step.value("scale", Json::array()) : Json::array();
        if (!scale.is_array() || at >= scale.size() || !scale[at].is_number()) continue;
        const double size = scale[at].get<double>() * factor;
        if (std::isfinite(size) && size > 0) return size;
    }
    return std::nullopt;
}

Result<std::unique_ptr<ImageSource>> zarr_source(expression::InputFiles& files,
                                                 const ImageOptions& options,
                                                 std::vector<std::string>& notes) {
    auto store = TRY(ZarrStore::open(files));
    if (!options.element.empty()) store->enter(options.element);
    const Json attributes = TRY(find_image_group(*store, options.are_labels));
    const Json& multiscale = attributes["multiscales"][0];
    const Json datasets = multiscale.value("datasets", Json::array());
    if (!datasets.is_array() || datasets.empty() || !datasets[0].is_object() ||
        !datasets[0].value("path", Json()).is_string())
        return fail(ErrorCode::invalid_input, "its multiscales name no datasets");
    const std::string path = datasets[0]["path"].get<std::string>();
    ZarrArray array = TRY(expression::open_zarr_array(*store, path));
    if (array.type.kind != expression::ZarrType::Kind::number &&
        array.type.kind != expression::ZarrType::Kind::half)
        return fail(ErrorCode::unsupported, "its pixels aren't numbers");
    if (array.is_column_major)
        return fail(ErrorCode::unsupported, "its chunks are in column order (\"F\")");
    const Axes axes = TRY(axes_of(multiscale, array.shape.size()));
    ImageInfo info;
    info.width = array.shape[static_cast<std::size_t>(axes.x)];
    info.height = array.shape[static_cast<std::size_t>(axes.y)];
    info.type = *pixel_type_of(expression::native_type(array.type));
    const std::uint64_t channels = axes.c < 0 ? 1 : array.shape[static_cast<std::size_t>(axes.c)];
    if (channels > image_channels_max)
        return fail(ErrorCode::exhausted, "limit: planes: it has too many channels");
    read_channels(attributes, channels, info);
    if (options.are_labels || attributes.contains("image-label")) {
        info.channels.resize(1);
        info.channels[0].name = "labels";
        info.content = Content::labels;
    }
    info.micrometres_x = micrometres_along(multiscale, axes.x);
    info.micrometres_y = micrometres_along(multiscale, axes.y);
    for (const int axis : {axes.z, axes.t})
        if (axis >= 0 && array.shape[static_cast<std::size_t>(axis)] > 1)
            notes.push_back(fmt::format("the first of {} {} is taken",
                                        array.shape[static_cast<std::size_t>(axis)],
                                        axis == axes.z ? "sections" : "times"));
    TRY(check(info));
    if (array.chunk_bytes() > options.memory_bytes / 4)
        return fail(ErrorCode::exhausted, "limit: memory: its chunks are too large");
    return std::make_unique<OmeZarrSource>(std::move(store), std::move(array), axes,
                                           std::move(info));
}

class OmeZarrReader final : public ImageReader {
public:
    std::string_view name() const override { return "ome-zarr"; }

    bool recognises(expression::InputFiles& files) const override {
        if (!files.is_folder()) return files.name().ends_with(".zip");
        return files.open(".zattrs").has_value() || files.open(".zgroup").has_value() ||
               files.open("zarr.json").has_value();
    }

    Result<std::unique_ptr<ImageSource>> open(expression::InputFiles& files,
                                              const ImageOptions& options,
                                              std::vector<std::string>& notes) const override {
        auto made = zarr_source(files, options, notes);
        if (!made) return fail(std::move(made.error()).with(files.name()));
        return made;
    }

    Result<std::vector<FoundPicture>> beside(expression::InputFiles& files,
                                             std::vector<std::string>& notes) const override {
        if (!recognises(files)) return std::vector<FoundPicture>{};
        const auto store = ZarrStore::open(files);
        if (!store) return std::vector<FoundPicture>{};
        return pictures_of_store(**store, notes);
    }
};

}  // namespace

const ImageReader& ome_zarr_reader() {
    static const OmeZarrReader reader;
    return reader;
}

}  // namespace stroma::image
