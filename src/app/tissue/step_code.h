#pragma once

#include <string_view>

namespace stroma::app {

/// A hash of the sources that built-in steps are made from, by the build: outputs of other code are
/// told apart without anybody raising a number. A step's version in `stroma pipeline step --list`
/// is "2+1f0c…": its own number and this.
std::string_view step_code();

}  // namespace stroma::app
