#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma::front::aws {

/// CBOR (RFC 8949) as AWS clients use it: definite and indefinite lengths; tags are passed over;
/// byte strings are binary values.
/// errors  invalid_input  not one whole value, a key that isn't text, nested deeper than 64
Result<nlohmann::ordered_json> read_cbor(std::string_view bytes);

/// With definite lengths, in the shortest form.
std::string write_cbor(const nlohmann::ordered_json& value);

}  // namespace stroma::front::aws
