#include "front/aws/nameless.h"

#include <fmt/format.h>

#include "front/aws/answer.h"

namespace stroma::front::aws {
namespace {

constexpr std::string_view old_json = "application/json";

http::Response with_ids(int status, std::string_view request_id) {
    http::Response response;
    response.status = status;
    response.headers.emplace_back("x-amzn-RequestId", request_id);
    response.headers.emplace_back("x-amz-id-2", second_id(request_id));
    return response;
}

http::Response xml_answer(const Fault& fault, std::string_view request_id) {
    http::Response response = with_ids(403, request_id);
    response.body =
        fmt::format("<{0}>\n  <Message>{1}</Message>\n</{0}>\n", fault.type, fault.message);
    return response;
}

}  // namespace

bool starts_as_object(bool is_cbor, std::string_view body) {
    if (is_cbor) {
        constexpr unsigned map_kind = 5;
        return !body.empty() && static_cast<unsigned char>(body[0]) >> 5 == map_kind;
    }
    const std::size_t first = body.find_first_not_of(" \t\r\n");
    return first != body.npos && body[first] == '{';
}

http::Response old_json_answer(std::string_view body, std::string_view request_id) {
    const bool is_readable = starts_as_object(false, body);
    http::Response response = with_ids(is_readable ? 404 : 400, request_id);
    response.headers.emplace_back("Content-Type", old_json);
    response.body =
        fmt::format(R"({{"Output":{{"__type":"com.amazon.coral.service#{}"}},"Version":"1.0"}})",
                    is_readable ? "UnknownOperationException" : "SerializationException");
    return response;
}

http::Response nameless_answer(const http::Request& request, std::string_view media_type,
                               bool has_body, const Trust<Claim>& claim,
                               std::string_view request_id) {
    const bool is_json = media_type == "application/x-amz-json-1.1";
    if (request.method == "POST" && (is_json || !has_body))
        return fault_answer(is_json ? Wire::json_1_1 : Wire::cbor_1_1,
                            {"UnknownOperationException", ""}, request_id, "");
    if (!claim) return xml_answer(json_fault(claim.error()), request_id);
    if (claim->kind == Claim::Kind::none)
        return xml_answer(json_fault({Distrust::Why::missing, ""}), request_id);
    return xml_answer(
        {"AccessDeniedException", "Unable to determine service/operation name to be authorized"},
        request_id);
}

http::Response unknown_operation_answer(std::string_view request_id) {
    http::Response response = with_ids(404, request_id);
    response.headers.emplace_back("Content-Type", "text/xml");
    response.body = "<UnknownOperationException/>\n";
    return response;
}

http::Response preflight_answer(const http::Request& request, std::string_view request_id) {
    http::Response response;
    response.headers.emplace_back("x-amzn-RequestId", request_id);
    response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    for (const auto& [asked, answered] :
         {std::pair("access-control-request-headers", "Access-Control-Allow-Headers"),
          std::pair("access-control-request-method", "Access-Control-Allow-Methods")})
        if (const auto value = request.header(asked))
            response.headers.emplace_back(answered, *value);
    response.headers.emplace_back("Access-Control-Max-Age", "172800");
    return response;
}

void let_browsers_read(http::Response& response) {
    response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    response.headers.emplace_back("Access-Control-Expose-Headers",
                                  "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,"
                                  "x-amzn-ErrorMessage,Date");
}

}  // namespace stroma::front::aws
