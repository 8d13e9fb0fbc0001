#pragma once

#include <string_view>

namespace stroma::front::api {

/// The document schema/openapi.json, as it was when the program was built.
std::string_view openapi_document();

}  // namespace stroma::front::api
