#include "image/tiff/ome_tiff_writer.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <tiffio.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "base/threads.h"
#include "image/image_info.h"

namespace stroma::image {
namespace {

constexpr std::uint64_t written_tile = 512;
constexpr std::uint64_t classic_bytes_max = std::uint64_t{3} << 30;
constexpr int deflate_level = 1;

std::string xml_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (byte >= 0x20)
            out += c;
    }
    return out;
}

/// Sizes are in micrometres, which is what the schema takes where no unit is said.
std::string ome_text(const OmeTiff& picture) {
    const bool is_float = picture.type == PixelType::float32;
    std::string text = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><OME "
        "xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\"><Image ID=\"Image:0\" "
        "Name=\"{}\"><Pixels ID=\"Pixels:0\" DimensionOrder=\"XYZCT\" Type=\"{}\" SizeX=\"{}\" "
        "SizeY=\"{}\" SizeZ=\"1\" SizeC=\"{}\" SizeT=\"1\"",
        xml_text(picture.name), is_float ? "float" : name_of(picture.type), picture.width,
        picture.height, picture.channels.size());
    if (picture.micrometres_x && picture.micrometres_y)
        text += fmt::format(" PhysicalSizeX=\"{}\" PhysicalSizeY=\"{}\"", *picture.micrometres_x,
                            *picture.micrometres_y);
    text += '>';
    for (std::size_t i = 0; i < picture.channels.size(); ++i)
        text += fmt::format("<Channel ID=\"Channel:0:{}\" Name=\"{}\" SamplesPerPixel=\"1\"/>", i,
                            xml_text(picture.channels[i]));
    for (std::size_t i = 0; i < picture.channels.size(); ++i)
        text += fmt::format("<TiffData IFD=\"{0}\" FirstC=\"{0}\" PlaneCount=\"1\"/>", i);
    return text + "</Pixels></Image></OME>";
}

struct CloseTiff {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};

/// One file being written.
class OmeTiffWriter {
public:
    OmeTiffWriter(const OmeTiff& picture, TIFF* tiff)
        : picture_(picture), tiff_(tiff), value_bytes_(size_of(picture.type)) {}

    Result<void> write();

private:
    std::uint32_t level_count() const;
    void set_fields(std::size_t channel, std::uint32_t level, std::uint32_t levels);
    Result<void> write_level(std::size_t channel, std::uint32_t level);
    Result<void> read_level_row(std::size_t channel, std::uint32_t level, std::uint64_t y);
    Result<void> write_band(std::uint64_t columns);
    void difference(Bytes& tile) const;
    bool has_differences() const {
        return !picture_.are_labels && picture_.type != PixelType::float32;
    }
    static tl::unexpected<Error> not_written() {
        return fail(ErrorCode::exhausted, "the TIFF couldn't be written: is the disk full?");
    }

    const OmeTiff& picture_;
    TIFF* tiff_;
    const std::size_t value_bytes_;
    std::uint32_t tile_number_ = 0;
    Bytes row_;
    std::vector<double> sums_;
    std::vector<Bytes> tiles_, packed_;
    std::vector<std::size_t> packed_bytes_;
};

std::uint32_t OmeTiffWriter::level_count() const {
    std::uint32_t levels = 1;
    if (!picture_.has_levels) return levels;
    while (std::max(halved(picture_.width, levels - 1), halved(picture_.height, levels - 1)) >
           written_tile)
        ++levels;
    return levels;
}

void OmeTiffWriter::set_fields(std::size_t channel, std::uint32_t level, std::uint32_t levels) {
    const auto width = static_cast<std::uint32_t>(halved(picture_.width, level));
    const auto height = static_cast<std::uint32_t>(halved(picture_.height, level));
    const bool is_float = picture_.type == PixelType::float32;
    const bool is_signed = picture_.type == PixelType::int8 || picture_.type == PixelType::int16 ||
                           picture_.type == PixelType::int32;
    TIFFSetField(tiff_, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(tiff_, TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(tiff_, TIFFTAG_BITSPERSAMPLE, static_cast<int>(8 * value_bytes_));
    TIFFSetField(tiff_, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tiff_, TIFFTAG_SAMPLEFORMAT,
                 is_float    ? SAMPLEFORMAT_IEEEFP
                 : is_signed ? SAMPLEFORMAT_INT
                             : SAMPLEFORMAT_UINT);
    TIFFSetField(tiff_, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tiff_, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff_, TIFFTAG_TILEWIDTH, static_cast<std::uint32_t>(written_tile));
    TIFFSetField(tiff_, TIFFTAG_TILELENGTH, static_cast<std::uint32_t>(written_tile));
    TIFFSetField(tiff_, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
    if (has_differences()) TIFFSetField(tiff_, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    if (level > 0) TIFFSetField(tiff_, TIFFTAG_SUBFILETYPE, FILETYPE_REDUCEDIMAGE);
    if (channel == 0 && level == 0)
        TIFFSetField(tiff_, TIFFTAG_IMAGEDESCRIPTION, ome_text(picture_).c_str());
    if (level == 0 && levels > 1) {
        // The library fills the places in as the sub-pages are written.
        const std::vector<std::uint64_t> places(levels - 1, 0);
        TIFFSetField(tiff_, TIFFTAG_SUBIFD, static_cast<int>(places.size()), places.data());
    }
}

/// Leaves row y of that level in row_.
Result<void> OmeTiffWriter::read_level_row(std::size_t channel, std::uint32_t level,
                                           std::uint64_t y) {
    const std::uint64_t factor = std::uint64_t{1} << level;
    const std::uint64_t width = halved(picture_.width, level);
    row_.resize(width * value_bytes_);
    if (level == 0 || picture_.are_labels) {
        const std::byte* const from = TRY(picture_.row(channel, y * factor));
        if (level == 0)
            std::memcpy(row_.data(), from, row_.size());
        else
            for (std::uint64_t x = 0; x < width; ++x)
                std::memcpy(row_.data() + x * value_bytes_, from + x * factor * value_bytes_,
                            value_bytes_);
        return {};
    }
    sums_.assign(width, 0);
    const std::uint64_t end = std::min((y + 1) * factor, picture_.height);
    for (std::uint64_t at = y * factor; at < end; ++at) {
        const std::byte* const from = TRY(picture_.row(channel, at));
        with_pixel_type(picture_.type, [&]<class T>(T) {
            const T* const values = reinterpret_cast<const T*>(from);
            for (std::uint64_t x = 0; x < picture_.width; ++x)
                sums_[x >> level] += static_cast<double>(values[x]);
        });
    }
    with_pixel_type(picture_.type, [&]<class T>(T) {
        T* const values = reinterpret_cast<T*>(row_.data());
        for (std::uint64_t x = 0; x < width; ++x) {
            const std::uint64_t columns = std::min(factor, picture_.width - x * factor);
            const double mean = sums_[x] / static_cast<double>(columns * (end - y * factor));
            values[x] = static_cast<T>(std::is_floating_point_v<T> ? mean : std::floor(mean + 0.5));
        }
    });
    return {};
}

void OmeTiffWriter::difference(Bytes& tile) const {
    with_pixel_type(picture_.type, [&]<class T>(T) {
        if constexpr (!std::is_floating_point_v<T>) {
            using U = std::make_unsigned_t<T>;
            U* values = reinterpret_cast<U*>(tile.data());
            for (std::uint64_t y = 0; y < written_tile; ++y, values += written_tile)
                for (std::uint64_t x = written_tile - 1; x > 0; --x)
                    values[x] = static_cast<U>(values[x] - values[x - 1]);
        }
    });
}

Result<void> OmeTiffWriter::write_band(std::uint64_t columns) {
    packed_.resize(columns);
    packed_bytes_.assign(columns, 0);
    TRY(parallel_for(columns, [&](std::size_t at) -> Result<void> {
        if (has_differences()) difference(tiles_[at]);
        libdeflate_compressor* const compressor = libdeflate_alloc_compressor(deflate_level);
        if (compressor == nullptr) return fail(ErrorCode::exhausted, "no memory to deflate with");
        packed_[at].resize(libdeflate_zlib_compress_bound(compressor, tiles_[at].size()));
        packed_bytes_[at] =
            libdeflate_zlib_compress(compressor, tiles_[at].data(), tiles_[at].size(),
                                     packed_[at].data(), packed_[at].size());
        libdeflate_free_compressor(compressor);
        return {};
    }));
    for (std::size_t at = 0; at < columns; ++at)
        if (TIFFWriteRawTile(tiff_, tile_number_++, packed_[at].data(),
                             static_cast<tmsize_t>(packed_bytes_[at])) < 0)
            return not_written();
    return {};
}

Result<void> OmeTiffWriter::write_level(std::size_t channel, std::uint32_t level) {
    const std::uint64_t width = halved(picture_.width, level);
    const std::uint64_t height = halved(picture_.height, level);
    const std::uint64_t columns = (width + written_tile - 1) / written_tile;
    const std::size_t tile_row_bytes = written_tile * value_bytes_;
    tile_number_ = 0;
    tiles_.resize(columns);
    for (std::uint64_t first = 0; first < height; first += written_tile) {
        for (auto& tile : tiles_) tile.assign(written_tile * tile_row_bytes, std::byte{0});
        const std::uint64_t end = std::min(first + written_tile, height);
        for (std::uint64_t y = first; y < end; ++y) {
            TRY(read_level_row(channel, level, y));
            for (std::uint64_t at = 0; at < columns; ++at) {
                const std::size_t begin = at * tile_row_bytes;
                std::memcpy(tiles_[at].data() + (y - first) * tile_row_bytes, row_.data() + begin,
                            std::min(tile_row_bytes, row_.size() - begin));
            }
        }
        TRY(write_band(columns));
    }
    if (TIFFWriteDirectory(tiff_) == 0) return not_written();
    return {};
}

Result<void> OmeTiffWriter::write() {
    const std::uint32_t levels = level_count();
    for (std::size_t channel = 0; channel < picture_.channels.size(); ++channel)
        for (std::uint32_t level = 0; level < levels; ++level) {
            set_fields(channel, level, levels);
            TRY(write_level(channel, level));
        }
    return {};
}

}  // namespace

Result<void> write_ome_tiff(const OmeTiff& picture, const fs::path& path) {
    if (picture.width == 0 || picture.height == 0 || picture.channels.empty() ||
        std::max(picture.width, picture.height) > image_side_max)
        return fail(ErrorCode::invalid_input, "the picture has no pixels, or a side too long");
    const std::uint64_t bytes =
        picture.width * picture.height * size_of(picture.type) * picture.channels.size();
    const File file = TRY(File::create(path));
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
    const int descriptor = dup(file.descriptor());
    std::unique_ptr<TIFF, CloseTiff> tiff(
        TIFFFdOpen(descriptor, path.c_str(), bytes > classic_bytes_max ? "w8" : "w"));
    if (tiff == nullptr) {
        close(descriptor);
        static_cast<void>(remove_file(path));
        return fail(ErrorCode::unavailable, path.string() + ": a TIFF can't be begun there");
    }
    auto written = OmeTiffWriter(picture, tiff.get()).write();
    tiff.reset();
    if (!written) static_cast<void>(remove_file(path));
    return written;
}

}  // namespace stroma::image
