#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

// Private to this folder: what a target is given of an event.

namespace stroma::event {

struct RuleName {
    std::string name, arn;
    std::string now;  ///< the time at which the event came, ISO 8601
};

/// What `target` (as PutTargets has it) is to be given: the event whole, a part of it (InputPath),
/// a text (Input), or a template filled from it (InputTransformer).
std::string target_input(const nlohmann::ordered_json& target, const nlohmann::ordered_json& event,
                         const RuleName& rule);
/// errors  invalid_input  two ways at once; a placeholder that stands for nothing
Result<void> check_target_input(const nlohmann::ordered_json& target);

}  // namespace stroma::event
