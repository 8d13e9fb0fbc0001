#pragma once

#include <memory>

#include "app/tissue/step.h"
#include "image/stored_image.h"
#include "tissue/measure/cell_table.h"

// What steps read: foreign files by way of the parser's child, which has no network, no keys and
// no other file.

namespace stroma::app {

using Picture = std::shared_ptr<const image::StoredImage>;

/// A TIFF, PNG, OME-Zarr, … or a picture that was stored before (`.image`).
Result<Picture> open_picture(const StepRun& run, const fs::path& path, bool are_labels);
/// The channel of that name (upper or lower case) or number, from 0; of "" the one whose name is
/// usual for nuclei, else the first. errors  invalid_input  names the channels
Result<std::size_t> channel_named(const image::ImageInfo& info, const std::string& name);

/// A table of cells: h5ad or another format of datasets, or a CSV as MCQuant writes it (CellID, the
/// markers, then X_centroid and what else is known of shapes).
Result<tissue::CellTable> open_cells(const StepRun& run, const fs::path& path);
/// All files of the input "cells" as one table; of several each cell has an image, where nothing
/// else is known its file's name.
Result<tissue::CellTable> open_all_cells(const StepRun& run);
/// The table as `name`.h5ad below the run's output, with this run's origin added to its own; that
/// file's name.
Result<std::string> write_cells(const StepRun& run, tissue::CellTable table,
                                const std::string& name);

/// "a.ome.tiff" → "a": the name without the endings of pictures and tables.
std::string stem_of(const fs::path& path);

}  // namespace stroma::app
