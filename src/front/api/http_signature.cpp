#include "front/api/http_signature.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "base/base64.h"
#include "base/digest.h"
#include "front/http/url.h"

namespace stroma::front::api {
namespace {

tl::unexpected<Error> refused(std::string why) {
    return fail(ErrorCode::denied, "the notification is not signed as agreed: " + std::move(why));
}

/// name="value" pairs, separated by commas; values without backslashes.
Result<std::vector<std::pair<std::string, std::string>>> read_pairs(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (text = http::trimmed(text); !text.empty(); text = http::trimmed(text)) {
        const std::size_t equals = text.find('=');
        if (equals == text.npos || pairs.size() >= 16) return refused("malformed header");
        const std::string name(http::trimmed(text.substr(0, equals)));
        text.remove_prefix(equals + 1);
        const bool quoted = text.starts_with('"');
        const std::size_t end = quoted ? text.find('"', 1) : text.find(',');
        if (quoted && end == text.npos) return refused("malformed header");
        pairs.emplace_back(name, quoted ? text.substr(1, end - 1) : text.substr(0, end));
        text.remove_prefix(std::min(text.size(), quoted ? end + 1 : end));
        text = http::trimmed(text);
        if (!text.empty() && text.front() != ',') return refused("malformed header");
        if (!text.empty()) text.remove_prefix(1);
    }
    return pairs;
}

/// The text that was signed (section 2.3): one line a header, none after the last.
Result<std::string> signing_text(const HttpSignature& signature, const http::Request& request) {
    std::string text;
    for (const std::string& name : signature.headers) {
        if (!text.empty()) text += '\n';
        if (name == "(request-target)") {
            text += name + ": " + http::lower_case(request.method) + " " + request.target;
            continue;
        }
        std::string values;
        bool found = false;
        for (const auto& [key, value] : request.headers) {
            if (key != name) continue;
            if (found) values += ", ";
            values += value;
            found = true;
        }
        if (!found) return refused("a signed header is missing");
        text += name + ": " + values;
    }
    return text;
}

bool covers(const HttpSignature& signature, std::string_view name) {
    return std::find(signature.headers.begin(), signature.headers.end(), name) !=
           signature.headers.end();
}

Result<void> check_digest(const http::Request& request, std::string_view body) {
    Digest sha(DigestKind::sha256);
    sha.update(body);
    const std::string expected = base64(as_text(sha.bytes()));
    std::string_view digest;
    const std::string header = request.header("digest").value_or("");
    if (http::equal_ignoring_case(std::string_view(header).substr(0, 8), "SHA-256="))
        digest = std::string_view(header).substr(8);
    if (digest != expected) return refused("the digest is not that of the body");
    return {};
}

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text) {
    std::tm parts{};
    const std::string zero_ended(text);
    const char* end = strptime(zero_ended.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0') return std::nullopt;
    return std::int64_t{timegm(&parts)} * 1000;
}

Result<HttpSignature> read_signature(const http::Request& request) {
    std::string header = request.header("authorization").value_or("");
    if (header.starts_with("Signature "))
        header.erase(0, 10);
    else
        header = request.header("signature").value_or("");
    if (header.empty()) return refused("there is no signature");
    HttpSignature signature;
    for (auto& [name, value] : TRY(read_pairs(header))) {
        if (name == "keyId")
            signature.key_id = value;
        else if (name == "algorithm")
            signature.algorithm = value;
        else if (name == "signature")
            signature.signature = value;
        else if (name == "headers") {
            std::string_view list = value;
            while (!(list = http::trimmed(list)).empty()) {
                const std::string_view one = list.substr(0, list.find(' '));
                signature.headers.push_back(http::lower_case(one));
                list.remove_prefix(one.size());
            }
        }
    }
    if (signature.headers.empty()) signature.headers = {"date"};
    return signature;
}

Result<void> verify_signature(const HttpSignature& signature, const http::Request& request,
                              std::string_view body, std::string_view key, const Clock& clock,
                              Milliseconds skew_max) {
    if (signature.algorithm != "hmac-sha256") return refused("the algorithm must be hmac-sha256");
    if (!covers(signature, "date")) return refused("the date must be signed");
    if (!body.empty() && !covers(signature, "digest")) return refused("the digest must be signed");
    const std::string text = TRY(signing_text(signature, request));
    const std::string expected = base64(as_text(hmac_sha256(as_bytes(key), text)));
    if (key.empty() || !equal_in_constant_time(expected, signature.signature))
        return refused("the signature is wrong");
    if (covers(signature, "digest")) TRY(check_digest(request, body));
    const auto date = parse_http_date(request.header("date").value_or(""));
    if (!date || std::abs(*date - clock.unix_ms()) > skew_max.count())
        return refused("the date is too far from this clock");
    return {};
}

}  // namespace stroma::front::api
