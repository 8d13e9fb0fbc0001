#pragma once

#include <string>
#include <vector>

#include "app/verb.h"

namespace stroma::app {

struct SupervisedOptions {
    std::string text;  ///< a script: one statement, or several as one transaction
    std::string database = "dev", user, format;
    std::vector<std::string> parameters;  ///< NAME=VALUE
};

/// Hands the statements to the Data API of the server that has the data directory, waits for their
/// end with progress, and prints the last one's rows. Ctrl-C calls them off.
/// errors  unavailable  no such server;  cancelled;  invalid_input  what the statement failed with
Result<void> run_supervised(const SupervisedOptions& options, Invocation& invocation);

}  // namespace stroma::app
