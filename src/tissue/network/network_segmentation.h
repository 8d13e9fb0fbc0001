#pragma once

#include "tissue/network/network_model.h"
#include "tissue/segment/segmentation.h"

namespace stroma::tissue {

/// Objects as a network sees them. `options` say the channel and, where the model has a diameter
/// and `radius` isn't 0, how large nuclei are: the picture is then made larger or smaller for it.
/// The labels are the same for any number of threads; of tile_side nothing hangs.
/// memory   `memory_bytes` for the network; as segment_nuclei() for "probability"; for "stardist"
///          60 bytes and 4 for each radius of each candidate, 4 million at most; for "cellpose" 20
///          bytes a pixel of scratch space
/// `is_seamless` (may be null) is told whether the network's reach fits its windows.
/// `kept`   a folder of this work alone, in which finished windows outlive the process; "": none
/// errors   as segment_nuclei(), unsupported (no oneDNN)
Result<Segmentation> segment_by_network(const image::StoredImage& image, const NetworkModel& model,
                                        const SegmentOptions& options,
                                        const fs::path& scratch_folder, std::uint64_t memory_bytes,
                                        const expression::Watch& watch, bool* is_seamless,
                                        const fs::path& kept = {});

/// One object that a network of stardist's kind proposes: a star around a place.
struct StarCandidate {
    float probability = 0;
    std::int32_t y = 0, x = 0;  ///< pixels
    std::vector<float> radii;   ///< pixels, at angles of 2 π k / n from the right downwards
};

/// The best first (of equals by row and column); each drops those after it that share more than
/// `overlap_max` of the smaller one's pixels with it. Draws who stays into `out` (all zero before),
/// a better one over a worse; ids by row and column. Returns how many.
Result<std::uint32_t> draw_stars(std::vector<StarCandidate> candidates, double overlap_max,
                                 double area_min, ScratchPlane<std::uint32_t>& out,
                                 const expression::Watch& watch);

/// Where Cellpose's flows lead: `down` and `right` hold a fifth of what the network says (0 outside
/// cells), `out` (all zero before) gets the labels by row and column of their first pixel.
struct FlowRules {
    double error_max = 0.4, area_min = 15;
};
Result<std::uint32_t> follow_flows(const ScratchPlane<float>& down,
                                   const ScratchPlane<float>& right,
                                   const ScratchPlane<std::uint16_t>& is_cell,
                                   const FlowRules& rules, const fs::path& scratch_folder,
                                   ScratchPlane<std::uint32_t>& out,
                                   const expression::Watch& watch);

}  // namespace stroma::tissue
