#pragma once

#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "app/settings.h"
#include "app/terminal/terminal.h"
#include "app/verb.h"
#include "base/log.h"

namespace stroma::app {

/// Parses the arguments (without the program's name), runs the verb they name, and gives the exit
/// code (exit_code.h). Errors stand on standard error as "stroma: <one sentence>", or as one JSON
/// object when --json is given.
int run_command_line(std::span<const std::string> arguments, const std::vector<Verb>& verbs,
                     Terminal& terminal, std::stop_token stop);

/// How to log as the settings say; at `otherwise` when they say no level.
LogOptions log_options(const Settings& settings, LogLevel otherwise);

}  // namespace stroma::app
