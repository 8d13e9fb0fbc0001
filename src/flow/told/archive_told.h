#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"
#include "flow/engine.h"

namespace stroma::flow {

/// "here", "archived", "restored", "restoring": as people are told of it.
std::string_view place_of(Tier tier);
/// Outputs of the run with where each lies, and sums: {"outputs", "archived", "restoring",
/// "archived_bytes", "stored_bytes"}.
Result<nlohmann::ordered_json> shelf_json(Engine& engine, std::string_view run);
/// Of all runs: {"here", "here_bytes", "archived", "archived_bytes", "stored_bytes", "restored",
/// "restoring"}.
Result<nlohmann::ordered_json> archive_json(Engine& engine);

}  // namespace stroma::flow
