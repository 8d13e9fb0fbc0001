#pragma once

#include <vector>

#include "expression/annotated_data.h"
#include "image/stored_image.h"
#include "tissue/scratch_plane.h"
#include "tissue/segment/basins.h"
#include "tissue/segment/candidates.h"

namespace stroma::tissue {

/// How nuclei are found; the defaults are explained in docs/tissue.md.
struct SegmentOptions {
    std::size_t channel = 0;
    double radius = 0;              ///< of a usual nucleus in pixels; 0 is found out
    double envelope_share = 0.4;    ///< of the local brightness that foreground must exceed
    double otsu_share = 0.5;        ///< of Otsu's threshold that it must exceed too
    double spot_weight = 0.5;       ///< of the brightness term beside the distance term of seeds
    double seed_height = 0.005;     ///< peaks less high than this over their saddle are no seeds
    double join_bias = 0;           ///< more joins pieces that touch, less leaves them apart
    double chance_min = 0.4;        ///< of being a nucleus, that an object must have
    double border_share = 0.35;     ///< of an object's 90 % brightness that its pixels must exceed
    double area_share = 0.06;       ///< of a usual nucleus's area that an object must have
    std::int64_t tile_side = 1024;  ///< what one thread works on; not seen in the result
};
/// errors  invalid_input  names the option and its range
Result<void> check(const SegmentOptions& options);

struct Segmentation {
    ScratchPlane<std::uint32_t> labels;  ///< 0, and 1 to `count` by the places of their seeds
    std::uint32_t count = 0;
    double radius = 0;         ///< used
    double low = 0, high = 0;  ///< pixel values that stand for 0 and 65,535 within
    double threshold = 0;      ///< Otsu's, of what is left without background, as a value
    std::size_t tiles = 0, tiles_found = 0;  ///< of all its steps; that were done before
};

/// Nuclei as bright spots: background and local brightness from a coarse copy of the slide, a
/// threshold against both, seeds where distance to the border and brightness peak, watershed by
/// steepest ascent, borders drawn anew by each object's own brightness. Every step is either made
/// of a bounded neighbourhood or done for the whole slide at once: the labels are the same for any
/// tile size and any number of threads.
/// memory   24 bytes for each pixel of a tile with its halo on each thread, 100 for each nucleus,
///          and a coarse copy of the slide; 14 bytes a pixel of scratch space in `scratch_folder`
/// `kept`: a folder of this work alone, in which finished tiles outlive the process; "": none.
/// errors   corrupt, cancelled, exhausted, invalid_input (no such channel)
Result<Segmentation> segment_nuclei(const image::StoredImage& image, const SegmentOptions& options,
                                    const fs::path& scratch_folder, const expression::Watch& watch,
                                    const fs::path& kept = {});

/// What nuclei are chosen from, for who trains that choice: pieces 1 … in `pieces`, the pieces and
/// their unions in `candidates`, in this order.
struct NucleusCandidates {
    ScratchPlane<std::uint32_t> pieces;
    ScratchPlane<std::uint16_t> light;
    std::vector<Basin> basins;  ///< of the pieces
    std::vector<Candidate> candidates;
    double radius = 0;
};
Result<NucleusCandidates> nucleus_candidates(const image::StoredImage& image,
                                             const SegmentOptions& options,
                                             const fs::path& scratch_folder);

/// Gives each pixel without label the nearest one within `distance` pixels (at most 200) between
/// the centres; of several as near, the smallest.
Result<ScratchPlane<std::uint32_t>> expand_labels(const ScratchPlane<std::uint32_t>& labels,
                                                  double distance, const fs::path& scratch_folder,
                                                  const expression::Watch& watch);

}  // namespace stroma::tissue
