#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "front/http/message.h"

namespace stroma::front::api {

/// The one table from error codes to HTTP. `denied` is 401 for who hasn't said who they are.
int status_of(ErrorCode code);

/// {"message", "code", "request_id"} and, when the message begins "at <JSON pointer>: ",
/// "pointer". What is `corrupt` is told to the log alone.
/// `exhausted` is 413 when it has such a pointer (the request is too large), else 429.
http::Response error_response(const http::Request& request, const Error& error);
/// The same with a status that the table can't know (410, 412, 413, 416).
http::Response error_response(const http::Request& request, int status, const Error& error);

/// "at <pointer>: <message>"
Error error_at(ErrorCode code, std::string_view pointer, std::string_view message);
/// The same error with `prefix` put before its pointer.
Error with_pointer_below(std::string_view prefix, Error error);

}  // namespace stroma::front::api
