#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "front/http/message.h"

namespace stroma::front::api {

/// The parts of "Signature keyId="…",algorithm="hmac-sha256",headers="…",signature="…"" (HTTP
/// Signatures, draft-cavage-http-signatures-10, section 2.1).
struct HttpSignature {
    std::string key_id, algorithm, signature;
    std::vector<std::string> headers;  ///< lower case, in signing order; "date" when not given
};

/// Reads the Authorization header ("Signature …") or the Signature header.
Result<HttpSignature> read_signature(const http::Request& request);

/// Whether the key signed this request: the signature covers `date` and, with a body, `digest`;
/// the digest is the body's SHA-256; the date is within `skew_max` of the clock.
/// errors  denied, in words that don't help a forger
Result<void> verify_signature(const HttpSignature& signature, const http::Request& request,
                              std::string_view body, std::string_view key, const Clock& clock,
                              Milliseconds skew_max);

/// "Sat, 21 Nov 2026 09:00:00 GMT" as Unix milliseconds.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace stroma::front::api
