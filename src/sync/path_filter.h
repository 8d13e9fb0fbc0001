#pragma once

#include <string>
#include <vector>

namespace stroma::sync {

/// Which files of a folder are sent. Patterns are the shell's (`*`, `?`, `[a-z]`): one without a
/// slash is held against a file's name, one with a slash against its whole path in the folder,
/// where `*` runs across slashes. A file is sent when one of `includes` fits (or there are none)
/// and none of `excludes` does.
struct PathFilter {
    std::vector<std::string> includes, excludes;

    bool takes(const std::string& path) const;
};

}  // namespace stroma::sync
