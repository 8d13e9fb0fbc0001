#pragma once

#include <cstddef>
#include <cstdint>

// The learned rule that says how likely a candidate is a nucleus: trees whose leaves are added up
// to log odds. bench/train_choice.py writes the numbers.

namespace stroma::tissue {

/// A question, or a leaf. Nodes of a tree lie depth first: who answers "at most" goes to the next
/// one, who answers "more" goes `more` nodes on.
struct RuleNode {
    std::int8_t feature;  ///< -1: a leaf
    float value;          ///< the threshold; of a leaf its log odds
    std::uint8_t more;
};

constexpr std::size_t rule_trees = 60;
extern const float rule_bias;
extern const std::uint16_t rule_starts[rule_trees];
extern const RuleNode rule_nodes[];

}  // namespace stroma::tissue
