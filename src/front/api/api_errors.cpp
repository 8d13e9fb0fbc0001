#include "front/api/api_errors.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/log.h"

namespace stroma::front::api {
namespace {

/// Cuts "at <pointer>: " from the message; false when it doesn't begin so.
bool split_pointer(std::string& message, std::string& pointer) {
    if (!message.starts_with("at /") && !message.starts_with("at : ")) return false;
    const std::size_t end = message.find(": ");
    if (end == message.npos) return false;
    pointer = message.substr(3, end - 3);
    message.erase(0, end + 2);
    return true;
}

}  // namespace

int status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_input: return 400;
        case ErrorCode::not_found: return 404;
        case ErrorCode::already_exists: return 409;
        case ErrorCode::denied: return 403;
        case ErrorCode::conflict: return 409;
        case ErrorCode::exhausted: return 429;
        case ErrorCode::unavailable: return 503;
        case ErrorCode::unsupported: return 501;
        case ErrorCode::cancelled: return 408;
        case ErrorCode::corrupt: return 500;
    }
    return 500;
}

http::Response error_response(const http::Request& request, int status, const Error& error) {
    std::string message = error.message, pointer;
    const bool has_pointer = split_pointer(message, pointer);
    if (error.code == ErrorCode::corrupt) {
        log(LogLevel::error, "a request met damaged data",
            {{"request", request.id}, {"what", error.message}});
        message = "stored data failed its check; the operator's log has the details";
    }
    Json body;
    body["message"] = message;
    body["code"] = name_of(error.code);
    if (has_pointer) body["pointer"] = pointer;
    body["request_id"] = request.id;
    http::Response response =
        http::json_response(status, body.dump(-1, ' ', false, Json::error_handler_t::replace));
    if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
    if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "2");
    return response;
}

http::Response error_response(const http::Request& request, const Error& error) {
    int status = status_of(error.code);
    if (error.code == ErrorCode::denied && request.principal.role == catalog::Role::anonymous)
        status = 401;
    if (error.code == ErrorCode::exhausted && error.message.starts_with("at ")) status = 413;
    return error_response(request, status, error);
}

Error error_at(ErrorCode code, std::string_view pointer, std::string_view message) {
    return Error{code, fmt::format("at {}: {}", pointer, message)};
}

Error with_pointer_below(std::string_view prefix, Error error) {
    std::string pointer;
    if (!split_pointer(error.message, pointer)) return error;
    if (pointer == "/") pointer.clear();  // the whole of it
    return error_at(error.code, std::string(prefix) + pointer, error.message);
}

}  // namespace stroma::front::api
