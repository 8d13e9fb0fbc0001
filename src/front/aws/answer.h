#pragma once

#include <string>

#include "front/aws/call.h"
#include "front/aws/signature.h"
#include "front/http/message.h"

// How answers and refusals are written in each protocol. Private to this folder.

namespace stroma::front::aws {

http::Response answer_of(const Service& service, const Call& call, Outcome<Reply> outcome);
http::Response fault_answer(Wire wire, const Fault& fault, std::string_view request_id,
                            std::string_view xml_namespace);

/// What is sent as x-amz-id-2: of no meaning to anybody, but clients print it and know its length.
std::string second_id(std::string_view request_id);

/// A signature that isn't taken, in the words of JSON services, of query services, and of S3.
Fault json_fault(const Distrust& distrust);
Fault query_fault(const Distrust& distrust);
Fault rest_fault(const Distrust& distrust);

}  // namespace stroma::front::aws
