#pragma once

#include <string_view>

#include "front/aws/signature.h"
#include "front/http/message.h"

// What AWS's JSON services, Kinesis above all, answer to requests that name no operation of theirs:
// their clients and their test suites tell these shapes apart. Private to this folder.

namespace stroma::front::aws {

/// The services' bodies start like this; all else is refused before anybody asks who sent it.
bool starts_as_object(bool is_cbor, std::string_view body);

/// A body that came as "application/json", which nothing but an operation-less refusal answers.
http::Response old_json_answer(std::string_view body, std::string_view request_id);

/// No target, or a method that isn't POST. Who signed isn't looked at: nothing is told.
http::Response nameless_answer(const http::Request& request, std::string_view media_type,
                               bool has_body, const Trust<Claim>& claim,
                               std::string_view request_id);

/// An address of the query protocol without an action.
http::Response unknown_operation_answer(std::string_view request_id);

/// A browser asks whether it may: it may, since only who can sign gets anything.
http::Response preflight_answer(const http::Request& request, std::string_view request_id);
void let_browsers_read(http::Response& response);

}  // namespace stroma::front::aws
