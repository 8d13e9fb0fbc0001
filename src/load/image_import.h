#pragma once

#include "load/import_stage.h"

namespace stroma::loading {

/// What an import of a picture works on.
struct ImageImport {
    catalog::Catalog& catalog;
    DatasetLoader& loader;
    const fs::path& staging;
};

/// Reads a picture, or labels of cells, in the parser child and puts it under the cells of a
/// dataset's current revision. Outputs: dataset, name, revision, image, format, width, height,
/// channels, levels, bytes, notes.
/// errors  not_found  no such dataset or embedding; invalid_input  labels of no cell
Result<std::string> import_image(const ImportRequest& request, const ImageImport& with,
                                 std::string_view work_id, pipeline::StageContext& context);

}  // namespace stroma::loading
