#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::flow {

/// What a built-in computation reads or makes.
struct StepPort {
    std::string name;
    bool is_required = true;
};

struct StepParameter {
    std::string name;
    /// "number", "integer", "text", "boolean", "object", "list of …"; "" is any
    std::string type;
    std::optional<double> least, most;
    std::vector<std::string> choices;
    bool is_required = false;
};

/// A built-in computation, as `stroma pipeline step --list` tells of it.
struct Step {
    std::string name, version, summary;
    std::vector<StepPort> inputs, outputs;
    std::vector<StepParameter> parameters;

    const StepParameter* find_parameter(std::string_view name) const;
};

using Steps = std::vector<Step>;

/// Reads that list. Ports may be texts or objects with a name; parameters a list or an object.
/// errors  invalid_input
Result<Steps> steps_in(std::string_view json);

}  // namespace stroma::flow
