#pragma once

#include <string>
#include <string_view>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"

namespace stroma::delivery {

/// Runs the program with `input` on its standard input and gives its standard output.
/// errors  unavailable  it ended with another code than 0, or by a signal; can't be started
///         exhausted    more output than `output_max`   cancelled  it took longer than `most`
Result<std::string> run_command(const fs::path& program, std::string_view input,
                                std::size_t output_max, Milliseconds most);

}  // namespace stroma::delivery
