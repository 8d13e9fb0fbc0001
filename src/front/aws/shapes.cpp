#include "front/aws/shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"

namespace stroma::front::aws {
namespace {

constexpr std::size_t errors_max = 10;
constexpr std::string_view big_number =
    "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";

tl::unexpected<Fault> wrong_type(std::string message) {
    return refuse("SerializationException", std::move(message));
}

tl::unexpected<Fault> unexpected_start(const Json& value) {
    return wrong_type(value.is_array() ? "Start of list found where not expected"
                                       : "Start of structure or map found where not expected.");
}

std::string_view java_name(Type type) {
    switch (type) {
        case Type::boolean: return "an Boolean";
        case Type::integer: return "an Integer";
        case Type::number: return "an Double";
        case Type::blob: return "a Blob";
        case Type::timestamp: return "milliseconds since epoch";
        default: return "an String";
    }
}

tl::unexpected<Fault> cannot_become(const Json& value, Type type) {
    const std::string_view from = value.is_boolean()  ? "class java.lang.Boolean"
                                  : value.is_number() ? big_number
                                                      : "class java.lang.String";
    return wrong_type(fmt::format("{} can not be converted to {}", from, java_name(type)));
}

Outcome<Json> checked_members(const Json& value, const Members& members);

Outcome<Json> checked_blob(const Json& value) {
    const std::string& text = value.get_ref<const std::string&>();
    const auto refused = [&](std::string why) {
        return wrong_type(fmt::format("'{}' can not be converted to a Blob: {}", text, why));
    };
    if (text.size() % 4 != 0)
        return refused(fmt::format(
            "Base64 encoded length is expected a multiple of 4 bytes but found: {}", text.size()));
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '+' || c == '/';
        if ((!letter && c != '=') || (c == '=' && i + 1 < text.size() && text[i + 1] != '='))
            return refused(fmt::format("Invalid Base64 character: '{}'", c));
    }
    std::string bytes;
    if (!base64_decode(text, bytes) || base64(bytes) != text)
        return refused("Invalid last non-pad Base64 character dectected");
    return value;
}

Outcome<Json> checked_scalar(const Json& value, Type type) {
    if (type == Type::blob && value.is_binary()) return value;
    if (value.is_structured() || value.is_binary()) return unexpected_start(value);
    switch (type) {
        case Type::boolean:
            if (value.is_boolean()) return value;
            if (!value.is_string()) return cannot_become(value, type);
            {
                std::string text = value.get<std::string>();
                std::ranges::transform(text, text.begin(), [](char c) {
                    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
                });
                return wrong_type(fmt::format("'{}' can not be converted to an Boolean", text));
            }
        case Type::integer:
            if (!value.is_number()) return cannot_become(value, type);
            return Json(static_cast<std::int64_t>(
                std::clamp(std::floor(value.get<double>()), -2147483648.0, 2147483647.0)));
        case Type::number:
        case Type::timestamp:
            if (!value.is_number()) return cannot_become(value, type);
            return value;
        case Type::blob:
            if (!value.is_string()) return cannot_become(value, type);
            return checked_blob(value);
        default:
            if (!value.is_string()) return cannot_become(value, type);
            return value;
    }
}

Outcome<Json> checked(const Json& value, const Shape& shape) {
    const auto child = [&](const Json& each) -> Outcome<Json> {
        if (each.is_null()) return Json(nullptr);
        if (shape.child) return checked_scalar(each, *shape.child);
        if (!each.is_object() && !each.is_array()) return wrong_type("Expected null");
        if (each.is_array()) return unexpected_start(each);
        return checked_members(each, shape.members);
    };
    switch (shape.type) {
        case Type::list: {
            if (value.is_object()) return unexpected_start(value);
            if (!value.is_array()) return wrong_type("Expected list or null");
            Json list = Json::array();
            for (const Json& each : value) {
                auto taken = child(each);
                if (!taken) return refuse(std::move(taken.error()));
                list.push_back(*std::move(taken));
            }
            return list;
        }
        case Type::map: {
            if (value.is_array()) return unexpected_start(value);
            if (!value.is_object()) return wrong_type("Expected map or null");
            Json map = Json::object();
            for (const auto& [key, each] : value.items()) {
                auto taken = child(each);
                if (!taken) return refuse(std::move(taken.error()));
                map[key] = *std::move(taken);
            }
            return map;
        }
        case Type::structure:
            if (value.is_array()) return unexpected_start(value);
            if (!value.is_object()) return wrong_type("Expected null");
            return checked_members(value, shape.members);
        default: return checked_scalar(value, shape.type);
    }
}

Outcome<Json> checked_members(const Json& value, const Members& members) {
    Json kept = Json::object();
    for (const Member& member : members) {
        const auto found = value.find(member.name);
        if (found == value.end() || found->is_null()) continue;
        auto taken = checked(*found, member.shape);
        if (!taken) return refuse(std::move(taken.error()));
        kept[std::string(member.name)] = *std::move(taken);
    }
    return kept;
}

// ---- constraints --------------------------------------------------------------------------------

std::size_t blob_length(const Json& value) {
    if (value.is_binary()) return value.get_binary().size();
    const std::string& text = value.get_ref<const std::string&>();
    return text.size() / 4 * 3 - static_cast<std::size_t>(std::ranges::count(text, '='));
}

std::size_t length_of(const Json& value, Type type) {
    if (type == Type::blob) return blob_length(value);
    if (value.is_string()) return utf16_length(value.get_ref<const std::string&>());
    return value.size();
}

std::string shown(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string shown_value(const Json& value, const Shape& shape) {
    const auto member = [&](const Json& each) {
        return shape.shown_as.empty() ? shown(each) : std::string(shape.shown_as);
    };
    std::string text;
    switch (shape.type) {
        case Type::blob:
            return fmt::format("java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]",
                               blob_length(value));
        case Type::list:
            for (const Json& each : value) text += (text.empty() ? "" : ", ") + member(each);
            return "[" + text + "]";
        case Type::map:
            for (const auto& [key, each] : value.items())
                text += (text.empty() ? "" : ", ") + key + "=" + member(each);
            return "{" + text + "}";
        default: return shown(value);
    }
}

std::string lower_first(std::string_view name) {
    std::string text(name);
    if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z')
        text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

using Lengths = std::pair<std::size_t, std::size_t>;

std::string lengths_constraint(std::string_view of, const Lengths& lengths) {
    return fmt::format(
        "{} must satisfy constraint: [Member must have length less than or equal to "
        "{}, Member must have length greater than or equal to {}]",
        of, lengths.second, lengths.first);
}

bool fits(const Json& text, const Lengths& lengths) {
    if (!text.is_string()) return true;
    const std::size_t length = utf16_length(text.get_ref<const std::string&>());
    return length >= lengths.first && length <= lengths.second;
}

/// The constraints that a value breaks.
std::vector<std::string> broken(const Json& value, const Shape& shape) {
    std::vector<std::string> words;
    const auto must = [&](bool kept, const auto& say) {
        if (!kept) words.push_back(say());
    };
    if (shape.at_least)
        must(value.get<double>() >= *shape.at_least, [&] {
            return fmt::format("Member must have value greater than or equal to {}",
                               *shape.at_least);
        });
    if (shape.at_most)
        must(value.get<double>() <= *shape.at_most, [&] {
            return fmt::format("Member must have value less than or equal to {}", *shape.at_most);
        });
    if (shape.matches)
        must(shape.matches(value.get_ref<const std::string&>()), [&] {
            return fmt::format("Member must satisfy regular expression pattern: {}", shape.pattern);
        });
    if (shape.length_min)
        must(length_of(value, shape.type) >= *shape.length_min, [&] {
            return fmt::format("Member must have length greater than or equal to {}",
                               *shape.length_min);
        });
    if (shape.length_max)
        must(length_of(value, shape.type) <= *shape.length_max, [&] {
            return fmt::format("Member must have length less than or equal to {}",
                               *shape.length_max);
        });
    if (!shape.values.empty())
        must(std::ranges::count(shape.values, value.get_ref<const std::string&>()) > 0, [&] {
            return fmt::format("Member must satisfy enum value set: [{}]",
                               fmt::join(shape.values, ", "));
        });
    if (shape.child_lengths)
        must(std::ranges::all_of(value,
                                 [&](const Json& v) { return fits(v, *shape.child_lengths); }),
             [&] { return lengths_constraint("Member", *shape.child_lengths); });
    if (shape.key_lengths)
        must(std::ranges::all_of(value.items(),
                                 [&](const auto& e) { return fits(e.key(), *shape.key_lengths); }),
             [&] { return lengths_constraint("Map keys", *shape.key_lengths); });
    if (shape.value_lengths)
        must(std::ranges::all_of(value,
                                 [&](const Json& v) { return fits(v, *shape.value_lengths); }),
             [&] { return lengths_constraint("Map value", *shape.value_lengths); });
    return words;
}

void collect(const Json& value, const Members& members, const std::string& path,
             std::vector<std::string>& errors) {
    for (const Member& member : members) {
        const std::string at = path + lower_first(member.name);
        const auto add = [&](const std::string& shown_text, std::string_view words) {
            if (errors.size() < errors_max)
                errors.push_back(fmt::format("Value {} at '{}' failed to satisfy constraint: {}",
                                             shown_text, at, words));
        };
        const auto found = value.find(member.name);
        if (found == value.end()) {
            if (member.shape.needed) add("null", "Member must not be null");
            continue;
        }
        const auto words = broken(*found, member.shape);
        if (!words.empty()) {
            const std::string text = fmt::format("'{}'", shown_value(*found, member.shape));
            for (const std::string& each : words) add(text, each);
        }
        if (member.shape.type == Type::structure)
            collect(*found, member.shape.members, at + ".", errors);
        if (member.shape.type == Type::list && !member.shape.members.empty())
            for (std::size_t i = 0; i < found->size() && errors.size() < errors_max; ++i)
                if ((*found)[i].is_object())
                    collect((*found)[i], member.shape.members,
                            fmt::format("{}.{}.member.", at, i + 1), errors);
    }
}

}  // namespace

std::size_t utf16_length(std::string_view utf8) {
    std::size_t length = 0;
    for (const char c : utf8) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xc0) != 0x80) length += byte >= 0xf0 ? 2 : 1;
    }
    return length;
}

Outcome<Json> check_shape(const Json& parameters, const Members& members) {
    auto kept = checked_members(parameters, members);
    if (!kept) return kept;
    std::vector<std::string> errors;
    collect(*kept, members, "", errors);
    if (!errors.empty())
        return refuse("ValidationException",
                      fmt::format("{} validation error{} detected: {}", errors.size(),
                                  errors.size() > 1 ? "s" : "", fmt::join(errors, "; ")));
    return kept;
}

}  // namespace stroma::front::aws
