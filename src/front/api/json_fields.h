#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::front::api {

/// Reads the members of a JSON object strictly: wrong types and members nobody asked for are
/// invalid_input with a pointer. The object outlives the reader.
class JsonFields {
public:
    explicit JsonFields(const nlohmann::ordered_json& object) : object_(object) {}

    /// The member, or null when it isn't there (or is JSON's null).
    const nlohmann::ordered_json* find(std::string_view name);
    Result<std::string> text(std::string_view name);  ///< must be there
    Result<std::string> text_or(std::string_view name, std::string_view fallback);
    Result<std::optional<std::string>> optional_text(std::string_view name);
    Result<std::int64_t> integer_or(std::string_view name, std::int64_t fallback);
    Result<bool> boolean_or(std::string_view name, bool fallback);
    Result<std::vector<std::string>> texts(std::string_view name);  ///< empty when not there
    /// Refuses members that weren't asked for.
    Result<void> finish() const;

private:
    const nlohmann::ordered_json& object_;
    std::set<std::string, std::less<>> asked_;
};

}  // namespace stroma::front::api
