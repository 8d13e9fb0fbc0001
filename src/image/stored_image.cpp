#include "image/stored_image.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "expression/sealed/container.h"
#include "image/pyramid_writer.h"
#include "image/tile_codec.h"

namespace stroma::image {
namespace {

constexpr std::uint64_t info_bytes_max = 64u << 20;
constexpr std::uint64_t ids_bytes_max = 1u << 30;

}  // namespace

std::string tile_section(std::uint32_t level, std::size_t channel) {
    return fmt::format("tiles/{}/{}", level, channel);
}

std::uint64_t tiles_along(std::uint64_t pixels) { return (pixels + tile_side - 1) / tile_side; }

StoredImage::~StoredImage() = default;

Result<std::shared_ptr<const StoredImage>> StoredImage::open(
    std::unique_ptr<object::ObjectReader> reader) {
    std::shared_ptr<StoredImage> image(new StoredImage);
    image->container_ = TRY(expression::ContainerReader::open(std::move(reader)));
    TRY_WITH(image->read_info(), "image '" + image->container_->name() + "'");
    return image;
}

Result<void> StoredImage::read_info() {
    const Bytes text = TRY(container_->read_bytes(info_section, info_bytes_max));
    auto info = parse_json(as_text(text), {.bytes_max = info_bytes_max});
    if (!info) return fail(ErrorCode::corrupt, info.error().message);
    auto read = image_info_of(*info);
    if (!read) return fail(ErrorCode::corrupt, read.error().message);
    info_ = *std::move(read);
    for (std::uint32_t level = 0;; ++level) {
        levels_.push_back({halved(info_.width, level), halved(info_.height, level)});
        for (std::size_t channel = 0; channel < info_.channels.size(); ++channel) {
            const auto* section = TRY(container_->section(tile_section(level, channel)));
            if (section->block_count !=
                tiles_along(levels_.back().width) * tiles_along(levels_.back().height))
                return fail(ErrorCode::corrupt, "level " + std::to_string(level) + " isn't whole");
        }
        if (levels_.back().width <= tile_side && levels_.back().height <= tile_side) return {};
    }
}

Result<Tile> StoredImage::tile(std::uint32_t level, std::size_t channel, std::uint64_t x,
                               std::uint64_t y) const {
    Tile made;
    TRY(read_tile(level, channel, x, y, made));
    return made;
}

Result<void> StoredImage::read_tile(std::uint32_t level, std::size_t channel, std::uint64_t x,
                                    std::uint64_t y, Tile& tile) const {
    if (level >= levels_.size() || channel >= info_.channels.size() ||
        x >= tiles_along(levels_[level].width) || y >= tiles_along(levels_[level].height))
        return fail(ErrorCode::not_found,
                    fmt::format("the image has no tile {}/{}/{}/{}", level, channel, y, x));
    const LevelSize& size = levels_[level];
    tile.width = std::min<std::uint64_t>(tile_side, size.width - x * tile_side);
    tile.height = std::min<std::uint64_t>(tile_side, size.height - y * tile_side);
    const std::size_t size_bytes = tile.width * tile.height * size_of(info_.type);
    tile.values.reserve(size_bytes + 64);  // room behind for who reads in whole registers
    tile.values.resize(size_bytes);
    const auto* section = TRY(container_->section(tile_section(level, channel)));
    const std::uint64_t number = y * tiles_along(size.width) + x;
    const auto block = TRY(container_->read_block(*section, number));
    if (!unpack_tile(block.bytes(), tile.values))
        return fail(container_->damage(*section, number, "the tile can't be unpacked"));
    return {};
}

Result<expression::TextArray> StoredImage::label_ids() const {
    expression::TextArray ids;
    if (container_->find(ids_section) == nullptr) return ids;
    const Bytes text = TRY(container_->read_bytes(ids_section, ids_bytes_max));
    const auto list = parse_json(as_text(text), {.bytes_max = ids_bytes_max});
    if (!list || !list->is_array()) return fail(ErrorCode::corrupt, "its labels have no sound ids");
    for (const Json& id : *list) {
        if (!id.is_string()) return fail(ErrorCode::corrupt, "its labels have no sound ids");
        ids.push_back(id.get_ref<const std::string&>());
    }
    return ids;
}

Result<void> StoredImage::verify(const expression::Watch& watch) const {
    for (std::uint32_t level = 0; level < levels_.size(); ++level)
        for (std::size_t channel = 0; channel < info_.channels.size(); ++channel)
            for (std::uint64_t y = 0; y < tiles_along(levels_[level].height); ++y) {
                if (watch.cancelled && watch.cancelled())
                    return fail(ErrorCode::cancelled, "verify was stopped");
                for (std::uint64_t x = 0; x < tiles_along(levels_[level].width); ++x)
                    TRY(tile(level, channel, x, y));
            }
    return {};
}

}  // namespace stroma::image
