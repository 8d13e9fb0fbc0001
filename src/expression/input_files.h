#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace stroma::expression {

/// The file or folder that a reader may see, and nothing beside it. A single file has one name,
/// its own. In the parser child the parent opens the files; readers never see a path.
class InputFiles {
public:
    virtual ~InputFiles() = default;
    /// The name that was asked to be imported, without its folder.
    virtual const std::string& name() const = 0;
    virtual bool is_folder() const = 0;
    /// Names relative to the folder with '/' between parts, in byte order; folders left out.
    /// errors  exhausted  more than 1,000,000 files
    virtual Result<std::vector<std::string>> list() = 0;
    /// errors  not_found, invalid_input (a name that leaves the folder, a symbolic link out of it)
    virtual Result<File> open(std::string_view name) = 0;
};

/// Straight from the disk: names are resolved beneath the folder and never through a link out.
Result<std::unique_ptr<InputFiles>> open_input(const fs::path& path);

}  // namespace stroma::expression
