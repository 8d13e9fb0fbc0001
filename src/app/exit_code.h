#pragma once

#include <string>

#include "base/result.h"

namespace stroma::app {

/// What the process answers to its caller; scripts rely on the numbers, so they never change.
/// 0 is success, 1 is left to the system, cancelled is 130 as after Ctrl-C everywhere.
int exit_code(ErrorCode code);

/// The table of exit codes for people: one line each, "2  invalid_input  change the request".
std::string exit_code_table();

}  // namespace stroma::app
