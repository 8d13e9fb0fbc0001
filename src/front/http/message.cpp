#include "front/http/message.h"

#include <fmt/format.h>

#include "front/http/url.h"

namespace stroma::front::http {

std::optional<std::string> Request::header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers)
        if (name == lower_case_name) return value;
    return std::nullopt;
}

std::optional<std::string> Request::query_value(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return std::nullopt;
}

Result<std::string> Request::text_body(std::uint64_t bytes_max) const {
    std::string text;
    if (body == nullptr) return text;
    for (;;) {
        const Bytes piece = TRY(body->read());
        if (piece.empty()) return text;
        if (text.size() + piece.size() > bytes_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("the body is larger than {} bytes; send less", bytes_max));
        text += as_text(piece);
    }
}

std::string_view Response::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (equal_ignoring_case(key, name)) return value;
    return {};
}

Response text_response(int status, std::string text, std::string_view content_type) {
    Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", content_type);
    response.body = std::move(text);
    return response;
}

Response json_response(int status, std::string json) {
    return text_response(status, std::move(json), "application/json");
}

}  // namespace stroma::front::http
