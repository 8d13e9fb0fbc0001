#include "front/aws/answer.h"

#include <fmt/format.h>

#include "base/json.h"
#include "front/aws/cbor.h"

namespace stroma::front::aws {
namespace {

using Why = Distrust::Why;

std::string_view media_type(Wire wire) {
    switch (wire) {
        case Wire::json_1_0: return "application/x-amz-json-1.0";
        case Wire::json_1_1: return "application/x-amz-json-1.1";
        case Wire::cbor_1_1: return "application/x-amz-cbor-1.1";
        case Wire::query: return "text/xml";
    }
    return "";
}

void add_common_headers(http::Response& response, Wire wire, std::string_view content_type,
                        std::string_view request_id) {
    response.headers.emplace_back("Content-Type",
                                  content_type.empty() ? media_type(wire) : content_type);
    response.headers.emplace_back("x-amzn-RequestId", request_id);
    response.headers.emplace_back("x-amz-id-2", second_id(request_id));
}

std::string query_document(const Service& service, const Call& call, std::string_view result) {
    const std::string inner =
        result.empty()   ? std::string()
        : result == "\n" ? fmt::format("<{}Result/>", call.operation)
                         : fmt::format("<{0}Result>{1}</{0}Result>", call.operation, result);
    return fmt::format(
        "<?xml version=\"1.0\"?><{0}Response xmlns=\"{1}\">{2}<ResponseMetadata><RequestId>{3}"
        "</RequestId></ResponseMetadata></{0}Response>",
        call.operation, service.xml_namespace(), inner, call.request_id);
}

std::string body_of(const Service& service, const Call& call, Reply& reply) {
    switch (call.wire) {
        case Wire::json_1_0:
        case Wire::json_1_1:
            if (!reply.json.empty()) return std::move(reply.json);
            if (reply.members)
                return reply.members->dump(-1, ' ', false, Json::error_handler_t::replace);
            return reply.no_content ? "" : "{}";
        case Wire::cbor_1_1:
            if (!reply.cbor.empty()) return std::move(reply.cbor);
            if (reply.members) return write_cbor(*reply.members);
            return reply.no_content ? "" : write_cbor(Json::object());
        case Wire::query: return query_document(service, call, reply.xml);
    }
    return {};
}

constexpr std::string_view wrong_signature =
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details.";
constexpr std::string_view unknown_token = "The security token included in the request is invalid.";

}  // namespace

std::string second_id(std::string_view request_id) {
    std::string id(request_id);
    id.resize(72, '/');
    return base64(id);
}

http::Response answer_of(const Service& service, const Call& call, Outcome<Reply> outcome) {
    if (!outcome)
        return fault_answer(call.wire, outcome.error(), call.request_id, service.xml_namespace());
    http::Response response;
    response.headers = std::move(outcome->headers);
    add_common_headers(response, call.wire, outcome->content_type, call.request_id);
    if (outcome->stream) {
        response.stream = std::move(outcome->stream);
        response.endless = true;
    } else {
        response.body = body_of(service, call, *outcome);
    }
    return response;
}

http::Response fault_answer(Wire wire, const Fault& fault, std::string_view request_id,
                            std::string_view xml_namespace) {
    http::Response response;
    response.status = fault.status;
    add_common_headers(response, wire, "", request_id);
    const bool is_senders = fault.status < 500;
    if (wire == Wire::query) {
        response.body = fmt::format(
            "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}"
            "</Code><Message>{}</Message><Detail/></Error><RequestId>{}</RequestId>"
            "</ErrorResponse>",
            xml_namespace, is_senders ? "Sender" : "Receiver",
            xml_escape(fault.legacy_type.empty() ? fault.type : fault.legacy_type),
            xml_escape(fault.message), request_id);
        return response;
    }
    response.headers.emplace_back("x-amzn-ErrorType", fault.type);
    if (!fault.legacy_type.empty())
        response.headers.emplace_back("x-amzn-query-error",
                                      fault.legacy_type + (is_senders ? ";Sender" : ";Receiver"));
    Json body = {{"__type", fault.type_namespace + fault.type}};
    // What can't be read is told by another layer of AWS, which spells it so.
    if (!fault.message.empty())
        body[fault.type == "SerializationException" ? "Message" : "message"] = fault.message;
    response.body = wire == Wire::cbor_1_1
                        ? write_cbor(body)
                        : body.dump(-1, ' ', false, Json::error_handler_t::replace);
    return response;
}

Fault json_fault(const Distrust& distrust) {
    switch (distrust.why) {
        case Why::foreign:
            if (!distrust.detail.empty()) return {"IncompleteSignatureException", distrust.detail};
            [[fallthrough]];
        case Why::missing:
        case Why::unsupported:
            return {"MissingAuthenticationTokenException", "Missing Authentication Token"};
        case Why::incomplete:
        case Why::malformed: return {"IncompleteSignatureException", distrust.detail};
        case Why::unknown_key:
        case Why::wrong_token: return {"UnrecognizedClientException", std::string(unknown_token)};
        case Why::both:
        case Why::skewed: return {"InvalidSignatureException", distrust.detail};
        case Why::expired: return {"InvalidSignatureException", "Signature expired"};
        case Why::wrong: return {"InvalidSignatureException", std::string(wrong_signature)};
    }
    return {"InvalidSignatureException", ""};
}

Fault query_fault(const Distrust& distrust) {
    switch (distrust.why) {
        case Why::missing:
        case Why::foreign:
        case Why::unsupported:
            return {"MissingAuthenticationToken", "Request is missing Authentication Token", 403};
        case Why::incomplete:
        case Why::malformed: return {"IncompleteSignature", distrust.detail};
        case Why::unknown_key:
        case Why::wrong_token: return {"InvalidClientTokenId", std::string(unknown_token), 403};
        case Why::skewed: return {"SignatureDoesNotMatch", distrust.detail, 403};
        case Why::expired: return {"RequestExpired", "Request has expired.", 400};
        case Why::both:
        case Why::wrong: return {"SignatureDoesNotMatch", std::string(wrong_signature), 403};
    }
    return {"SignatureDoesNotMatch", "", 403};
}

Fault rest_fault(const Distrust& distrust) {
    switch (distrust.why) {
        case Why::missing:
        case Why::foreign: return {"AccessDenied", "Access Denied", 403};
        case Why::both:
            return {"InvalidArgument",
                    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                    "Signature query string parameter or the Authorization header should be "
                    "specified"};
        case Why::unsupported: return {"InvalidRequest", distrust.detail};
        case Why::incomplete:
        case Why::malformed:
            return {distrust.detail.starts_with("Error parsing") ||
                            distrust.detail.starts_with("X-Amz") ||
                            distrust.detail.starts_with("AWS query")
                        ? "AuthorizationQueryParametersError"
                        : "AuthorizationHeaderMalformed",
                    distrust.detail};
        case Why::unknown_key:
            return {"InvalidAccessKeyId",
                    "The AWS Access Key Id you provided does not exist in our records.", 403};
        case Why::wrong_token:
            return {"InvalidToken", "The provided token is malformed or otherwise invalid."};
        case Why::skewed:
            return {"RequestTimeTooSkewed",
                    "The difference between the request time and the current time is too large.",
                    403};
        case Why::expired: return {"AccessDenied", "Request has expired", 403};
        case Why::wrong:
            return {"SignatureDoesNotMatch",
                    "The request signature we calculated does not match the signature you "
                    "provided. Check your key and signing method.",
                    403};
    }
    return {"AccessDenied", "Access Denied", 403};
}

}  // namespace stroma::front::aws
