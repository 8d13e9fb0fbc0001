#pragma once

#include "tissue/network/program.h"

namespace stroma::tissue {

/// What a network's numbers mean, and what it wants: the description beside an ONNX file. Members
/// of its JSON are called as here; docs/tissue.md has a table of them.
struct NetworkRules {
    enum class Decoder { probability, stardist, cellpose };
    Decoder decoder = Decoder::probability;
    double percentile_low = 1, percentile_high = 99.8;  ///< of the slide: what is 0 and 1
    double diameter = 0;           ///< of a nucleus, in the pixels that it was trained on; 0: any
    bool repeats_channel = false;  ///< in its second and further channels; else these are 0
    std::int64_t window = 0;       ///< side of what it sees at once; 0: as its reach wants
    double area_min = 15;          ///< pixels of an object

    /// Of the decoder "probability": what its maps are, of foreground, background, inside, border
    /// and depth; and what turns them into shares of 1.
    std::vector<std::string> maps;
    std::string activation = "none";  ///< or sigmoid, softmax
    double foreground_min = 0.5;
    double seed_height = 0.1;  ///< of a peak of inside (or depth) over its saddle
    /// Where said, pieces that touch are joined by their shape as the classical kernel's are.
    double join_bias = joins_none;
    static constexpr double joins_none = -1e9;

    double probability_min = 0.479, overlap_max = 0.3;  ///< of "stardist"
    double cell_min = 0, flow_error_max = 0.4;          ///< of "cellpose"; 0 keeps all
};

/// errors  invalid_input  names the member and what may stand there
Result<NetworkRules> read_network_rules(std::string_view json);

struct NetworkModel {
    OnnxModel onnx;
    NetworkFacts facts;
    NetworkRules rules;
};

/// Both files' bytes; what the network gives must be what the decoder takes.
/// errors  invalid_input, exhausted
Result<NetworkModel> read_network(std::string_view onnx, std::string_view rules);

}  // namespace stroma::tissue
