#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "image/pixels.h"

struct tiff;

namespace stroma::image {

constexpr std::uint64_t tiff_tile_pixels_max = 64u << 20;

/// One page of a TIFF: an image file directory of the main chain.
struct TiffPage {
    std::uint64_t offset = 0, width = 0, height = 0;
    std::optional<PixelType> type;  ///< unset: bits and format that aren't read
    std::uint32_t samples = 1;
    bool are_apart = false;  ///< each sample in planes of its own
    bool is_rgb = false, is_inverted = false, has_palette = false, is_reduced = false;
    /// Red, green and blue of each value, of a palette for 8 bits.
    std::vector<std::array<std::uint8_t, 3>> palette;
    std::uint32_t tile_width = 0, tile_height = 0;  ///< 0: in strips
    std::uint32_t packing = 1;                      ///< TIFF's number of its compression
    std::optional<double> micrometres_x, micrometres_y;
};

/// A TIFF open for reading by libtiff, with limits. One thread.
class TiffFile {
public:
    /// errors  invalid_input  not a TIFF
    static Result<std::unique_ptr<TiffFile>> open(File file);
    ~TiffFile();

    /// All pages of the main chain.
    /// errors  invalid_input  a damaged directory, a chain that runs in a circle
    ///         exhausted      limit: planes, limit: tile
    Result<std::vector<TiffPage>> pages();
    /// The first page's ImageDescription; "" where there is none.
    const std::string& description() const { return description_; }
    /// Rows of `out.size()` samples from `sample` on, each to one buffer, rows rising from call to
    /// call. Of a palette's page three buffers get its colours, one gets its numbers.
    Result<void> read_rows(const TiffPage& page, std::uint32_t sample, std::uint64_t first,
                           std::uint64_t rows, std::span<Bytes> out);

private:
    struct Input;
    explicit TiffFile(File file);
    Result<TiffPage> read_page();
    Result<void> turn_to(const TiffPage& page);
    Result<void> read_values(const TiffPage& page, std::uint32_t sample, std::uint64_t first,
                             std::uint64_t rows, std::span<Bytes> out);
    Result<void> read_lines(const TiffPage& page, std::uint32_t sample, std::uint64_t first,
                            std::uint64_t rows, std::span<Bytes> out);
    Result<void> read_tiles(const TiffPage& page, std::uint32_t sample, std::uint64_t first,
                            std::uint64_t rows, std::span<Bytes> out);
    Result<void> load_tile_row(const TiffPage& page, std::uint32_t sample, std::uint64_t tile_row,
                               std::size_t samples);
    /// Unpacks a tile into piece_: all samples of each pixel, or one plane's.
    Result<void> load_tile(const TiffPage& page, std::uint32_t number);
    Result<void> load_jpeg_2000_tile(const TiffPage& page, std::uint32_t number);
    Error damage(std::string_view what) const;

    std::unique_ptr<Input> input_;
    tiff* tiff_ = nullptr;
    std::string description_;
    std::uint64_t at_page_ = 0;  ///< offset of the page that libtiff has open
    /// The tiles of one row, put beside each other, one buffer a sample; and which they are.
    std::vector<Bytes> tile_row_;
    std::uint64_t held_page_ = 0, held_row_ = 0;
    std::uint32_t held_sample_ = 0;
    Bytes piece_;
};

}  // namespace stroma::image
