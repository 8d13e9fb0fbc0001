#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"

namespace stroma::delivery {

struct Command {
    fs::path program;
    std::vector<std::string> arguments = {};
    bool with_environment = true;  ///< that of this process; else it gets none
};

/// Runs the program with `input` on its standard input and gives its standard output.
/// errors  unavailable  it ended with another code than 0, or by a signal; can't be started
///         exhausted    more output than `output_max`   cancelled  it took longer than `most`
Result<std::string> run_command(const Command& command, std::string_view input,
                                std::size_t output_max, Milliseconds most);

}  // namespace stroma::delivery
