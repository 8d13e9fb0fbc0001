#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "catalog/principal.h"
#include "front/http/message.h"

namespace stroma::front::aws {

/// What an access key id stands for.
struct KnownKey {
    std::string secret;
    catalog::Principal principal;
    std::string session_token;  ///< of temporary ones: the request must carry it
};
using FindKey = std::function<Result<std::optional<KnownKey>>(std::string_view key_id)>;

/// How the bytes of a body are signed (x-amz-content-sha256).
enum class PayloadKind {
    whole,             ///< its SHA-256 is named, or (JSON services) part of the signature
    unsigned_,         ///< nothing is said of it
    chunks,            ///< aws-chunked, each chunk signed
    chunks_trailer,    ///< the same, with signed trailers behind
    unsigned_trailer,  ///< aws-chunked without signatures, trailers behind
};

/// What a request says of who signed it, as far as it can be read without the secret.
struct Claim {
    enum class Kind { none, header_v4, query_v4, query_v2 } kind = Kind::none;
    std::string key_id, day, region, service;  ///< of the scope
    std::string signature;
    std::string timestamp;                    ///< "20261122T013000Z"
    std::int64_t signed_at_ms = 0;            ///< unix time
    std::optional<std::int64_t> expires_ms;   ///< of presigned ones: unix time
    std::vector<std::string> signed_headers;  ///< lower case
    std::string session_token;
    PayloadKind payload = PayloadKind::whole;
    std::string payload_sha256;  ///< as named by the request; "" when it isn't
    /// "20261122/us-east-1/s3/aws4_request"
    std::string scope() const { return day + "/" + region + "/" + service + "/aws4_request"; }
};

/// Why a signature isn't taken. Each protocol has its own name for it.
struct Distrust {
    enum class Why {
        missing,      ///< not signed at all
        foreign,      ///< an Authorization of a kind that AWS doesn't have
        both,         ///< signed in the header and in the query
        incomplete,   ///< a part is missing
        malformed,    ///< a part can't be read
        unsupported,  ///< of a version nobody should use any more
        unknown_key,
        wrong,        ///< the signature differs
        wrong_token,  ///< the session token differs or is over
        skewed,       ///< signed too long ago, or in the future
        expired,      ///< presigned, and over
    } why = Why::missing;
    std::string detail;
};
template <class T>
using Trust = tl::expected<T, Distrust>;

/// Reads leniently: any spacing between the parts of the Authorization header.
Trust<Claim> read_claim(const http::Request& request);

/// The signing key of the claim's scope.
Bytes signing_key(std::string_view secret, const Claim& claim);
std::string canonical_request(const http::Request& request, const Claim& claim,
                              std::string_view payload_sha256);
/// For V2 the resource is named by its bucket where the host names it: "/bucket" + path.
std::string string_to_sign_v2(const http::Request& request, const Claim& claim,
                              std::string_view bucket_of_host);

struct CheckOptions {
    std::int64_t now_ms = 0;
    std::int64_t skew_ms_max = 15 * 60 * 1000;
    std::string bucket_of_host;  ///< "" unless the host names one
};
/// Whether the claim's signature is the secret's. `body_sha256` is used where the request names
/// no hash of its own.
Trust<void> check_claim(const http::Request& request, const Claim& claim, const KnownKey& key,
                        std::string_view body_sha256, const CheckOptions& options);

/// What a browser's form says of who signed its policy: of V4 key, scope and time, of V2 the key.
/// `value_of` gives a field by its name in lower case, "" for none.
Trust<Claim> read_form_claim(const std::function<std::string(std::string_view)>& value_of);
/// Whether the secret's owner signed the policy (base64, as the form has it).
Trust<void> check_form_claim(const Claim& claim, const KnownKey& key, std::string_view policy,
                             std::int64_t now_ms);

}  // namespace stroma::front::aws
