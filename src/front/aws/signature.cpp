#include "front/aws/signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <ctime>

#include "base/digest.h"
#include "front/aws/call.h"
#include "front/http/url.h"

namespace stroma::front::aws {
namespace {

using Why = Distrust::Why;
constexpr std::string_view v4 = "AWS4-HMAC-SHA256";
constexpr std::int64_t presigned_seconds_max = 7 * 24 * 3600;

tl::unexpected<Distrust> distrust(Why why, std::string detail = {}) {
    return tl::unexpected<Distrust>(Distrust{why, std::move(detail)});
}

std::optional<std::int64_t> number_in(std::string_view text) {
    if (text.empty() || text.size() > 12) return std::nullopt;
    std::int64_t number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        number = number * 10 + (c - '0');
    }
    return number;
}

/// "20261122T013000Z" as unix milliseconds.
std::optional<std::int64_t> basic_time(std::string_view text) {
    if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
    const auto part = [&](std::size_t at, std::size_t size) {
        return static_cast<int>(number_in(text.substr(at, size)).value_or(-1));
    };
    std::tm time{};
    time.tm_year = part(0, 4) - 1900;
    time.tm_mon = part(4, 2) - 1;
    time.tm_mday = part(6, 2);
    time.tm_hour = part(9, 2);
    time.tm_min = part(11, 2);
    time.tm_sec = part(13, 2);
    if (time.tm_mon < 0 || time.tm_mday < 1 || time.tm_hour < 0 || time.tm_min < 0 ||
        time.tm_sec < 0)
        return std::nullopt;
    return static_cast<std::int64_t>(timegm(&time)) * 1000;
}

/// "Sun, 22 Nov 2026 01:30:00 GMT", as old clients date their requests.
std::optional<std::int64_t> http_time(const std::string& text) {
    std::tm time{};
    if (strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &time) == nullptr) return std::nullopt;
    return static_cast<std::int64_t>(timegm(&time)) * 1000;
}

std::string basic_text(std::int64_t unix_ms) {
    const std::time_t seconds = unix_ms / 1000;
    std::tm time{};
    gmtime_r(&seconds, &time);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &time)};
}

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(at), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

/// "AKIA…/20261122/us-east-1/s3/aws4_request"; a key id may have slashes itself.
bool read_credential(std::string_view credential, Claim& claim) {
    auto parts = split(credential, '/');
    if (parts.size() < 5 || parts.back() != "aws4_request") return false;
    const std::size_t n = parts.size();
    claim.service = parts[n - 2];
    claim.region = parts[n - 3];
    claim.day = parts[n - 4];
    const std::size_t tail =
        claim.service.size() + claim.region.size() + claim.day.size() + parts.back().size() + 4;
    claim.key_id = credential.substr(0, credential.size() - tail);
    return !claim.key_id.empty() && claim.day.size() == 8;
}

void read_payload(const http::Request& request, Claim& claim) {
    const std::string named = request.header("x-amz-content-sha256").value_or("");
    claim.payload_sha256 = named;
    if (named == "UNSIGNED-PAYLOAD")
        claim.payload = PayloadKind::unsigned_;
    else if (named == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        claim.payload = PayloadKind::chunks;
    else if (named == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
        claim.payload = PayloadKind::chunks_trailer;
    else if (named == "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        claim.payload = PayloadKind::unsigned_trailer;
}

Trust<Claim> header_claim(const http::Request& request, const std::string& authorization) {
    Claim claim;
    claim.kind = Claim::Kind::header_v4;
    if (authorization.starts_with("AWS "))
        return distrust(Why::unsupported,
                        "The authorization mechanism you have provided is not supported. Please "
                        "use AWS4-HMAC-SHA256.");
    const bool is_v4 = authorization.starts_with(v4);
    std::string told = is_v4 ? authorization.substr(v4.size()) : authorization;
    if (!is_v4) std::replace(told.begin(), told.end(), ' ', ',');
    std::string credential, signed_headers;
    bool has_signed_headers = false;
    for (const std::string& part : split(told, ',')) {
        const std::string_view text = http::trimmed(part);
        const std::size_t equals = text.find('=');
        if (equals == text.npos) continue;
        const std::string_view name = http::trimmed(text.substr(0, equals));
        const std::string_view value = http::trimmed(text.substr(equals + 1));
        if (name == "Credential") credential = value;
        if (name == "Signature") claim.signature = value;
        if (name == "SignedHeaders") {
            signed_headers = value;
            has_signed_headers = true;
        }
    }
    const auto amz_date = request.header("x-amz-date"), date = request.header("date");
    std::string missing;
    for (const auto& [is_there, name] : {std::pair(!credential.empty(), "Credential"),
                                         std::pair(!claim.signature.empty(), "Signature"),
                                         std::pair(has_signed_headers, "SignedHeaders")})
        if (!is_there)
            missing += fmt::format("Authorization header requires '{}' parameter. ", name);
    if (!amz_date && !date)
        missing +=
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
    if (!missing.empty())
        return distrust(is_v4 ? Why::incomplete : Why::foreign,
                        missing + "Authorization=" + authorization);
    if (!is_v4) return distrust(Why::foreign);
    if (!read_credential(credential, claim))
        return distrust(Why::malformed,
                        "The authorization header is malformed; the Credential is mal-formed; "
                        "expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    const auto time = amz_date ? basic_time(*amz_date) : http_time(*date);
    if (!time)
        return distrust(Why::malformed, "Date must be in ISO-8601 'basic format'. Got '" +
                                            amz_date.value_or(date.value_or("")) + "'.");
    claim.signed_at_ms = *time;
    claim.timestamp = amz_date ? *amz_date : basic_text(*time);
    claim.signed_headers = split(signed_headers, ';');
    claim.session_token = request.header("x-amz-security-token").value_or("");
    read_payload(request, claim);
    return claim;
}

Trust<Claim> query_v4_claim(const http::Request& request) {
    Claim claim;
    claim.kind = Claim::Kind::query_v4;
    std::string missing;
    const auto value_of = [&](const char* name) {
        const auto value = request.query_value(name);
        if (value.value_or("").empty())
            missing += fmt::format("AWS query-string parameters must include '{}'. ", name);
        return value.value_or("");
    };
    const std::string algorithm = value_of("X-Amz-Algorithm");
    const std::string credential = value_of("X-Amz-Credential");
    claim.signature = value_of("X-Amz-Signature");
    const std::string signed_headers = value_of("X-Amz-SignedHeaders");
    claim.timestamp = value_of("X-Amz-Date");
    if (!missing.empty())
        return distrust(Why::incomplete, missing + "Re-examine the query-string parameters.");
    if (algorithm != v4)
        return distrust(Why::malformed, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    if (!read_credential(credential, claim))
        return distrust(Why::malformed,
                        "Error parsing the X-Amz-Credential parameter; the Credential is "
                        "mal-formed; expecting "
                        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    const auto time = basic_time(claim.timestamp);
    if (!time)
        return distrust(Why::malformed,
                        "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
    claim.signed_at_ms = *time;
    if (const auto expires = request.query_value("X-Amz-Expires")) {
        const auto seconds = number_in(*expires);
        if (!seconds) return distrust(Why::malformed, "X-Amz-Expires should be a number");
        if (*seconds > presigned_seconds_max)
            return distrust(Why::malformed,
                            "X-Amz-Expires must be less than a week (in seconds); that is, the "
                            "given X-Amz-Expires must be less than 604800 seconds");
        claim.expires_ms = *time + *seconds * 1000;
    }
    claim.signed_headers = split(signed_headers, ';');
    claim.session_token = request.query_value("X-Amz-Security-Token").value_or("");
    read_payload(request, claim);
    const auto& names = claim.signed_headers;
    if (std::find(names.begin(), names.end(), "x-amz-content-sha256") == names.end()) {
        if (claim.payload == PayloadKind::whole) claim.payload = PayloadKind::unsigned_;
        claim.payload_sha256 = "UNSIGNED-PAYLOAD";
    }
    return claim;
}

Trust<Claim> query_v2_claim(const http::Request& request) {
    Claim claim;
    claim.kind = Claim::Kind::query_v2;
    claim.key_id = request.query_value("AWSAccessKeyId").value_or("");
    claim.signature = request.query_value("Signature").value_or("");
    claim.service = "s3";
    const auto expires = number_in(request.query_value("Expires").value_or(""));
    if (claim.key_id.empty() || claim.signature.empty() || !expires)
        return distrust(Why::incomplete,
                        "Query-string authentication requires the Signature, Expires and "
                        "AWSAccessKeyId parameters");
    claim.expires_ms = *expires * 1000;
    claim.session_token = request.query_value("x-amz-security-token").value_or("");
    read_payload(request, claim);
    if (claim.payload_sha256.empty()) claim.payload = PayloadKind::unsigned_;
    return claim;
}

/// Everything but unreserved characters escaped; slashes too unless they are kept.
std::string escaped(std::string_view text, bool keeps_slashes) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~' ||
                           (c == '/' && keeps_slashes);
        if (plain) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    return out;
}

std::pair<std::string_view, std::string_view> path_and_query(std::string_view target) {
    if (const std::size_t scheme = target.find("://"); scheme != target.npos && scheme < 8)
        target.remove_prefix(std::min(target.find('/', scheme + 3), target.size()));
    const std::size_t question = target.find('?');
    if (question == target.npos) return {target, {}};
    return {target.substr(0, question), target.substr(question + 1)};
}

std::string canonical_query(std::string_view query, bool without_signature) {
    std::vector<std::pair<std::string, std::string>> parts;
    for (const std::string& part : split(query, '&')) {
        if (part.empty()) continue;
        const std::size_t equals = part.find('=');
        const auto decoded = [](std::string_view text) {
            return http::percent_decode(text, true).value_or(std::string(text));
        };
        const std::string name = decoded(std::string_view(part).substr(0, equals));
        const std::string value =
            equals == part.npos ? "" : decoded(std::string_view(part).substr(equals + 1));
        if (without_signature && name == "X-Amz-Signature") continue;
        parts.emplace_back(escaped(name, false), escaped(value, false));
    }
    std::sort(parts.begin(), parts.end());
    std::string text;
    for (const auto& [name, value] : parts)
        text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
    return text;
}

/// One space for several, none at the ends.
std::string with_single_spaces(std::string_view value) {
    std::string text;
    for (const char c : http::trimmed(value))
        if (c != ' ' || text.empty() || text.back() != ' ') text += c;
    return text;
}

/// HTTP/2's name for the host is signed by clients that speak it (AWS's SDK for JavaScript).
std::string canonical_header(const http::Request& request, const std::string& signed_name) {
    const std::string name = signed_name == ":authority" ? "host" : signed_name;
    std::string values;
    bool first = true;
    for (const auto& [key, value] : request.headers) {
        if (key != name) continue;
        values += (first ? "" : ",") + with_single_spaces(value);
        first = false;
    }
    return values;
}

std::string hmac_sha1_base64(std::string_view key, std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
    return base64({reinterpret_cast<const char*>(digest), size});
}

/// What V2 counts to the resource, in order.
constexpr std::string_view v2_parameters[] = {"acl",
                                              "cors",
                                              "delete",
                                              "lifecycle",
                                              "location",
                                              "logging",
                                              "notification",
                                              "partNumber",
                                              "policy",
                                              "requestPayment",
                                              "response-cache-control",
                                              "response-content-disposition",
                                              "response-content-encoding",
                                              "response-content-language",
                                              "response-content-type",
                                              "response-expires",
                                              "restore",
                                              "tagging",
                                              "torrent",
                                              "uploadId",
                                              "uploads",
                                              "versionId",
                                              "versioning",
                                              "versions",
                                              "website"};

Trust<void> check_times(const Claim& claim, const CheckOptions& options) {
    if (claim.expires_ms) {
        if (options.now_ms > *claim.expires_ms) return distrust(Why::expired);
        if (claim.kind == Claim::Kind::query_v4 &&
            claim.signed_at_ms > options.now_ms + options.skew_ms_max)
            return distrust(Why::skewed, "Request is not yet valid");
        return {};
    }
    if (std::abs(options.now_ms - claim.signed_at_ms) <= options.skew_ms_max) return {};
    const bool is_late = claim.signed_at_ms < options.now_ms;
    const std::int64_t bound =
        is_late ? options.now_ms - options.skew_ms_max : options.now_ms + options.skew_ms_max;
    return distrust(Why::skewed,
                    fmt::format("Signature {}: {} is {} than {} ({} {} 15 min.)",
                                is_late ? "expired" : "not yet current", claim.timestamp,
                                is_late ? "now earlier" : "still later", basic_text(bound),
                                basic_text(options.now_ms), is_late ? "-" : "+"));
}

}  // namespace

Trust<Claim> read_claim(const http::Request& request) {
    const auto authorization = request.header("authorization");
    const bool in_query = request.query_value("X-Amz-Algorithm").has_value() ||
                          request.query_value("X-Amz-Signature").has_value();
    if (authorization && in_query)
        return distrust(Why::both,
                        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' "
                        "as HTTP header.");
    if (authorization) return header_claim(request, *authorization);
    if (in_query) return query_v4_claim(request);
    if (request.query_value("AWSAccessKeyId")) return query_v2_claim(request);
    Claim nobody;
    read_payload(request, nobody);
    return nobody;
}

Bytes signing_key(std::string_view secret, const Claim& claim) {
    const Bytes day = hmac_sha256(as_bytes("AWS4" + std::string(secret)), claim.day);
    const Bytes region = hmac_sha256(day, claim.region);
    const Bytes service = hmac_sha256(region, claim.service);
    return hmac_sha256(service, "aws4_request");
}

std::string canonical_request(const http::Request& request, const Claim& claim,
                              std::string_view payload_sha256) {
    const auto [path, query] = path_and_query(request.target);
    std::string text = request.method + "\n";
    // S3 escapes a path once; the others escape what is escaped already.
    text += claim.service == "s3" ? escaped(request.path, true) : escaped(path, true);
    text += "\n" + canonical_query(query, claim.kind == Claim::Kind::query_v4) + "\n";
    std::string names;
    for (const std::string& name : claim.signed_headers) {
        text += name + ":" + canonical_header(request, name) + "\n";
        names += (names.empty() ? "" : ";") + name;
    }
    text += "\n" + names + "\n";
    text += payload_sha256;
    return text;
}

std::string string_to_sign_v2(const http::Request& request, const Claim& claim,
                              std::string_view bucket_of_host) {
    std::string text =
        fmt::format("{}\n{}\n{}\n{}\n", request.method, request.header("content-md5").value_or(""),
                    request.header("content-type").value_or(""), *claim.expires_ms / 1000);
    std::vector<std::string> names;
    for (const auto& [name, value] : request.headers)
        if (name.starts_with("x-amz-") &&
            std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(name);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names)
        text += name + ":" + canonical_header(request, name) + "\n";
    if (!bucket_of_host.empty()) text += "/" + std::string(bucket_of_host);
    text += path_and_query(request.target).first;
    char separator = '?';
    for (const std::string_view name : v2_parameters) {
        const auto value = request.query_value(name);
        if (!value) continue;
        text += separator;
        text += name;
        if (!value->empty()) text += "=" + *value;
        separator = '&';
    }
    return text;
}

Trust<void> check_claim(const http::Request& request, const Claim& claim, const KnownKey& key,
                        std::string_view body_sha256, const CheckOptions& options) {
    if (const auto in_time = check_times(claim, options); !in_time) return in_time;
    if (!key.session_token.empty() &&
        !equal_in_constant_time(key.session_token, claim.session_token))
        return distrust(Why::wrong_token, "The security token included in the request is invalid.");
    if (claim.kind == Claim::Kind::query_v2) {
        const std::string ours =
            hmac_sha1_base64(key.secret, string_to_sign_v2(request, claim, options.bucket_of_host));
        if (equal_in_constant_time(ours, claim.signature)) return {};
        return distrust(Why::wrong);
    }
    if (claim.timestamp.substr(0, 8) != claim.day)
        return distrust(Why::malformed,
                        "Date in Credential scope does not match YYYYMMDD from "
                        "ISO-8601 version of date from HTTP");
    const std::string canonical = canonical_request(
        request, claim, claim.payload_sha256.empty() ? body_sha256 : claim.payload_sha256);
    const std::string to_sign =
        fmt::format("{}\n{}\n{}\n{}", v4, claim.timestamp, claim.scope(), sha256_hex(canonical));
    const std::string ours = to_hex(hmac_sha256(signing_key(key.secret, claim), to_sign));
    if (equal_in_constant_time(ours, claim.signature)) return {};
    return distrust(Why::wrong, canonical);
}

Trust<Claim> read_form_claim(const std::function<std::string(std::string_view)>& value_of) {
    Claim claim;
    claim.session_token = value_of("x-amz-security-token");
    claim.payload = PayloadKind::unsigned_;
    const std::string algorithm = value_of("x-amz-algorithm");
    if (algorithm.empty()) {
        claim.kind = Claim::Kind::query_v2;
        claim.key_id = value_of("awsaccesskeyid");
        claim.signature = value_of("signature");
        claim.service = "s3";
        if (claim.key_id.empty() || claim.signature.empty())
            return distrust(Why::incomplete,
                            "Bucket POST must contain a field named 'AWSAccessKeyId' and one named "
                            "'signature'");
        return claim;
    }
    claim.kind = Claim::Kind::query_v4;
    claim.signature = value_of("x-amz-signature");
    claim.timestamp = value_of("x-amz-date");
    const auto time = basic_time(claim.timestamp);
    if (algorithm != v4 || claim.signature.empty() || !time ||
        !read_credential(value_of("x-amz-credential"), claim))
        return distrust(Why::incomplete,
                        "Bucket POST must contain the fields 'x-amz-algorithm', "
                        "'x-amz-credential', 'x-amz-date' and 'x-amz-signature'");
    claim.signed_at_ms = *time;
    return claim;
}

Trust<void> check_form_claim(const Claim& claim, const KnownKey& key, std::string_view policy,
                             std::int64_t now_ms) {
    constexpr std::int64_t week_ms = presigned_seconds_max * 1000;
    if (!key.session_token.empty() &&
        !equal_in_constant_time(key.session_token, claim.session_token))
        return distrust(Why::wrong_token, "The security token included in the request is invalid.");
    if (claim.kind == Claim::Kind::query_v2)
        return equal_in_constant_time(hmac_sha1_base64(key.secret, policy), claim.signature)
                   ? Trust<void>()
                   : distrust(Why::wrong);
    if (claim.timestamp.substr(0, 8) != claim.day || claim.service != "s3")
        return distrust(Why::malformed, "The form's credential is of another day or service");
    if (now_ms > claim.signed_at_ms + week_ms) return distrust(Why::expired);
    const std::string ours =
        to_hex(hmac_sha256(signing_key(key.secret, claim), std::string(policy)));
    return equal_in_constant_time(ours, claim.signature) ? Trust<void>() : distrust(Why::wrong);
}

}  // namespace stroma::front::aws
