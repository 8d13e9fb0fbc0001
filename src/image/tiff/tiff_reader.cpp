#include "image/tiff/tiff_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "image/tiff/ome_xml.h"
#include "image/tiff/tiff_file.h"

namespace stroma::image {
namespace {

/// Where a group of channels lies: samples of one page.
struct Place {
    TiffPage page;
    std::uint32_t samples = 1;
};

class TiffSource final : public ImageSource {
public:
    TiffSource(std::unique_ptr<TiffFile> file, ImageInfo info, std::vector<Place> places)
        : file_(std::move(file)), info_(std::move(info)), places_(std::move(places)) {}

    const ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override {
        std::vector<std::size_t> groups;
        for (const Place& place : places_) groups.push_back(place.samples);
        return groups;
    }
    Result<void> read_rows(std::size_t group, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        return file_->read_rows(places_[group].page, 0, first, rows, out);
    }

private:
    std::unique_ptr<TiffFile> file_;
    ImageInfo info_;
    std::vector<Place> places_;
};

/// The picture of a file, on its way to be known.
struct Picture {
    ImageInfo info;
    std::vector<Place> places;
};

Result<void> check_page(const TiffPage& page, const TiffPage& first) {
    if (!page.type)
        return fail(ErrorCode::unsupported,
                    "its values aren't whole numbers of 8, 16 or 32 bits or 32-bit floats");
    if (page.has_palette)
        return fail(ErrorCode::unsupported, "its colours are in a palette; save it as RGB");
    if (page.width != first.width || page.height != first.height || page.type != first.type)
        return fail(ErrorCode::invalid_input, "its channels differ in size or type");
    return {};
}

/// A page's channels: three of a photograph, else one a sample.
Result<void> add_page(const TiffPage& page, const Channel& said, Picture& picture) {
    TRY(check_page(page, picture.places.empty() ? page : picture.places[0].page));
    const bool is_photograph = page.is_rgb && page.type == PixelType::uint8;
    const std::uint32_t samples = is_photograph ? 3 : page.samples;
    constexpr std::string_view colors[] = {"red", "green", "blue"};
    for (std::uint32_t i = 0; i < samples; ++i) {
        Channel channel = said;
        if (is_photograph) {
            channel.name = colors[i];
            channel.color = i == 0 ? "#ff0000" : i == 1 ? "#00ff00" : "#0000ff";
        } else if (samples > 1) {
            channel.name += fmt::format(" {}", i + 1);
            channel.color.clear();
        }
        picture.info.channels.push_back(std::move(channel));
    }
    if (is_photograph && picture.places.empty()) picture.info.content = Content::rgb;
    if (picture.places.size() == 1) picture.info.content = Content::intensity;
    picture.places.push_back({page, samples});
    return {};
}

Result<void> read_ome(const OmeImage& ome, const std::vector<TiffPage>& pages,
                      std::string_view name, Picture& picture, std::vector<std::string>& notes) {
    for (std::size_t c = 0; c < ome.channels.size(); ++c) {
        const OmeImage::Plane& plane = ome.planes[c];
        if (!plane.file.empty() && plane.file != name && ome.channels.size() > pages.size())
            return fail(ErrorCode::unsupported,
                        fmt::format("channel '{}' lies in another file, '{}'; write all channels "
                                    "into one",
                                    ome.channels[c].name, plane.file));
        if (plane.ifd >= pages.size())
            return fail(ErrorCode::invalid_input,
                        fmt::format("OME-XML names page {} of {}", plane.ifd + 1, pages.size()));
        const TiffPage& page = pages[plane.ifd];
        if (page.width != ome.width || page.height != ome.height)
            return fail(ErrorCode::invalid_input,
                        fmt::format("OME-XML tells of {} x {} pixels, the page has {} x {}",
                                    ome.width, ome.height, page.width, page.height));
        TRY(add_page(page, ome.channels[c], picture));
    }
    picture.info.micrometres_x = ome.micrometres_x;
    picture.info.micrometres_y = ome.micrometres_y;
    if (ome.sizes[0] > 1 || ome.sizes[2] > 1)
        notes.push_back(fmt::format("the first of {} sections and {} times is taken", ome.sizes[0],
                                    ome.sizes[2]));
    return {};
}

Result<void> read_plain(const std::vector<TiffPage>& pages, Picture& picture) {
    const TiffPage& first = pages.front();
    for (const TiffPage& page : pages) {
        const bool is_alike = page.width == first.width && page.height == first.height &&
                              page.type == first.type && page.samples == first.samples &&
                              !page.is_reduced;
        if (&page != &first && (!is_alike || picture.info.content == Content::rgb)) continue;
        const std::string name =
            pages.size() == 1 ? "brightness" : fmt::format("page {}", &page - &first + 1);
        TRY(add_page(page, {.name = name, .color = ""}, picture));
    }
    picture.info.micrometres_x = first.micrometres_x;
    picture.info.micrometres_y = first.micrometres_y;
    return {};
}

Result<void> make_labels(Picture& picture, std::vector<std::string>& notes) {
    if (picture.info.channels.size() > 1)
        notes.push_back(fmt::format("of {} channels the first is taken as labels",
                                    picture.info.channels.size()));
    if (picture.info.content == Content::rgb)
        return fail(ErrorCode::invalid_input, "a photograph holds no labels");
    picture.places.resize(1);
    picture.places[0].samples = 1;
    picture.info.channels = {{.name = "labels", .color = ""}};
    picture.info.content = Content::labels;
    return {};
}

/// What is held of a page: one packed tile or line with all its samples, and a row of tiles.
Result<void> check_memory(const Place& place, const ImageOptions& options) {
    const TiffPage& page = place.page;
    const std::uint64_t value = size_of(*page.type);
    const std::uint64_t tile = std::uint64_t{page.tile_width} * page.tile_height;
    const std::uint64_t piece = std::max(tile, page.width) * value * page.samples;
    const std::uint64_t row = page.width * page.tile_height * value * place.samples;
    if (piece <= options.memory_bytes && row <= options.memory_bytes) return {};
    return fail(ErrorCode::exhausted, "limit: memory: its tiles or rows are too large");
}

class TiffReader final : public ImageReader {
public:
    std::string_view name() const override { return "tiff"; }

    bool recognises(expression::InputFiles& files) const override {
        if (files.is_folder()) return false;
        const auto file = files.open(files.name());
        std::byte head[4];
        if (!file || !file->read_at(0, head)) return false;
        const std::string_view text = as_text(head);
        using namespace std::string_view_literals;
        return text == "II*\0"sv || text == "MM\0*"sv || text == "II+\0"sv || text == "MM\0+"sv;
    }

    Result<std::unique_ptr<ImageSource>> open(expression::InputFiles& files,
                                              const ImageOptions& options,
                                              std::vector<std::string>& notes) const override {
        auto made = source_of(files, options, notes);
        if (!made) return fail(std::move(made.error()).with(files.name()));
        return made;
    }

private:
    static Result<std::unique_ptr<ImageSource>> source_of(expression::InputFiles& files,
                                                          const ImageOptions& options,
                                                          std::vector<std::string>& notes) {
        File input = TRY(files.open(files.name()));
        auto file = TRY(TiffFile::open(std::move(input)));
        const std::vector<TiffPage> pages = TRY(file->pages());
        Picture picture;
        if (is_ome_xml(file->description())) {
            const OmeImage ome = TRY(ome_image_of(file->description()));
            TRY(read_ome(ome, pages, files.name(), picture, notes));
        } else {
            TRY(read_plain(pages, picture));
        }
        if (options.are_labels) TRY(make_labels(picture, notes));
        const TiffPage& first = picture.places.front().page;
        picture.info.width = first.width;
        picture.info.height = first.height;
        picture.info.type = *first.type;
        TRY(check(picture.info));
        for (const Place& place : picture.places) TRY(check_memory(place, options));
        return std::make_unique<TiffSource>(std::move(file), std::move(picture.info),
                                            std::move(picture.places));
    }
};

}  // namespace

const ImageReader& tiff_reader() {
    static const TiffReader reader;
    return reader;
}

}  // namespace stroma::image
