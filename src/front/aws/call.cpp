#include "front/aws/call.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "front/aws/cbor.h"

namespace stroma::front::aws {
namespace {

constexpr JsonLimits json_limits{
    .bytes_max = 16u << 20, .depth_max = 64, .string_bytes_max = 16u << 20};
constexpr std::size_t form_depth_max = 8;
constexpr std::size_t form_list_max = 1000;

std::vector<std::string_view> dotted(std::string_view name) {
    std::vector<std::string_view> parts;
    for (std::size_t from = 0; from <= name.size();) {
        const std::size_t end = std::min(name.find('.', from), name.size());
        const std::string_view part = name.substr(from, end - from);
        // "A.member.1" and "A.entry.1" are older spellings of "A.1".
        if (parts.empty() || (part != "member" && part != "entry")) parts.push_back(part);
        from = end + 1;
    }
    return parts;
}

/// 1-based; 0 for what isn't a place in a list.
std::size_t list_place(std::string_view part) {
    if (part.empty() || part.size() > 4) return 0;
    std::size_t place = 0;
    for (const char c : part) {
        if (c < '0' || c > '9') return 0;
        place = place * 10 + static_cast<std::size_t>(c - '0');
    }
    return place > form_list_max ? 0 : place;
}

void put_member(Json& into, const std::vector<std::string_view>& parts, const std::string& value) {
    Json* at = &into;
    for (const std::string_view part : parts) {
        const std::size_t place = list_place(part);
        if (place > 0 && (at->is_null() || at->is_array())) {
            if (at->is_null()) *at = Json::array();
            while (at->size() < place) at->push_back(nullptr);
            at = &(*at)[place - 1];
            continue;
        }
        if (!at->is_null() && !at->is_object()) return;  // contradicts what came before
        at = &(*at)[std::string(part)];
    }
    if (at->is_null()) *at = value;
}

Json form_as_json(const std::vector<std::pair<std::string, std::string>>& form) {
    Json members = Json::object();
    for (const auto& [name, value] : form) {
        const auto parts = dotted(name);
        if (parts.size() <= form_depth_max) put_member(members, parts, value);
    }
    return members;
}

}  // namespace

tl::unexpected<Fault> refuse(const Error& error) {
    switch (error.code) {
        case ErrorCode::denied: return refuse("AccessDeniedException", error.message);
        case ErrorCode::exhausted: return refuse("LimitExceededException", error.message);
        case ErrorCode::conflict:
        case ErrorCode::unavailable:
        case ErrorCode::cancelled: return refuse("ServiceUnavailable", error.message, 503);
        case ErrorCode::invalid_input: return refuse("ValidationException", error.message);
        case ErrorCode::not_found: return refuse("ResourceNotFoundException", error.message);
        case ErrorCode::already_exists:
        case ErrorCode::unsupported:
        case ErrorCode::corrupt: break;
    }
    return refuse("InternalFailure", error.message, 500);
}

Outcome<Json> Call::parameters() const {
    if (wire == Wire::query) return form_as_json(form);
    if (body.empty() && wire == Wire::json_1_0) return Json(Json::object());
    auto members = wire == Wire::cbor_1_1 ? read_cbor(body) : parse_json(body, json_limits);
    if (!members || !members->is_object()) return refuse("SerializationException", "");
    return *std::move(members);
}

Reply reply(Json members) {
    Reply answer;
    answer.members = std::make_shared<const Json>(std::move(members));
    return answer;
}

Json blob(Wire wire, std::string_view bytes) {
    if (wire != Wire::cbor_1_1) return base64(bytes);
    return Json::binary(Json::binary_t::container_type(bytes.begin(), bytes.end()));
}

Outcome<std::string> blob_bytes(const Json& value) {
    if (value.is_binary()) {
        const auto& bytes = value.get_binary();
        return std::string(bytes.begin(), bytes.end());
    }
    std::string bytes;
    if (!value.is_string() || !base64_decode(value.get_ref<const std::string&>(), bytes))
        return refuse("SerializationException", "");
    return bytes;
}

Json timestamp(Wire wire, std::int64_t unix_ms) {
    if (wire == Wire::cbor_1_1) return unix_ms;
    return static_cast<double>(unix_ms) / 1000.0;
}

std::string xml_escape(std::string_view text) {
    std::string escaped;
    escaped.reserve(text.size());
    for (const char c : text) switch (c) {
            case '&': escaped += "&amp;"; break;
            case '<': escaped += "&lt;"; break;
            case '>': escaped += "&gt;"; break;
            case '"': escaped += "&quot;"; break;
            case '\r': escaped += "&#xD;"; break;
            default: escaped += c;
        }
    return escaped;
}

}  // namespace stroma::front::aws
