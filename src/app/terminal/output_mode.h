#pragma once

#include "base/file.h"

namespace stroma::app {

/// Gives a finished file, or a folder with all in it, the mode that the caller's umask leaves, as
/// any program does with what it was asked to write: Stroma's own files are its owner's alone. A
/// file that a server of another user wrote stays as it is.
/// errors  unavailable
Result<void> apply_umask(const fs::path& output);

}  // namespace stroma::app
