#include "front/api/json_fields.h"

#include <fmt/format.h>

#include "base/json.h"
#include "front/api/api_errors.h"

namespace stroma::front::api {
namespace {

tl::unexpected<Error> wrong(std::string_view name, std::string_view what) {
    return fail(error_at(ErrorCode::invalid_input, fmt::format("/{}", name),
                         fmt::format("'{}' {}", name, what)));
}

}  // namespace

const Json* JsonFields::find(std::string_view name) {
    asked_.emplace(name);
    const auto member = object_.find(std::string(name));
    return member == object_.end() || member->is_null() ? nullptr : &*member;
}

Result<std::string> JsonFields::text(std::string_view name) {
    const auto value = TRY(optional_text(name));
    if (!value) return wrong(name, "is missing");
    return *value;
}

Result<std::string> JsonFields::text_or(std::string_view name, std::string_view fallback) {
    return TRY(optional_text(name)).value_or(std::string(fallback));
}

Result<std::optional<std::string>> JsonFields::optional_text(std::string_view name) {
    const Json* value = find(name);
    if (value == nullptr) return std::optional<std::string>();
    if (!value->is_string()) return wrong(name, "must be a text");
    return std::optional(value->get<std::string>());
}

Result<std::int64_t> JsonFields::integer_or(std::string_view name, std::int64_t fallback) {
    const Json* value = find(name);
    if (value == nullptr) return fallback;
    if (!value->is_number_integer() || value->get<double>() > 9e18)
        return wrong(name, "must be a whole number");
    return value->get<std::int64_t>();
}

Result<bool> JsonFields::boolean_or(std::string_view name, bool fallback) {
    const Json* value = find(name);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) return wrong(name, "must be true or false");
    return value->get<bool>();
}

Result<std::vector<std::string>> JsonFields::texts(std::string_view name) {
    std::vector<std::string> texts;
    const Json* value = find(name);
    if (value == nullptr) return texts;
    if (!value->is_array()) return wrong(name, "must be an array of texts");
    for (const Json& one : *value) {
        if (!one.is_string()) return wrong(name, "must be an array of texts");
        texts.push_back(one.get<std::string>());
    }
    return texts;
}

Result<void> JsonFields::finish() const {
    for (const auto& [name, value] : object_.items())
        if (!asked_.contains(name)) return wrong(name, "is not a member that is known here");
    return {};
}

}  // namespace stroma::front::api
