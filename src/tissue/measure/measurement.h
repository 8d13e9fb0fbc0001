#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "expression/annotated_data.h"
#include "image/stored_image.h"
#include "tissue/measure/region.h"

namespace stroma::tissue {

struct MeasureOptions {
    /// Of "mean", "median", "min", "max", "std" (of the pixels as they are, not of a sample) and
    /// "sum"; the mean is always there and first.
    std::vector<std::string> statistics = {"mean", "median", "std", "sum"};
    std::vector<double> quantiles = {0.1, 0.9};  ///< 0 to 1, as numpy's "linear" has them
    std::vector<std::string> channels;           ///< names; empty takes the image's
    /// Only these labels, rising; tiles without them aren't read.
    std::optional<std::vector<std::uint32_t>> only;
    /// A folder of this work alone, in which finished tiles outlive the process; "": none.
    fs::path kept;
};

/// One number of every channel in every cell: "mean", "nucleus_q90".
struct ChannelTable {
    std::string name;
    std::vector<float> values;  ///< cell by cell, channel by channel
};

struct Measurement {
    std::vector<std::uint32_t> labels;  ///< rising
    std::vector<Region> regions;
    std::vector<std::uint64_t> nucleus_areas;  ///< empty without nuclei
    std::vector<std::string> channels;
    /// The whole object's first, without a prefix; then, where nuclei were given, "nucleus_" and
    /// "cytoplasm_" (the object without its nucleus; NaN where there is no such pixel).
    std::vector<ChannelTable> tables;
    std::size_t tiles = 0, tiles_found = 0;  ///< of the picture; that were done before
};

/// Shape and brightness of every object of `labels` in every channel of `image`; `nuclei` may be
/// null, or has the same ids. Each tile is read once, its labels twice; the numbers don't depend on
/// tiles or threads, those of floats neither.
/// memory   a tile on each thread, the pixels in all channels of objects that cross into tiles that
///          weren't read yet, the table; an object that needs over 64 MiB so is read by itself at
///          last, channel by channel: then its box
/// errors   invalid_input  sizes differ, labels aren't whole numbers, a quantile out of range
///          exhausted      an object wider or higher than 16,384 pixels
///          corrupt, cancelled
Result<Measurement> measure(const image::StoredImage& image, const image::StoredImage& labels,
                            const image::StoredImage* nuclei, const MeasureOptions& options,
                            const expression::Watch& watch);

}  // namespace stroma::tissue
