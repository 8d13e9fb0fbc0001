#pragma once

#include <string_view>

#include "base/file.h"

namespace stroma::app {

/// A folder for finished parts of this process's task, which are there again when the task is begun
/// again after a kill; of the input with that name. "" where nothing is kept. All of it goes when
/// the step ends well.
fs::path kept_work(std::string_view name);

}  // namespace stroma::app
