#include "image/tiff/tiff_file.h"

#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstring>
#include <set>

#include "image/image_info.h"
#include "image/jpeg2000/jpeg_2000.h"

namespace stroma::image {
namespace {

constexpr tmsize_t single_memory_max = tmsize_t{1} << 30;
/// Resolutions coarser than this are a printer's, not a microscope's.
constexpr double micrometres_believed = 100;

std::optional<PixelType> type_of(std::uint16_t bits, std::uint16_t format) {
    switch (format) {
        case SAMPLEFORMAT_INT:
            if (bits == 8) return PixelType::int8;
            if (bits == 16) return PixelType::int16;
            if (bits == 32) return PixelType::int32;
            return std::nullopt;
        case SAMPLEFORMAT_IEEEFP:
            if (bits == 32) return PixelType::float32;
            return std::nullopt;
        default:
            if (bits == 8) return PixelType::uint8;
            if (bits == 16) return PixelType::uint16;
            if (bits == 32) return PixelType::uint32;
            return std::nullopt;
    }
}

std::optional<double> micrometres_of(float resolution, std::uint16_t unit) {
    if (!(resolution > 0)) return std::nullopt;
    const double size =
        (unit == RESUNIT_CENTIMETER ? 1e4 : 25'400) / static_cast<double>(resolution);
    if (unit == RESUNIT_NONE || size > micrometres_believed) return std::nullopt;
    return size;
}

/// TIFF's numbers for JPEG 2000, which libtiff leaves alone: Aperio's two (the first keeps
/// brightness and differences of colour), its registered one, and that of newer slides.
constexpr std::uint32_t jpeg_2000_of_aperio_ycc = 33003;
bool is_jpeg_2000(std::uint32_t packing) {
    return packing == jpeg_2000_of_aperio_ycc || packing == 33004 || packing == 33005 ||
           packing == COMPRESSION_JP2000;
}

/// Every `step`-th value of `from`, from the first on.
void spread(const std::byte* from, std::size_t step, std::size_t size, std::size_t count,
            std::byte* to) {
    if (step == 1) {
        std::memcpy(to, from, size * count);
        return;
    }
    for (std::size_t i = 0; i < count; ++i)
        std::memcpy(to + i * size, from + i * step * size, size);
}

/// The colours of a page's 256 numbers; empty where it tells none.
std::vector<std::array<std::uint8_t, 3>> palette_of(tiff* file, std::uint16_t bits) {
    std::uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
    if (bits != 8 || TIFFGetField(file, TIFFTAG_COLORMAP, &red, &green, &blue) == 0) return {};
    // Colours have 16 bits; some writers fill only the lower eight.
    const bool is_narrow =
        std::all_of(red, red + 256, [](auto value) { return value < 256; }) &&
        std::all_of(green, green + 256, [](auto value) { return value < 256; }) &&
        std::all_of(blue, blue + 256, [](auto value) { return value < 256; });
    const int shift = is_narrow ? 0 : 8;
    std::vector<std::array<std::uint8_t, 3>> palette(256);
    for (std::size_t i = 0; i < palette.size(); ++i)
        palette[i] = {static_cast<std::uint8_t>(red[i] >> shift),
                      static_cast<std::uint8_t>(green[i] >> shift),
                      static_cast<std::uint8_t>(blue[i] >> shift)};
    return palette;
}

void invert(Bytes& values, PixelType type) {
    const std::uint8_t all = type == PixelType::uint8 || type == PixelType::uint16 ? 0xff : 0;
    for (std::byte& one : values) one ^= std::byte{all};
}

}  // namespace

/// The file as libtiff's callbacks see it.
struct TiffFile::Input {
    File file;
    std::uint64_t size = 0, at = 0;
    std::string problem;  ///< what libtiff said last

    static tmsize_t read(thandle_t handle, void* to, tmsize_t wanted) {
        auto& input = *static_cast<Input*>(handle);
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(
            static_cast<std::uint64_t>(wanted), input.size - std::min(input.at, input.size)));
        if (!input.file.read_at(input.at, {static_cast<std::byte*>(to), count})) return -1;
        input.at += count;
        return static_cast<tmsize_t>(count);
    }
    static toff_t seek(thandle_t handle, toff_t offset, int from) {
        auto& input = *static_cast<Input*>(handle);
        input.at = from == SEEK_SET   ? offset
                   : from == SEEK_CUR ? input.at + offset
                                      : input.size + offset;
        return input.at;
    }
    static toff_t length(thandle_t handle) { return static_cast<Input*>(handle)->size; }
    static int note(tiff*, void* handle, const char*, const char* format, va_list arguments) {
        char text[400];
        std::vsnprintf(text, sizeof text, format, arguments);
        static_cast<Input*>(handle)->problem = text;
        return 1;
    }
};

TiffFile::TiffFile(File file) : input_(std::make_unique<Input>()) {
    input_->file = std::move(file);
}

TiffFile::~TiffFile() {
    if (tiff_ != nullptr) TIFFClose(tiff_);
}

Error TiffFile::damage(std::string_view what) const {
    return {ErrorCode::invalid_input,
            fmt::format("{}{}{}", what, input_->problem.empty() ? "" : ": ", input_->problem)};
}

Result<std::unique_ptr<TiffFile>> TiffFile::open(File file) {
    const std::string name = file.name();
    std::unique_ptr<TiffFile> opened(new TiffFile(std::move(file)));
    Input& input = *opened->input_;
    input.size = TRY(input.file.size());
    TIFFOpenOptions* options = TIFFOpenOptionsAlloc();
    if (options == nullptr) return fail(ErrorCode::exhausted, "limit: memory");
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, single_memory_max);
    TIFFOpenOptionsSetErrorHandlerExtR(options, Input::note, &input);
    TIFFOpenOptionsSetWarningHandlerExtR(
        options, [](tiff*, void*, const char*, const char*, va_list) { return 1; }, nullptr);
    const auto no_write = [](thandle_t, void*, tmsize_t) -> tmsize_t { return -1; };
    // "m": libtiff doesn't map the file, so what it reads stays within it.
    opened->tiff_ = TIFFClientOpenExt(
        name.c_str(), "rm", &input, Input::read, no_write, Input::seek, [](thandle_t) { return 0; },
        Input::length, [](thandle_t, void**, toff_t*) { return 0; },
        [](thandle_t, void*, toff_t) {}, options);
    TIFFOpenOptionsFree(options);
    if (opened->tiff_ == nullptr) return fail(opened->damage("it can't be read as TIFF"));
    const char* description = nullptr;
    if (TIFFGetField(opened->tiff_, TIFFTAG_IMAGEDESCRIPTION, &description) != 0 &&
        description != nullptr)
        opened->description_ = description;
    return opened;
}

Result<TiffPage> TiffFile::read_page() {
    TiffPage page;
    page.offset = TIFFCurrentDirOffset(tiff_);
    std::uint32_t width = 0, height = 0, kind = 0;
    std::uint16_t bits = 1, format = SAMPLEFORMAT_UINT, samples = 1, planes = PLANARCONFIG_CONTIG,
                  meaning = PHOTOMETRIC_MINISBLACK, packing = COMPRESSION_NONE, unit = RESUNIT_INCH;
    float across = 0, down = 0;
    TIFFGetField(tiff_, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff_, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetField(tiff_, TIFFTAG_SUBFILETYPE, &kind);
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_PLANARCONFIG, &planes);
    TIFFGetField(tiff_, TIFFTAG_PHOTOMETRIC, &meaning);
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_COMPRESSION, &packing);
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_RESOLUTIONUNIT, &unit);
    if (TIFFGetField(tiff_, TIFFTAG_XRESOLUTION, &across) != 0)
        page.micrometres_x = micrometres_of(across, unit);
    if (TIFFGetField(tiff_, TIFFTAG_YRESOLUTION, &down) != 0)
        page.micrometres_y = micrometres_of(down, unit);
    page.width = width;
    page.height = height;
    page.type = type_of(bits, format);
    page.samples = samples;
    page.are_apart = planes == PLANARCONFIG_SEPARATE && samples > 1;
    page.is_rgb = (meaning == PHOTOMETRIC_RGB || meaning == PHOTOMETRIC_YCBCR) && samples >= 3;
    page.is_inverted = meaning == PHOTOMETRIC_MINISWHITE;
    page.has_palette = meaning == PHOTOMETRIC_PALETTE;
    if (page.has_palette && samples == 1) page.palette = palette_of(tiff_, bits);
    page.is_reduced = (kind & FILETYPE_REDUCEDIMAGE) != 0;
    page.packing = packing;
    if (TIFFIsTiled(tiff_) != 0) {
        TIFFGetField(tiff_, TIFFTAG_TILEWIDTH, &page.tile_width);
        TIFFGetField(tiff_, TIFFTAG_TILELENGTH, &page.tile_height);
        if (page.tile_width == 0 || page.tile_height == 0 ||
            std::uint64_t{page.tile_width} * page.tile_height > tiff_tile_pixels_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("limit: tile: {} x {} pixels are too many", page.tile_width,
                                    page.tile_height));
    }
    return page;
}

Result<std::vector<TiffPage>> TiffFile::pages() {
    std::vector<TiffPage> pages;
    std::set<std::uint64_t> seen;
    input_->problem.clear();
    for (;;) {
        const std::uint64_t offset = TIFFCurrentDirOffset(tiff_);
        if (!seen.insert(offset).second)
            return fail(damage(fmt::format("its pages run in a circle at byte {}", offset)));
        if (pages.size() >= image_channels_max)
            return fail(ErrorCode::exhausted, "limit: planes: the file has too many pages");
        pages.push_back(TRY(read_page()));
        if (TIFFLastDirectory(tiff_) != 0) break;
        // A page that can't be read is what libtiff has open afterwards, and calls the last.
        if (TIFFReadDirectory(tiff_) == 0)
            return fail(damage(fmt::format("page {} can't be read", pages.size() + 1)));
    }
    at_page_ = pages.back().offset;
    return pages;
}

Result<void> TiffFile::turn_to(const TiffPage& page) {
    if (at_page_ == page.offset) return {};
    if (TIFFSetSubDirectory(tiff_, page.offset) == 0)
        return fail(damage(fmt::format("the page at byte {} can't be read", page.offset)));
    at_page_ = page.offset;
    return {};
}

Result<void> TiffFile::read_rows(const TiffPage& page, std::uint32_t sample, std::uint64_t first,
                                 std::uint64_t rows, std::span<Bytes> out) {
    if (page.palette.empty() || out.size() != 3) return read_values(page, sample, first, rows, out);
    Bytes numbers(rows * page.width);
    TRY(read_values(page, 0, first, rows, {&numbers, 1}));
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto& color = page.palette[std::to_integer<std::uint8_t>(numbers[i])];
        for (std::size_t c = 0; c < 3; ++c) out[c][i] = std::byte{color[c]};
    }
    return {};
}

Result<void> TiffFile::read_values(const TiffPage& page, std::uint32_t sample, std::uint64_t first,
                                   std::uint64_t rows, std::span<Bytes> out) {
    TRY(turn_to(page));
    if (is_jpeg_2000(page.packing) && page.tile_width == 0)
        return fail(ErrorCode::unsupported, "JPEG 2000 in strips is not read, only in tiles");
    if (!is_jpeg_2000(page.packing) &&
        TIFFIsCODECConfigured(static_cast<std::uint16_t>(page.packing)) == 0)
        return fail(ErrorCode::unsupported,
                    fmt::format("its pixels are packed by TIFF's method {}", page.packing));
    // What is kept as brightness and two colours comes out as red, green and blue.
    if (page.packing == COMPRESSION_JPEG)
        TIFFSetField(tiff_, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    input_->problem.clear();
    TRY(page.tile_width == 0 ? read_lines(page, sample, first, rows, out)
                             : read_tiles(page, sample, first, rows, out));
    if (page.is_inverted)
        for (Bytes& values : out) invert(values, *page.type);
    return {};
}

Result<void> TiffFile::read_lines(const TiffPage& page, std::uint32_t sample, std::uint64_t first,
                                  std::uint64_t rows, std::span<Bytes> out) {
    const std::size_t size = size_of(*page.type), width = page.width;
    const std::size_t step = page.are_apart ? 1 : page.samples;
    const tmsize_t line = TIFFScanlineSize(tiff_);
    if (line < 0 || static_cast<std::size_t>(line) < width * step * size)
        return fail(damage("its rows are shorter than its width"));
    piece_.resize(static_cast<std::size_t>(line));
    for (std::uint64_t row = 0; row < rows; ++row)
        for (std::size_t i = 0; i < out.size(); ++i) {
            const auto plane = static_cast<std::uint16_t>(page.are_apart ? sample + i : 0);
            const bool is_new = page.are_apart || i == 0;
            if (is_new && TIFFReadScanline(tiff_, piece_.data(),
                                           static_cast<std::uint32_t>(first + row), plane) != 1)
                return fail(damage(fmt::format("row {} can't be read", first + row)));
            const std::size_t begin = page.are_apart ? 0 : (sample + i) * size;
            spread(piece_.data() + begin, step, size, width, out[i].data() + row * width * size);
        }
    return {};
}

Result<void> TiffFile::load_tile(const TiffPage& page, std::uint32_t number) {
    if (is_jpeg_2000(page.packing)) return load_jpeg_2000_tile(page, number);
    const auto bytes = static_cast<tmsize_t>(piece_.size());
    if (TIFFReadEncodedTile(tiff_, number, piece_.data(), bytes) < 0)
        return fail(damage(fmt::format("tile {} can't be read", number)));
    return {};
}

Result<void> TiffFile::load_jpeg_2000_tile(const TiffPage& page, std::uint32_t number) {
    const std::uint64_t packed_bytes = TIFFGetStrileByteCount(tiff_, number);
    if (packed_bytes > static_cast<std::uint64_t>(single_memory_max) || packed_bytes > input_->size)
        return fail(damage(fmt::format("tile {} is longer than the file", number)));
    std::fill(piece_.begin(), piece_.end(), std::byte{0});
    if (packed_bytes == 0) return {};  // a tile that was left out
    Bytes packed(packed_bytes);
    const auto wanted = static_cast<tmsize_t>(packed_bytes);
    if (TIFFReadRawTile(tiff_, number, packed.data(), wanted) != wanted)
        return fail(damage(fmt::format("tile {} can't be read", number)));
    const Jpeg2000Colors colors = page.packing == jpeg_2000_of_aperio_ycc
                                      ? Jpeg2000Colors::luma_and_chroma
                                      : Jpeg2000Colors::as_said;
    const Jpeg2000Picture tile = TRY_WITH(decode_jpeg_2000(packed, colors, single_memory_max),
                                          fmt::format("tile {}", number));
    const std::size_t step = page.are_apart ? 1 : page.samples;
    if (tile.type != page.type || tile.planes.size() < step || tile.width > page.tile_width ||
        tile.height > page.tile_height)
        return fail(damage(fmt::format("tile {} isn't what its page says", number)));
    const std::size_t size = size_of(tile.type);
    for (std::size_t sample = 0; sample < step; ++sample)
        for (std::uint32_t y = 0; y < tile.height; ++y)
            for (std::uint32_t x = 0; x < tile.width; ++x)
                std::memcpy(
                    piece_.data() + ((std::size_t{y} * page.tile_width + x) * step + sample) * size,
                    tile.planes[sample].data() + (std::size_t{y} * tile.width + x) * size, size);
    return {};
}

Result<void> TiffFile::load_tile_row(const TiffPage& page, std::uint32_t sample,
                                     std::uint64_t tile_row, std::size_t samples) {
    const bool is_held = held_page_ == page.offset && held_row_ == tile_row &&
                         held_sample_ == sample && tile_row_.size() == samples;
    if (is_held) return {};
    held_page_ = 0;
    const std::size_t size = size_of(*page.type), step = page.are_apart ? 1 : page.samples;
    const tmsize_t tile_bytes = TIFFTileSize(tiff_);
    const std::size_t needed = std::size_t{page.tile_width} * page.tile_height * step * size;
    if (tile_bytes < 0 || static_cast<std::size_t>(tile_bytes) != needed)
        return fail(damage("its tiles are of another size than they say"));
    piece_.resize(static_cast<std::size_t>(tile_bytes));
    tile_row_.resize(samples);
    for (Bytes& one : tile_row_) one.resize(page.width * page.tile_height * size);
    const auto top = static_cast<std::uint32_t>(tile_row * page.tile_height);
    for (std::uint64_t left = 0; left < page.width; left += page.tile_width)
        for (std::size_t i = 0; i < samples; ++i) {
            const auto plane = static_cast<std::uint16_t>(page.are_apart ? sample + i : 0);
            const bool is_new = page.are_apart || i == 0;
            const std::uint32_t number =
                TIFFComputeTile(tiff_, static_cast<std::uint32_t>(left), top, 0, plane);
            if (is_new) TRY(load_tile(page, number));
            const std::size_t across = std::min<std::uint64_t>(page.tile_width, page.width - left);
            const std::size_t begin = page.are_apart ? 0 : (sample + i) * size;
            for (std::size_t row = 0; row < page.tile_height; ++row)
                spread(piece_.data() + begin + row * page.tile_width * step * size, step, size,
                       across, tile_row_[i].data() + (row * page.width + left) * size);
        }
    held_page_ = page.offset;
    held_row_ = tile_row;
    held_sample_ = sample;
    return {};
}

Result<void> TiffFile::read_tiles(const TiffPage& page, std::uint32_t sample, std::uint64_t first,
                                  std::uint64_t rows, std::span<Bytes> out) {
    const std::size_t line = page.width * size_of(*page.type);
    for (std::uint64_t row = 0; row < rows;) {
        const std::uint64_t tile_row = (first + row) / page.tile_height;
        const std::uint64_t begin = (first + row) % page.tile_height;
        const std::uint64_t count = std::min(rows - row, page.tile_height - begin);
        TRY(load_tile_row(page, sample, tile_row, out.size()));
        for (std::size_t i = 0; i < out.size(); ++i)
            std::memcpy(out[i].data() + row * line, tile_row_[i].data() + begin * line,
                        count * line);
        row += count;
    }
    return {};
}

}  // namespace stroma::image
