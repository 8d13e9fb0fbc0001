#pragma once

#include <cstdint>
#include <string>

namespace stroma::flow {

/// "1.5 GiB"
std::string size_text(std::uint64_t bytes);

}  // namespace stroma::flow
