#include "sync/path_filter.h"

#include <fnmatch.h>

#include <algorithm>

namespace stroma::sync {
namespace {

bool fits(const std::string& pattern, const std::string& path) {
    const bool is_of_path = pattern.find('/') != std::string::npos;
    const char* const text = is_of_path ? path.c_str() : path.c_str() + path.rfind('/') + 1;
    return fnmatch(pattern.c_str(), text, 0) == 0;
}

}  // namespace

bool PathFilter::takes(const std::string& path) const {
    const auto fits_path = [&](const std::string& pattern) { return fits(pattern, path); };
    return (includes.empty() || std::ranges::any_of(includes, fits_path)) &&
           std::ranges::none_of(excludes, fits_path);
}

}  // namespace stroma::sync
