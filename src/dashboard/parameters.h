#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "dashboard/definition.h"

namespace stroma::dashboard {

using ParameterValues = std::vector<std::pair<std::string, sql::Value>>;

/// What JSON says, as a value of that kind; null is none. Numbers may come as their text. A date is
/// "2026-11-22", perhaps with " 08:50:55" behind.
/// errors  invalid_input  "at /parameters/since: …"
Result<sql::Value> value_of(const Parameter& parameter, const nlohmann::ordered_json& json);

/// A value for each of the definition's parameters: as `given` says ({"name": value}), else the
/// usual one. Names that the definition lacks are refused, as are choices that aren't listed.
Result<ParameterValues> values_of(const Definition& definition,
                                  const nlohmann::ordered_json& given);

}  // namespace stroma::dashboard
