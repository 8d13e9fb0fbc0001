// tiff_bench [SIDE]: OME-TIFF read and written beside libtiff's own calls, one picture of 16 bits
// with SIDE x SIDE pixels in tiles of 512. Prints processor time; STROMA_THREADS=1 is one thread.
#include <fmt/format.h>
#include <tiffio.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <vector>

#include "expression/annotated_data.h"
#include "image/tiff/ome_tiff_writer.h"
#include "image/tiff/tiff_reader.h"

namespace stroma {
namespace {

constexpr std::uint64_t tile_side = 512;

struct Picture {
    std::uint64_t side = 0;
    std::vector<std::uint16_t> values;
};

/// Disks on a slope with noise, as a fluorescent slide has them.
Picture made_picture(std::uint64_t side) {
    Picture picture{side, std::vector<std::uint16_t>(side * side)};
    std::uint64_t state = 1;
    for (std::uint64_t y = 0; y < side; ++y)
        for (std::uint64_t x = 0; x < side; ++x) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            const double away =
                std::hypot(static_cast<double>(x % 28) - 14, static_cast<double>(y % 28) - 14);
            picture.values[y * side + x] =
                static_cast<std::uint16_t>(500 + 6000 / (1 + std::exp(2 * (away - 9))) +
                                           static_cast<double>(state >> 33 & 255));
        }
    return picture;
}

/// Every second pixel's mean of four, as the writer's next level.
Picture halved(const Picture& from) {
    Picture to{from.side / 2, std::vector<std::uint16_t>(from.side / 2 * (from.side / 2))};
    for (std::uint64_t y = 0; y < to.side; ++y)
        for (std::uint64_t x = 0; x < to.side; ++x) {
            const std::uint16_t* const at = from.values.data() + 2 * y * from.side + 2 * x;
            to.values[y * to.side + x] = static_cast<std::uint16_t>(
                (at[0] + at[1] + at[from.side] + at[from.side + 1] + 2) / 4);
        }
    return to;
}

Result<void> write_level(TIFF* file, const Picture& picture, std::uint16_t packing) {
    TIFFSetField(file, TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(picture.side));
    TIFFSetField(file, TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(picture.side));
    TIFFSetField(file, TIFFTAG_TILEWIDTH, static_cast<std::uint32_t>(tile_side));
    TIFFSetField(file, TIFFTAG_TILELENGTH, static_cast<std::uint32_t>(tile_side));
    TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, 16);
    TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(file, TIFFTAG_COMPRESSION, packing);
    if (packing != COMPRESSION_NONE) TIFFSetField(file, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    std::vector<std::uint16_t> tile(tile_side * tile_side);
    for (std::uint64_t y = 0; y < picture.side; y += tile_side)
        for (std::uint64_t x = 0; x < picture.side; x += tile_side) {
            for (std::uint64_t row = 0; row < tile_side; ++row)
                std::copy_n(picture.values.data() + (y + row) * picture.side + x, tile_side,
                            tile.data() + row * tile_side);
            if (TIFFWriteTile(file, tile.data(), static_cast<std::uint32_t>(x),
                              static_cast<std::uint32_t>(y), 0, 0) < 0)
                return fail(ErrorCode::corrupt, "libtiff doesn't write");
        }
    return TIFFWriteDirectory(file) == 1 ? Result<void>{}
                                         : fail(ErrorCode::corrupt, "libtiff doesn't write");
}

Result<void> write_by_libtiff(const Picture& picture, std::uint16_t packing, bool has_levels,
                              const fs::path& path) {
    TIFF* const file = TIFFOpen(path.c_str(), "w8");
    if (file == nullptr) return fail(ErrorCode::corrupt, "libtiff doesn't open");
    Result<void> done = write_level(file, picture, packing);
    if (has_levels)
        for (Picture level = halved(picture); done && level.side >= tile_side;
             level = halved(level))
            done = write_level(file, level, packing);
    TIFFClose(file);
    return done;
}

/// Every tile to its place in one plane.
Result<std::vector<std::uint16_t>> read_by_libtiff(const fs::path& path, std::uint64_t side) {
    std::vector<std::uint16_t> plane(side * side), tile(tile_side * tile_side);
    TIFF* const file = TIFFOpen(path.c_str(), "r");
    if (file == nullptr) return fail(ErrorCode::corrupt, "libtiff doesn't open");
    for (std::uint64_t y = 0; y < side; y += tile_side)
        for (std::uint64_t x = 0; x < side; x += tile_side) {
            if (TIFFReadTile(file, tile.data(), static_cast<std::uint32_t>(x),
                             static_cast<std::uint32_t>(y), 0, 0) < 0) {
                TIFFClose(file);
                return fail(ErrorCode::corrupt, "libtiff doesn't read");
            }
            for (std::uint64_t row = 0; row < tile_side; ++row)
                std::copy_n(tile.data() + row * tile_side, tile_side,
                            plane.data() + (y + row) * side + x);
        }
    TIFFClose(file);
    return plane;
}

Result<std::vector<std::uint16_t>> read_by_us(const fs::path& path, std::uint64_t side) {
    const auto files = TRY(expression::open_input(path));
    std::vector<std::string> notes;
    const auto source = TRY(image::tiff_reader().open(*files, {}, notes));
    std::vector<std::uint16_t> plane(side * side);
    std::vector<Bytes> rows(1, Bytes(tile_side * side * sizeof(std::uint16_t)));
    for (std::uint64_t y = 0; y < side; y += tile_side) {
        TRY(source->read_rows(0, y, tile_side, rows));
        std::memcpy(plane.data() + y * side, rows[0].data(), tile_side * side * 2);
    }
    return plane;
}

Result<void> write_by_us(const Picture& picture, const fs::path& path) {
    image::OmeTiff tiff;
    tiff.name = "bench";
    tiff.width = tiff.height = picture.side;
    tiff.type = image::PixelType::uint16;
    tiff.channels = {"DNA"};
    tiff.row = [&](std::size_t, std::uint64_t y) -> Result<const std::byte*> {
        return reinterpret_cast<const std::byte*>(picture.values.data() + y * picture.side);
    };
    return image::write_ome_tiff(tiff, path);
}

/// The best of three.
Result<double> seconds_of(const std::function<Result<void>()>& work) {
    double best = 1e9;
    for (int round = 0; round < 3; ++round) {
        const std::clock_t start = std::clock();
        TRY(work());
        best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    return best;
}

void tell(std::string_view what, const Picture& picture, double ours, double libtiff) {
    const double megabytes = static_cast<double>(picture.values.size()) * 2 / 1e6;
    fmt::print("{:24} ours {:6.0f} MB/s, libtiff {:6.0f} MB/s of pixels: {:.2f} times\n", what,
               megabytes / ours, megabytes / libtiff, libtiff / ours);
}

Result<void> compare(std::uint64_t side, const fs::path& folder) {
    const Picture picture = made_picture(side);
    const fs::path path = folder / "libtiff.tiff", own = folder / "own.ome.tiff";
    const std::pair<const char*, std::uint16_t> packings[] = {
        {"none", COMPRESSION_NONE},
        {"LZW", COMPRESSION_LZW},
        {"deflate", COMPRESSION_ADOBE_DEFLATE},
        {"zstd", COMPRESSION_ZSTD}};
    for (const auto& [name, packing] : packings) {
        TRY(write_by_libtiff(picture, packing, false, path));
        std::vector<std::uint16_t> read;
        const double ours = TRY(seconds_of([&]() -> Result<void> {
            auto plane = read_by_us(path, side);
            if (!plane) return tl::unexpected(plane.error());
            read = *std::move(plane);
            return {};
        }));
        if (read != picture.values) return fail(ErrorCode::corrupt, "other pixels were read");
        const double theirs = TRY(seconds_of([&]() -> Result<void> {
            auto plane = read_by_libtiff(path, side);
            if (!plane) return tl::unexpected(plane.error());
            return {};
        }));
        tell(fmt::format("read, {}", name), picture, ours, theirs);
    }
    const double ours = TRY(seconds_of([&]() -> Result<void> {
        if (auto gone = remove_file(own); !gone) return tl::unexpected(gone.error());
        return write_by_us(picture, own);
    }));
    const double theirs = TRY(seconds_of(
        [&] { return write_by_libtiff(picture, COMPRESSION_ADOBE_DEFLATE, true, path); }));
    tell("write, deflate, levels", picture, ours, theirs);
    fmt::print("of {:.1f} MB: ours {:.1f}, libtiff {:.1f} MB\n",
               static_cast<double>(picture.values.size()) * 2 / 1e6,
               static_cast<double>(fs::file_size(own)) / 1e6,
               static_cast<double>(fs::file_size(path)) / 1e6);
    return {};
}

}  // namespace
}  // namespace stroma

int main(int argument_count, char** arguments) {
    using namespace stroma;
    const std::uint64_t side = argument_count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 4096;
    if (side == 0 || side % tile_side != 0) {
        fmt::print(stderr, "tiff_bench: SIDE is a multiple of {}\n", tile_side);
        return 2;
    }
    std::string pattern = (fs::temp_directory_path() / "tiff_bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
        fmt::print(stderr, "tiff_bench: no folder can be made in {}\n", pattern);
        return 1;
    }
    const Result<void> done = compare(side, pattern);
    std::error_code ignored;
    fs::remove_all(pattern, ignored);
    if (done) return 0;
    fmt::print(stderr, "tiff_bench: {}\n", done.error().message);
    return 1;
}
