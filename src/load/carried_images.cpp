#include "load/carried_images.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "image/label_cells.h"
#include "image/pyramid_writer.h"
#include "image/stored_image.h"
#include "image/visium.h"
#include "object/mapped_reader.h"

namespace stroma::loading {
namespace {

Result<NewImage> stored(image::CarriedImage& carried, const fs::path& path,
                        std::string_view content_key, const expression::Watch& watch) {
    TRY(remove_file(path));
    File file = TRY(File::create(path));
    TRY(image::write_pyramid(*carried.source, file, {}, true, watch));
    return NewImage{.file = path,
                    .name = carried.name,
                    .transform = carried.transform,
                    .content_key = fmt::format("{}/{}", content_key, carried.name),
                    .source = Json{{"from", "uns/spatial"}}.dump()};
}

Result<std::shared_ptr<const expression::SealedDataset>> opened_cells(const fs::path& sealed) {
    const File file = TRY(File::open_to_read(sealed));
    MappedFile map = TRY(MappedFile::map(file));
    return expression::SealedDataset::open(
        std::make_unique<object::MappedReader>(std::move(map), sealed.filename().string()));
}

bool has_places(const expression::Dict& obsm) {
    return std::any_of(obsm.begin(), obsm.end(),
                       [](const auto& one) { return one.first == "spatial"; });
}

/// errors  invalid_input  labels of which none is a cell
Result<std::string> check_labels(const fs::path& path, const expression::SealedDataset& cells,
                                 const image::FoundPicture& picture,
                                 const expression::Watch& watch) {
    const File file = TRY(File::open_to_read(path));
    MappedFile map = TRY(MappedFile::map(file));
    const auto stored = TRY(image::StoredImage::open(
        std::make_unique<object::MappedReader>(std::move(map), path.filename().string())));
    const auto known = TRY(image::label_cells(*stored, cells, picture.cell_column));
    const auto labels = TRY(image::labels_in(*stored, watch));
    const auto count = std::count_if(labels.begin(), labels.end(), [&](std::uint32_t label) {
        return label < known.rows.size() && known.rows[label] >= 0;
    });
    if (count == 0)
        return fail(ErrorCode::invalid_input,
                    fmt::format("none of its {} labels is a cell", labels.size()));
    return fmt::format("{} of {} labels of '{}' are cells, by {}", count, labels.size(),
                       picture.name, known.by);
}

Result<NewImage> parsed(const BesideImport& import, const image::FoundPicture& picture,
                        const fs::path& path, const expression::SealedDataset& cells,
                        std::vector<std::string>& notes, const expression::Watch& watch) {
    TRY(remove_file(path));
    ParseRequest order{.input = import.input, .output = path, .scratch_folder = import.staging};
    order.is_image = true;
    order.image.are_labels = picture.are_labels;
    order.image.element = picture.element;
    order.image.micrometres = picture.micrometres;
    order.limits = import.limits;
    const ParseReport report = TRY(parse_in_child(order, {}, watch));
    notes.insert(notes.end(), report.notes.begin(), report.notes.end());
    if (picture.are_labels) {
        auto note = check_labels(path, cells, picture, watch);
        if (!note) static_cast<void>(remove_file(path));
        notes.push_back(TRY(std::move(note)));
    }
    return NewImage{.file = path,
                    .name = picture.name,
                    .transform = picture.transform,
                    .content_key = fmt::format("{}/{}", import.content_key, picture.element),
                    .source = Json{{"path", import.input.string()},
                                   {"element", picture.element},
                                   {"format", report.format},
                                   {"cell_column", picture.cell_column}}
                                  .dump()};
}

}  // namespace

Result<std::vector<NewImage>> images_beside(const BesideImport& import,
                                            const std::vector<image::FoundPicture>& pictures,
                                            std::vector<std::string>& notes,
                                            const expression::Watch& watch) {
    std::vector<NewImage> made;
    if (pictures.empty()) return made;
    const auto cells = TRY(opened_cells(import.sealed));
    const expression::Dict obsm = TRY(cells->annotations("obsm"));
    if (!has_places(obsm)) {
        notes.emplace_back("the images are left out: obsm has no 'spatial'");
        return made;
    }
    for (const image::FoundPicture& picture : pictures) {
        const fs::path path =
            import.staging / fmt::format("{}.beside{}.image", import.work_id, made.size());
        auto one = parsed(import, picture, path, *cells, notes, watch);
        if (!one && (one.error().code == ErrorCode::cancelled ||
                     one.error().code == ErrorCode::unavailable))
            return fail(std::move(one.error()));
        if (one)
            made.push_back(*std::move(one));
        else
            notes.push_back(
                fmt::format("'{}' is left out: {}", picture.element, one.error().message));
    }
    return made;
}

Result<std::vector<NewImage>> carried_images(const fs::path& sealed, std::string_view content_key,
                                             const fs::path& staging, std::string_view work_id,
                                             std::vector<std::string>& notes,
                                             const expression::Watch& watch) {
    const auto dataset = TRY(opened_cells(sealed));
    const expression::Dict uns = TRY(dataset->annotations("uns"));
    std::vector<image::CarriedImage> found = image::visium_images(uns, notes);
    std::vector<NewImage> made;
    if (found.empty()) return made;
    const expression::Dict obsm = TRY(dataset->annotations("obsm"));
    const bool has_spots = has_places(obsm);
    if (!has_spots) notes.emplace_back("the images are left out: obsm has no 'spatial'");
    if (!has_spots) return made;
    for (image::CarriedImage& carried : found) {
        const fs::path path = staging / fmt::format("{}.{}.image", work_id, made.size());
        made.push_back(TRY(stored(carried, path, content_key, watch)));
    }
    return made;
}

}  // namespace stroma::loading
