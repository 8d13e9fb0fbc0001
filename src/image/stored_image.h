#pragma once

#include <memory>
#include <string>

#include "expression/annotated_data.h"
#include "image/image_info.h"
#include "object/object_store.h"

// One image in one sealed file: tiles of every channel in every level, in checksummed blocks.
// Bytes: docs/formats/image.md.

namespace stroma::expression {
class ContainerReader;
}

namespace stroma::image {

constexpr std::string_view info_section = "image";
constexpr std::string_view ids_section = "ids";  ///< of labels, one JSON list
/// "tiles/<level>/<channel>"
std::string tile_section(std::uint32_t level, std::size_t channel);
/// How many tiles lie along a side of that many pixels.
std::uint64_t tiles_along(std::uint64_t pixels);

struct LevelSize {
    std::uint64_t width = 0, height = 0;
};

/// One tile's values, row-major, in the image's type.
struct Tile {
    std::uint64_t width = 0, height = 0;
    Bytes values;
};

/// An image open for reading. Immutable. Any thread. Every tile is checked when it is read.
class StoredImage {
public:
    /// errors  corrupt
    static Result<std::shared_ptr<const StoredImage>> open(
        std::unique_ptr<object::ObjectReader> reader);
    ~StoredImage();

    const ImageInfo& info() const { return info_; }
    /// From full size to one tile.
    const std::vector<LevelSize>& levels() const { return levels_; }
    /// errors  not_found  there is no such tile; corrupt
    Result<Tile> tile(std::uint32_t level, std::size_t channel, std::uint64_t x,
                      std::uint64_t y) const;
    /// The same into a tile whose memory is used again.
    Result<void> read_tile(std::uint32_t level, std::size_t channel, std::uint64_t x,
                           std::uint64_t y, Tile& tile) const;
    /// The cells' ids that labels 1, 2, … stand for; empty where the label is the id.
    Result<expression::TextArray> label_ids() const;
    /// All tiles of all levels. errors  corrupt, cancelled
    Result<void> verify(const expression::Watch& watch) const;

private:
    StoredImage() = default;
    Result<void> read_info();

    std::unique_ptr<expression::ContainerReader> container_;
    ImageInfo info_;
    std::vector<LevelSize> levels_;
};

}  // namespace stroma::image
