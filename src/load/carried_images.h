#pragma once

#include <vector>

#include "expression/annotated_data.h"
#include "load/dataset_loader.h"

namespace stroma::loading {

/// The pictures that a sealed dataset brings in its uns (10x Visium), made into files in `staging`
/// whose names begin with `work_id`. What can't be used is told in `notes`.
Result<std::vector<NewImage>> carried_images(const fs::path& sealed, std::string_view content_key,
                                             const fs::path& staging, std::string_view work_id,
                                             std::vector<std::string>& notes,
                                             const expression::Watch& watch);

}  // namespace stroma::loading
