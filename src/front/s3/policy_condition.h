#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stroma::front::s3 {

using Json = nlohmann::ordered_json;

/// "*" and "?" stand for what they do in AWS's policies.
bool matches(std::string_view pattern, std::string_view text);

/// What a request is, by a key that conditions name ("aws:SourceIp", in any case). Empty where it
/// has no such thing; nothing where the key isn't known here.
using Fact = std::optional<std::vector<std::string>>;
using FactOf = std::function<Fact(const std::string& key)>;

/// Whether all conditions of a statement hold; nothing when one can't be judged: an operator or a
/// key that isn't known here.
std::optional<bool> conditions_hold(const Json& conditions, const FactOf& fact_of);

}  // namespace stroma::front::s3
