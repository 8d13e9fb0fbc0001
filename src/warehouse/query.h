#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "warehouse/fence.h"
#include "warehouse/state.h"

namespace stroma::warehouse {

/// Runs a checked statement over the scope's relations, in one snapshot and within the limits.
/// The rows keep all they need. With a condition, `cells` has only the fields that it can name.
Result<std::unique_ptr<sql::Rows>> run_fenced(Warehouse::State& state, std::string_view statement,
                                              const Scope& scope, const QueryLimits& limits,
                                              const sql::NamedValues& parameters = {},
                                              std::optional<std::string_view> condition = {});

}  // namespace stroma::warehouse
