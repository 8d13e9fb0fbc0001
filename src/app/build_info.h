#pragma once

#include <string>

namespace stroma::app {

/// "0.1.0"
std::string version();

/// The version and, one a line, each library it was built with and that library's version.
std::string version_text();

}  // namespace stroma::app
