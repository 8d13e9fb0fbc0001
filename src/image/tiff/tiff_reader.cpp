#include "image/tiff/tiff_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <list>

#include "base/ascii.h"
#include "image/tiff/ome_xml.h"
#include "image/tiff/tiff_file.h"

namespace stroma::image {
namespace {

constexpr std::size_t tiff_files_max = 512;

/// Where a group of channels lies: samples of one page of one file.
struct Place {
    TiffFile* file = nullptr;
    TiffPage page;
    std::uint32_t samples = 1;
};

/// The picture of one file or of several, on its way to be known.
struct Picture {
    std::vector<std::unique_ptr<TiffFile>> files;
    ImageInfo info;
    std::vector<Place> places;
};

class TiffSource final : public ImageSource {
public:
    explicit TiffSource(Picture picture) : picture_(std::move(picture)) {}

    const ImageInfo& info() const override { return picture_.info; }
    std::vector<std::size_t> groups() const override {
        std::vector<std::size_t> groups;
        for (const Place& place : picture_.places) groups.push_back(place.samples);
        return groups;
    }
    Result<void> read_rows(std::size_t group, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        const Place& place = picture_.places[group];
        return place.file->read_rows(place.page, 0, first, rows, out);
    }

private:
    Picture picture_;
};

/// A file with its pages.
struct OpenedTiff {
    std::string name;
    TiffFile* file = nullptr;
    std::vector<TiffPage> pages;
};

Result<OpenedTiff> open_tiff(expression::InputFiles& files, const std::string& name,
                             Picture& picture) {
    if (picture.files.size() >= tiff_files_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("limit: files: more than {} hold its channels", tiff_files_max));
    OpenedTiff opened{.name = name, .file = nullptr, .pages = {}};
    File input = TRY(files.open(name));
    auto file = TRY(TiffFile::open(std::move(input)));
    opened.pages = TRY_WITH(file->pages(), name);
    opened.file = file.get();
    picture.files.push_back(std::move(file));
    return opened;
}

Result<void> check_page(const TiffPage& page, const TiffPage& first) {
    if (!page.type)
        return fail(ErrorCode::unsupported,
                    "its values aren't whole numbers of 8, 16 or 32 bits or 32-bit floats");
    if (page.has_palette && page.palette.empty())
        return fail(ErrorCode::unsupported,
                    "its colours are in a palette of other than 256; save it as RGB");
    if (page.width != first.width || page.height != first.height || page.type != first.type)
        return fail(ErrorCode::invalid_input, "its channels differ in size or type");
    return {};
}

/// A page's channels: three of a photograph, else one a sample.
Result<void> add_page(TiffFile* file, const TiffPage& page, const Channel& said, Picture& picture) {
    TRY(check_page(page, picture.places.empty() ? page : picture.places[0].page));
    const bool is_photograph =
        (page.is_rgb && page.type == PixelType::uint8) || !page.palette.empty();
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
    picture.places.push_back({file, page, samples});
    return {};
}

/// The files of an OME-TIFF by their names, each opened when a channel is in it.
class OmeFiles {
public:
    OmeFiles(expression::InputFiles& files, std::vector<std::string> there, Picture& picture)
        : files_(files), there_(std::move(there)), picture_(picture) {}
    void add(OpenedTiff opened) { opened_.push_back(std::move(opened)); }
    bool is_alone() const { return there_.size() == 1; }
    /// `own`: the file whose OME-XML it is.
    Result<const OpenedTiff*> named(const std::string& name, const OpenedTiff& own,
                                    const Channel& channel) {
        if (name.empty()) return &own;
        for (const OpenedTiff& one : opened_)
            if (one.name == name) return &one;
        if (std::find(there_.begin(), there_.end(), name) != there_.end()) {
            OpenedTiff opened = TRY(open_tiff(files_, name, picture_));
            return &opened_.emplace_back(std::move(opened));
        }
        return fail(ErrorCode::invalid_input,
                    fmt::format("channel '{}' lies in another file, '{}', that isn't here; import "
                                "the folder that has all of them",
                                channel.name, name));
    }

private:
    expression::InputFiles& files_;
    std::vector<std::string> there_;
    Picture& picture_;
    std::list<OpenedTiff> opened_;
};

/// A file alone whose OME-XML names one file for all channels was given another name since.
bool was_renamed(const OmeImage& ome, const OpenedTiff& own, const OmeFiles& files) {
    return files.is_alone() &&
           std::all_of(ome.planes.begin(), ome.planes.end(), [&](const OmeImage::Plane& plane) {
               return plane.file == ome.planes[0].file && plane.ifd < own.pages.size();
           });
}

Result<void> read_ome(const OmeImage& ome, const OpenedTiff& own, OmeFiles& files, Picture& picture,
                      std::vector<std::string>& notes) {
    const bool is_own = was_renamed(ome, own, files);
    for (std::size_t c = 0; c < ome.channels.size(); ++c) {
        const OmeImage::Plane& plane = ome.planes[c];
        const OpenedTiff& file = *TRY(files.named(is_own ? "" : plane.file, own, ome.channels[c]));
        if (plane.ifd >= file.pages.size())
            return fail(
                ErrorCode::invalid_input,
                fmt::format("OME-XML names page {} of {}{}{}", plane.ifd + 1, file.pages.size(),
                            plane.file.empty() ? "" : " in ", plane.file));
        const TiffPage& page = file.pages[plane.ifd];
        if (page.width != ome.width || page.height != ome.height)
            return fail(ErrorCode::invalid_input,
                        fmt::format("OME-XML tells of {} x {} pixels, the page has {} x {}",
                                    ome.width, ome.height, page.width, page.height));
        TRY(add_page(file.file, page, ome.channels[c], picture));
    }
    picture.info.micrometres_x = ome.micrometres_x;
    picture.info.micrometres_y = ome.micrometres_y;
    if (ome.sizes[0] > 1 || ome.sizes[2] > 1)
        notes.push_back(fmt::format("the first of {} sections and {} times is taken", ome.sizes[0],
                                    ome.sizes[2]));
    return {};
}

/// `title`: what the only page's channel is called.
Result<void> read_plain(const OpenedTiff& opened, const std::string& title, Picture& picture) {
    const std::vector<TiffPage>& pages = opened.pages;
    const TiffPage& first = pages.front();
    for (const TiffPage& page : pages) {
        const bool is_alike = page.width == first.width && page.height == first.height &&
                              page.type == first.type && page.samples == first.samples &&
                              !page.is_reduced;
        if (&page != &first && (!is_alike || picture.info.content == Content::rgb)) continue;
        const bool is_in_series = title != "brightness";
        const std::string name =
            pages.size() == 1
                ? title
                : fmt::format("{}page {}", is_in_series ? title + " " : "", &page - &first + 1);
        TRY(add_page(opened.file, page, {.name = name, .color = ""}, picture));
    }
    if (picture.files.size() > 1) return {};
    picture.info.micrometres_x = first.micrometres_x;
    picture.info.micrometres_y = first.micrometres_y;
    return {};
}

Result<void> make_labels(Picture& picture, std::vector<std::string>& notes) {
    if (picture.info.channels.size() > 1 && picture.places[0].page.palette.empty())
        notes.push_back(fmt::format("of {} channels the first is taken as labels",
                                    picture.info.channels.size()));
    // Numbers with colours to be seen by are still the numbers of cells.
    if (picture.info.content == Content::rgb && picture.places[0].page.palette.empty())
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

bool ends_as_tiff(std::string_view name) {
    const std::string lower = ascii_lower(name);
    return lower.ends_with(".tif") || lower.ends_with(".tiff");
}

constexpr std::string_view companion_ending = ".companion.ome";

/// The TIFFs of a folder that has nothing else of weight, and what tells of them.
struct TiffFolder {
    std::vector<std::string> tiffs;
    std::string companion;
};

std::optional<TiffFolder> tiffs_in(expression::InputFiles& files) {
    const auto names = files.list();
    if (!names) return std::nullopt;
    TiffFolder found;
    for (const std::string& name : *names) {
        if (name.starts_with('.')) continue;
        if (name.find('/') != name.npos) return std::nullopt;
        if (ends_as_tiff(name))
            found.tiffs.push_back(name);
        else if (name.ends_with(companion_ending))
            found.companion = name;
        else if (!name.ends_with(".txt") && !name.ends_with(".xml"))
            return std::nullopt;
    }
    if (found.tiffs.empty()) return std::nullopt;
    return found;
}

bool begins_as_tiff(expression::InputFiles& files, const std::string& name) {
    const auto file = files.open(name);
    std::byte head[4];
    if (!file || !file->read_at(0, head)) return false;
    const std::string_view text = as_text(head);
    using namespace std::string_view_literals;
    return text == "II*\0"sv || text == "MM\0*"sv || text == "II+\0"sv || text == "MM\0+"sv;
}

Result<std::string> companion_text(expression::InputFiles& files, const std::string& name) {
    const File file = TRY(files.open(name));
    const std::uint64_t size = TRY(file.size());
    if (size > ome_xml_bytes_max)
        return fail(ErrorCode::exhausted, "limit: OME-XML of more than 64 MiB");
    Bytes text(size);
    TRY(file.read_at(0, text));
    return std::string(as_text(text));
}

/// Of a folder: an OME-TIFF in several files where one of them tells of pixels, else a series.
Result<void> read_folder(expression::InputFiles& files, const TiffFolder& folder, Picture& picture,
                         std::vector<std::string>& notes) {
    OpenedTiff first = TRY(open_tiff(files, folder.tiffs.front(), picture));
    std::string told = first.file->description();
    if (!folder.companion.empty()) told = TRY(companion_text(files, folder.companion));
    // Of a set, one file may tell of all, and the others that it does.
    if (is_ome_xml(told)) {
        auto ome = ome_image_of(told);
        for (std::size_t i = 1; !ome && i < folder.tiffs.size(); ++i) {
            Picture aside;
            const OpenedTiff other = TRY(open_tiff(files, folder.tiffs[i], aside));
            if (!is_ome_xml(other.file->description())) continue;
            if (auto found = ome_image_of(other.file->description())) {
                picture = std::move(aside);
                first = other;
                ome = std::move(found);
            }
        }
        if (!ome) return fail(std::move(ome.error()));
        OmeFiles opened(files, folder.tiffs, picture);
        opened.add(first);
        return read_ome(*ome, first, opened, picture, notes);
    }
    for (const std::string& name : folder.tiffs) {
        const OpenedTiff one = name == first.name ? first : TRY(open_tiff(files, name, picture));
        if (folder.tiffs.size() > 1 && !one.pages.front().palette.empty())
            return fail(ErrorCode::unsupported,
                        name + " has a palette; in a folder each file is a channel");
        const std::string title = name.substr(0, name.find_last_of('.'));
        TRY_WITH(read_plain(one, folder.tiffs.size() == 1 ? "brightness" : title, picture), name);
    }
    if (folder.tiffs.size() > 1)
        notes.push_back(
            fmt::format("{} files are taken as the channels of one picture, in the "
                        "order of their names",
                        folder.tiffs.size()));
    return {};
}

class TiffReader final : public ImageReader {
public:
    std::string_view name() const override { return "tiff"; }

    bool recognises(expression::InputFiles& files) const override {
        if (!files.is_folder()) return begins_as_tiff(files, files.name());
        const auto folder = tiffs_in(files);
        return folder && begins_as_tiff(files, folder->tiffs.front());
    }

    Result<std::unique_ptr<ImageSource>> open(expression::InputFiles& files,
                                              const ImageOptions& options,
                                              std::vector<std::string>& notes) const override {
        auto made = source_of(files, options, notes);
        if (!made) return fail(std::move(made.error()).with(files.name()));
        return made;
    }

private:
    static Result<void> read_file(expression::InputFiles& files, Picture& picture,
                                  std::vector<std::string>& notes) {
        const OpenedTiff own = TRY(open_tiff(files, files.name(), picture));
        if (!is_ome_xml(own.file->description())) return read_plain(own, "brightness", picture);
        const OmeImage ome = TRY(ome_image_of(own.file->description()));
        OmeFiles opened(files, {own.name}, picture);
        opened.add(own);
        return read_ome(ome, own, opened, picture, notes);
    }

    static Result<std::unique_ptr<ImageSource>> source_of(expression::InputFiles& files,
                                                          const ImageOptions& options,
                                                          std::vector<std::string>& notes) {
        Picture picture;
        if (files.is_folder()) {
            const auto folder = tiffs_in(files);
            if (!folder) return fail(ErrorCode::invalid_input, "its folder holds no TIFFs alone");
            TRY(read_folder(files, *folder, picture, notes));
        } else {
            TRY(read_file(files, picture, notes));
        }
        if (options.are_labels) TRY(make_labels(picture, notes));
        const TiffPage& first = picture.places.front().page;
        picture.info.width = first.width;
        picture.info.height = first.height;
        picture.info.type = *first.type;
        TRY(check(picture.info));
        for (const Place& place : picture.places) TRY(check_memory(place, options));
        return std::make_unique<TiffSource>(std::move(picture));
    }
};

}  // namespace

const ImageReader& tiff_reader() {
    static const TiffReader reader;
    return reader;
}

}  // namespace stroma::image
