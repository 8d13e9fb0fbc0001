#pragma once

#include <string>
#include <vector>

#include "expression/frame.h"

namespace stroma::matrix {

/// The frames one under another, with the union of their columns in order of first appearance.
/// A column keeps its type where all frames agree; categories are joined in order of appearance;
/// integers and booleans that some frame lacks become nullable, floats NaN; anything else that
/// disagrees becomes text. The index is the ids one under another, made distinct by "-<label>"
/// where an id occurs in several frames. `labels` has one name per frame.
expression::Frame stack_frames(const std::vector<expression::Frame>& frames,
                               const std::vector<std::string>& labels);

}  // namespace stroma::matrix
