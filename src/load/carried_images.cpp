#include "load/carried_images.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "image/pyramid_writer.h"
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

}  // namespace

Result<std::vector<NewImage>> carried_images(const fs::path& sealed, std::string_view content_key,
                                             const fs::path& staging, std::string_view work_id,
                                             std::vector<std::string>& notes,
                                             const expression::Watch& watch) {
    const File file = TRY(File::open_to_read(sealed));
    MappedFile map = TRY(MappedFile::map(file));
    const auto dataset = TRY(expression::SealedDataset::open(
        std::make_unique<object::MappedReader>(std::move(map), sealed.filename().string())));
    const expression::Dict uns = TRY(dataset->annotations("uns"));
    std::vector<image::CarriedImage> found = image::visium_images(uns, notes);
    std::vector<NewImage> made;
    if (found.empty()) return made;
    const expression::Dict obsm = TRY(dataset->annotations("obsm"));
    const auto has_spots = std::any_of(obsm.begin(), obsm.end(),
                                       [](const auto& one) { return one.first == "spatial"; });
    if (!has_spots) notes.emplace_back("the images are left out: obsm has no 'spatial'");
    if (!has_spots) return made;
    for (image::CarriedImage& carried : found) {
        const fs::path path = staging / fmt::format("{}.{}.image", work_id, made.size());
        made.push_back(TRY(stored(carried, path, content_key, watch)));
    }
    return made;
}

}  // namespace stroma::loading
