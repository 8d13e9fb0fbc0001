#pragma once

#include <memory>

#include "base/file.h"
#include "object/object_store.h"

namespace stroma::object {

/// A local file read as if it were an object: for files that are about to become one. Its info has
/// the path as key and no etag. Mapped.
Result<std::unique_ptr<ObjectReader>> open_file_reader(const fs::path& path);

}  // namespace stroma::object
