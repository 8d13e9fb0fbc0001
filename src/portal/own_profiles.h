#pragma once

#include <string_view>
#include <vector>

namespace stroma::portal {

/// The rules that the program carries: the files of schema/profiles/.
std::vector<std::string_view> own_profiles();

}  // namespace stroma::portal
