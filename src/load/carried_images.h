#pragma once

#include <vector>

#include "expression/annotated_data.h"
#include "load/child/parser_child.h"
#include "load/dataset_loader.h"

namespace stroma::loading {

/// The pictures that a sealed dataset brings in its uns (10x Visium), made into files in `staging`
/// whose names begin with `work_id`. What can't be used is told in `notes`.
Result<std::vector<NewImage>> carried_images(const fs::path& sealed, std::string_view content_key,
                                             const fs::path& staging, std::string_view work_id,
                                             std::vector<std::string>& notes,
                                             const expression::Watch& watch);

/// The pictures that lie beside the cells of an input: each is read in a parser child of its own.
/// What can't be read or placed is told in `notes`; so are labels of no cell.
struct BesideImport {
    const fs::path& input;
    const fs::path& sealed;
    std::string_view content_key;
    const fs::path& staging;
    std::string_view work_id;
    ParseLimits limits;
};
Result<std::vector<NewImage>> images_beside(const BesideImport& import,
                                            const std::vector<image::FoundPicture>& pictures,
                                            std::vector<std::string>& notes,
                                            const expression::Watch& watch);

}  // namespace stroma::loading
