#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "warehouse/warehouse.h"

namespace stroma::loading {

/// Whether a path names a GTF gene annotation: it ends in .gtf or .gtf.gz.
bool is_annotation(const fs::path& path);

struct LoadedAnnotation {
    std::string source;  ///< the file's name; the same name again replaces its rows
    std::int64_t features = 0;
    std::vector<std::string> notes;
};

/// Reads a GTF file into the table `feature`. It becomes no dataset.
/// errors  invalid_input  names the line
Result<LoadedAnnotation> import_annotation(const fs::path& path, warehouse::Warehouse& warehouse);

}  // namespace stroma::loading
