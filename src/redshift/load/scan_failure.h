#pragma once

#include <utility>
#include <vector>

#include "redshift/failure.h"

namespace stroma::redshift {

/// A name that the engine read, and the object whose bytes it is.
using ScannedFile = std::pair<std::string, std::string>;

/// Why columnar files couldn't be read, said of the objects: the engine knows only the names under
/// which it reads them. Where one file was read it is blamed, also if the engine names none.
Failure scan_failure(Failure failure, const std::vector<ScannedFile>& files);

}  // namespace stroma::redshift
