#include "image/zarr/ome_zarr_writer.h"

#include <fmt/format.h>

#include <cstring>
#include <mutex>

#include "base/json.h"
#include "base/threads.h"
#include "image/pyramid_writer.h"
#include "image/tile_codec.h"

namespace stroma::image {
namespace {

Result<void> write_text(const fs::path& path, const Json& json) {
    const std::string text = json.dump(2) + "\n";
    return replace_file(path, as_bytes(text));
}

/// numpy's name of the type, little-endian.
std::string_view dtype_of(PixelType type) {
    switch (type) {
        case PixelType::uint8: return "|u1";
        case PixelType::int8: return "|i1";
        case PixelType::uint16: return "<u2";
        case PixelType::int16: return "<i2";
        case PixelType::uint32: return "<u4";
        case PixelType::int32: return "<i4";
        case PixelType::float32: return "<f4";
    }
    return "|u1";
}

/// One multiscale image on its way into its folder.
class Multiscale {
public:
    Multiscale(const StoredImage& image, fs::path folder, const expression::Watch& watch)
        : image_(image),
          info_(image.info()),
          folder_(std::move(folder)),
          watch_(watch),
          are_labels_(info_.content == Content::labels) {}

    Result<void> write(const Json& more, const std::string& name) {
        TRY(make_folders(folder_));
        TRY(write_text(folder_ / ".zgroup", {{"zarr_format", 2}}));
        for (std::uint32_t level = 0; level < image_.levels().size(); ++level)
            TRY(write_level(level));
        Json attributes = {{"multiscales", Json::array({multiscale(name)})}};
        for (const auto& [key, value] : more.items()) attributes[key] = value;
        return write_text(folder_ / ".zattrs", attributes);
    }

private:
    Json multiscale(const std::string& name) const {
        Json axes = Json::array();
        if (!are_labels_) axes.push_back({{"name", "c"}, {"type", "channel"}});
        for (const char* axis : {"y", "x"}) {
            axes.push_back({{"name", axis}, {"type", "space"}});
            if (info_.micrometres_x) axes.back()["unit"] = "micrometer";
        }
        Json levels = Json::array();
        for (std::uint32_t level = 0; level < image_.levels().size(); ++level) {
            const double factor = static_cast<double>(std::uint64_t{1} << level);
            Json scale = Json::array(), shift = Json::array();
            if (!are_labels_) {
                scale.push_back(1.0);
                shift.push_back(0.0);
            }
            for (const auto& side : {info_.micrometres_y, info_.micrometres_x}) {
                scale.push_back(side.value_or(1) * factor);
                // The middle of a smaller level's first pixel lies between those that it is of.
                shift.push_back(side.value_or(1) * (factor - 1) / 2);
            }
            Json transforms = Json::array({{{"type", "scale"}, {"scale", scale}}});
            if (level > 0) transforms.push_back({{"type", "translation"}, {"translation", shift}});
            levels.push_back(
                {{"path", std::to_string(level)}, {"coordinateTransformations", transforms}});
        }
        return {{"version", "0.4"}, {"name", name}, {"axes", axes}, {"datasets", levels}};
    }

    Result<void> write_level(std::uint32_t level) {
        const LevelSize& size = image_.levels()[level];
        const fs::path folder = folder_ / std::to_string(level);
        Json shape = {info_.channels.size(), size.height, size.width};
        Json chunks = {1, tile_side, tile_side};
        if (are_labels_) {
            shape.erase(0);
            chunks.erase(0);
        }
        TRY(make_folders(folder));
        TRY(write_text(folder / ".zarray", {{"zarr_format", 2},
                                            {"shape", shape},
                                            {"chunks", chunks},
                                            {"dtype", dtype_of(info_.type)},
                                            {"compressor",
                                             {{"id", "blosc"},
                                              {"cname", are_labels_ ? "zstd" : "lz4"},
                                              {"clevel", are_labels_ ? 3 : 5},
                                              {"shuffle", 2},
                                              {"blocksize", 0}}},
                                            {"fill_value", 0},
                                            {"order", "C"},
                                            {"filters", nullptr},
                                            {"dimension_separator", "/"}}));
        const std::uint64_t across = tiles_along(size.width), down = tiles_along(size.height);
        for (std::size_t channel = 0; channel < info_.channels.size(); ++channel) {
            const fs::path rows = are_labels_ ? folder : folder / std::to_string(channel);
            for (std::uint64_t y = 0; y < down; ++y) TRY(make_folders(rows / std::to_string(y)));
            const auto work = [&](std::size_t at) -> Result<void> {
                if (watch_.cancelled && watch_.cancelled())
                    return fail(ErrorCode::cancelled, "the writing of an OME-Zarr was cancelled");
                const std::uint64_t x = at % across, y = at / across;
                const Tile tile = TRY(image_.tile(level, channel, x, y));
                return write_chunk(tile, rows / std::to_string(y) / std::to_string(x));
            };
            TRY(parallel_for(across * down, work));
        }
        return {};
    }

    /// A chunk is whole, wherever it lies: what is past the image's edge is 0.
    Result<void> write_chunk(const Tile& tile, const fs::path& path) const {
        const std::size_t bytes = size_of(info_.type), side = tile_side;
        if (tile.width == side && tile.height == side) return put(tile.values, path);
        Bytes whole(side * side * bytes);
        for (std::uint64_t y = 0; y < tile.height; ++y)
            std::memcpy(whole.data() + y * side * bytes,
                        tile.values.data() + y * tile.width * bytes, tile.width * bytes);
        return put(whole, path);
    }

    Result<void> put(ByteSpan values, const fs::path& path) const {
        const Bytes packed = TRY(packed_tile(values, info_.type, are_labels_));
        File file = TRY(File::create(path));
        return file.write_at(0, packed);
    }

    const StoredImage& image_;
    const ImageInfo& info_;
    const fs::path folder_;
    const expression::Watch& watch_;
    const bool are_labels_;
};

Json omero_of(const ImageInfo& info) {
    Json channels = Json::array();
    for (const Channel& channel : info.channels) {
        const std::string color = channel.color.empty() ? "#ffffff" : channel.color;
        channels.push_back({{"label", channel.name},
                            {"color", color.substr(1)},
                            {"active", true},
                            {"window",
                             {{"min", channel.min},
                              {"max", channel.max},
                              {"start", channel.low},
                              {"end", channel.high}}}});
    }
    return {{"version", "0.4"}, {"channels", channels}};
}

}  // namespace

Result<void> write_ome_zarr(const StoredImage& image, std::span<const NamedLabels> labels,
                            const std::string& name, const fs::path& folder,
                            const expression::Watch& watch) {
    std::error_code error;
    if (fs::exists(folder, error))
        return fail(ErrorCode::already_exists, folder.string() + " is there already");
    TRY(Multiscale(image, folder, watch).write({{"omero", omero_of(image.info())}}, name));
    if (labels.empty()) return {};
    Json names = Json::array();
    for (const NamedLabels& one : labels) {
        names.push_back(one.name);
        const Json more = {
            {"image-label", {{"version", "0.4"}, {"source", {{"image", "../../"}}}}}};
        TRY(Multiscale(*one.image, folder / "labels" / one.name, watch).write(more, one.name));
    }
    TRY(write_text(folder / "labels" / ".zgroup", {{"zarr_format", 2}}));
    return write_text(folder / "labels" / ".zattrs", {{"labels", names}});
}

}  // namespace stroma::image
