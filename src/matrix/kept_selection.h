#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "matrix/matrix_writer.h"
#include "object/object_store.h"

namespace stroma::matrix {

/// A selection is kept with its tables under its id, so that each format of it, now or later, is
/// made of the same cells of the same revisions with the same obs and var, whatever was loaded
/// since. It is a sealed dataset without matrices.

/// Keeps it; a repeat changes nothing. `scratch` is a path that nothing lies at.
Result<void> keep_selection(object::ObjectStore& objects, std::string_view id,
                            const Selection& selection, const fs::path& scratch);
Result<std::optional<Selection>> find_kept_selection(object::ObjectStore& objects,
                                                     std::string_view id);
/// Its key in the store.
std::string kept_selection_key(std::string_view id);

}  // namespace stroma::matrix
