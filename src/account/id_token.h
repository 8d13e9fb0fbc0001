#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace stroma::account {

/// Base64 for URLs, without padding (RFC 4648, section 5).
std::string base64url(ByteSpan bytes);

/// What an ID token must say to be believed.
struct TokenExpectation {
    std::string issuer, client_id, nonce;
    std::int64_t now_seconds = 0;
    std::int64_t skew_seconds = 60;  ///< by which the two clocks may differ
};

/// Checks an ID token (OpenID Connect Core 1.0, section 3.1.3.7; JWS of RFC 7515) and gives its
/// claims as JSON. Its signature must be RS256 with a key of 2048 bits or more, or ES256, by a key
/// of the provider's set (RFC 7517): "none", HMAC and critical extensions are refused.
/// errors  denied     the signature, issuer, audience, nonce or times are wrong
///         not_found  the set has no such key: it may have been changed at the provider
Result<std::string> check_id_token(std::string_view token, std::string_view key_set,
                                   const TokenExpectation& expectation);

}  // namespace stroma::account
