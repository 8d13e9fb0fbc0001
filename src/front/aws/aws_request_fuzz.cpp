#include "front/aws/cbor.h"
#include "front/aws/chunked_body.h"
#include "front/aws/signature.h"
#include "front/http/request_parser.h"

#include "base/json.h"

using namespace stroma;
using namespace stroma::front;

/// The first byte chooses: an Authorization header, a presigned target, an aws-chunked body, CBOR.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] == 'h' || data[0] == 'q') {
        http::Request request;
        request.method = "GET";
        request.target = data[0] == 'q' ? "/?" + std::string(text) : "/";
        request.headers = {{"host", "h"}, {"x-amz-date", "20130524T000000Z"}};
        if (data[0] == 'h') request.headers.emplace_back("authorization", text);
        std::string raw;
        if (http::read_target(request.target, request, raw)) return 0;
        const auto claim = aws::read_claim(request);
        if (!claim || claim->kind == aws::Claim::Kind::none) return 0;
        aws::CheckOptions options;
        options.now_ms = claim->signed_at_ms;
        // Nobody knows the secret: no input may be taken for signed.
        if (aws::check_claim(request, *claim, {"unknown to the input", {}, ""}, "", options))
            __builtin_trap();
    } else if (data[0] == 'c') {
        Bytes whole, pieces;
        aws::ChunkedBody at_once(std::nullopt), bit_by_bit(std::nullopt);
        const bool fed = at_once.feed(text, whole).has_value();
        bool fed_pieces = true;
        for (std::size_t at = 0; at < text.size() && fed_pieces; ++at)
            fed_pieces = bit_by_bit.feed(text.substr(at, 1), pieces).has_value();
        if (fed != fed_pieces || (fed && whole != pieces)) __builtin_trap();
    } else {
        const auto value = aws::read_cbor(text);
        if (value && !aws::read_cbor(aws::write_cbor(*value))) __builtin_trap();
    }
    return 0;
}
