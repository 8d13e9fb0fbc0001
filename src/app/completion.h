#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/verb.h"
#include "base/result.h"

namespace stroma::app {

/// A script that completes verbs, options, choices and file names in that shell.
/// errors  invalid_input  a shell that isn't "bash", "zsh" or "fish"
Result<std::string> completion_script(std::string_view shell, const std::vector<Verb>& verbs);

}  // namespace stroma::app
