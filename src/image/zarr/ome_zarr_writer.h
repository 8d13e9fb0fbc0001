#pragma once

#include <span>
#include <string>

#include "base/file.h"
#include "image/stored_image.h"

namespace stroma::image {

/// Labels that lie in an OME-Zarr beside its image.
struct NamedLabels {
    std::string name;  ///< of their folder below "labels"
    const StoredImage* image = nullptr;
};

/// Writes OME-Zarr 0.4 (Zarr version 2): a multiscale image with axes c, y, x, each level that is
/// stored one array of chunks of one tile, channels' names, colours and ranges as "omero", and
/// below "labels" a multiscale image with axes y, x for each of the labels. Scales are in
/// micrometres where the image says them. Chunks are Blosc's, bit-shuffled; the same image gives
/// the same bytes. `folder` must not be there. memory  one tile on each thread errors
/// already_exists; corrupt, cancelled, exhausted (a full disk) Source: the specification
/// "Next-generation file formats" 0.4.
Result<void> write_ome_zarr(const StoredImage& image, std::span<const NamedLabels> labels,
                            const std::string& name, const fs::path& folder,
                            const expression::Watch& watch);

}  // namespace stroma::image
