#pragma once

#include <string>

namespace stroma::queue {

/// What names this start of the machine, the span over which its steady clock counts.
std::string boot_id();

}  // namespace stroma::queue
