#pragma once

#include "app/tissue/step.h"

// One for each file <name>_step.cpp, in the order of built_in_steps().

namespace stroma::app {

Step segment_step();
Step measure_step();

}  // namespace stroma::app
