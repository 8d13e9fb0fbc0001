#include "account/id_token.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/digest.h"
#include "base/json.h"

namespace stroma::account {
namespace {

constexpr std::size_t token_bytes_max = 16u << 10;
constexpr int rsa_bits_min = 2048;
constexpr std::size_t coordinate_bytes = 32;
constexpr std::int64_t age_seconds_max = 600;
constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

tl::unexpected<Error> refused(std::string_view why) {
    return fail(ErrorCode::denied, "the provider's ID token is refused: " + std::string(why));
}

std::optional<Bytes> from_base64url(std::string_view text) {
    Bytes bytes;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::size_t digit = digits.find(c);
        if (digit == digits.npos) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes.push_back(static_cast<std::byte>(bits >> count & 0xff));
    }
    if (count >= 6 || (bits & ((1u << count) - 1)) != 0) return std::nullopt;
    return bytes;
}

std::string text_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<Bytes> bytes_of(const Json& object, const char* name) {
    const std::string text = text_of(object, name);
    if (text.empty()) return std::nullopt;
    return from_base64url(text);
}

const unsigned char* data_of(ByteSpan bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

Key key_from(const char* type, OSSL_PARAM_BLD* builder) {
    const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parameters(
        OSSL_PARAM_BLD_to_param(builder), OSSL_PARAM_free);
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
        EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), EVP_PKEY_CTX_free);
    EVP_PKEY* key = nullptr;
    if (parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1)
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
    return {key, EVP_PKEY_free};
}

using Builder = std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)>;

Key rsa_key(const Json& jwk) {
    const auto modulus = bytes_of(jwk, "n"), exponent = bytes_of(jwk, "e");
    if (!modulus || !exponent) return {nullptr, EVP_PKEY_free};
    const Number n(BN_bin2bn(data_of(*modulus), static_cast<int>(modulus->size()), nullptr),
                   BN_free);
    const Number e(BN_bin2bn(data_of(*exponent), static_cast<int>(exponent->size()), nullptr),
                   BN_free);
    const Builder builder(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    Key key = key_from("RSA", builder.get());
    if (key && EVP_PKEY_get_bits(key.get()) < rsa_bits_min) key.reset();
    return key;
}

Key ec_key(const Json& jwk) {
    const auto x = bytes_of(jwk, "x"), y = bytes_of(jwk, "y");
    if (text_of(jwk, "crv") != "P-256" || !x || !y || x->size() != coordinate_bytes ||
        y->size() != coordinate_bytes)
        return {nullptr, EVP_PKEY_free};
    Bytes point{std::byte{4}};  // uncompressed
    point.insert(point.end(), x->begin(), x->end());
    point.insert(point.end(), y->begin(), y->end());
    const Builder builder(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free);
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    return key_from("EC", builder.get());
}

/// r and s of a JWS behind each other → the DER that OpenSSL takes.
std::optional<Bytes> der_signature(const Bytes& raw) {
    if (raw.size() != 2 * coordinate_bytes) return std::nullopt;
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(ECDSA_SIG_new(),
                                                                          ECDSA_SIG_free);
    const int half = static_cast<int>(coordinate_bytes);
    BIGNUM* r = BN_bin2bn(data_of(raw), half, nullptr);
    BIGNUM* s = BN_bin2bn(data_of(raw) + half, half, nullptr);
    if (ECDSA_SIG_set0(signature.get(), r, s) != 1) return std::nullopt;
    unsigned char* der = nullptr;
    const int length = i2d_ECDSA_SIG(signature.get(), &der);
    if (length <= 0) return std::nullopt;
    const auto* begin = reinterpret_cast<const std::byte*>(der);
    Bytes bytes(begin, begin + length);
    OPENSSL_free(der);
    return bytes;
}

bool is_signed(EVP_PKEY* key, std::string_view text, const Bytes& signature) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), data_of(signature), signature.size(),
                            data_of(as_bytes(text)), text.size()) == 1;
}

/// The key of the set that the token's head names; null when there is none.
const Json* find_key(const Json& set, std::string_view algorithm, const std::string& id) {
    const auto keys = set.find("keys");
    if (keys == set.end() || !keys->is_array()) return nullptr;
    const std::string_view type = algorithm == "RS256" ? "RSA" : "EC";
    const Json* found = nullptr;
    for (const Json& key : *keys) {
        if (!key.is_object() || text_of(key, "kty") != type) continue;
        if (const std::string use = text_of(key, "use"); !use.empty() && use != "sig") continue;
        if (const std::string its = text_of(key, "alg"); !its.empty() && its != algorithm) continue;
        if (!id.empty() && text_of(key, "kid") != id) continue;
        if (found != nullptr) return nullptr;  // which of them isn't said
        found = &key;
    }
    return found;
}

bool is_for(const Json& claims, const std::string& client) {
    const auto audience = claims.find("aud");
    if (audience == claims.end()) return false;
    const std::string party = text_of(claims, "azp");
    if (!party.empty() && party != client) return false;
    if (audience->is_string()) return *audience == client;
    if (!audience->is_array()) return false;
    const bool named = std::any_of(audience->begin(), audience->end(),
                                   [&](const Json& each) { return each == client; });
    return named && (audience->size() == 1 || party == client);
}

Result<void> check_claims(const Json& claims, const TokenExpectation& expected) {
    const auto seconds = [&](const char* name) -> std::optional<double> {
        const auto found = claims.find(name);
        if (found == claims.end() || !found->is_number()) return std::nullopt;
        return found->get<double>();
    };
    const auto now = static_cast<double>(expected.now_seconds);
    const auto skew = static_cast<double>(expected.skew_seconds);
    if (text_of(claims, "iss") != expected.issuer) return refused("it is of another issuer");
    if (!is_for(claims, expected.client_id)) return refused("it is for another client");
    if (!equal_in_constant_time(text_of(claims, "nonce"), expected.nonce))
        return refused("it answers another sign-in");
    const auto expires = seconds("exp"), issued = seconds("iat"), begins = seconds("nbf");
    if (!expires || *expires <= now - skew) return refused("it has expired");
    if (!issued || *issued > now + skew) return refused("it was issued in the future");
    if (*issued < now - age_seconds_max - skew) return refused("it is old");
    if (begins && *begins > now + skew) return refused("it isn't valid yet");
    const std::string subject = text_of(claims, "sub");
    if (subject.empty() || subject.size() > 255) return refused("it names nobody");
    return {};
}

Result<Json> json_part(std::string_view part) {
    const auto bytes = from_base64url(part);
    if (!bytes) return refused("it isn't base64");
    auto json = parse_json(as_text(*bytes));
    if (!json || !json->is_object()) return refused("it isn't JSON");
    return json;
}

}  // namespace

std::string base64url(ByteSpan bytes) {
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const std::byte byte : bytes) {
        bits = bits << 8 | static_cast<std::uint32_t>(byte);
        for (count += 8; count >= 6;) {
            count -= 6;
            text += digits[bits >> count & 63];
        }
    }
    if (count > 0) text += digits[bits << (6 - count) & 63];
    return text;
}

Result<std::string> check_id_token(std::string_view token, std::string_view key_set,
                                   const TokenExpectation& expectation) {
    const std::size_t first = token.find('.'), last = token.rfind('.');
    if (token.size() > token_bytes_max || first == token.npos || first == last ||
        token.find('.', first + 1) != last)
        return refused("it isn't three parts");
    const Json head = TRY(json_part(token.substr(0, first)));
    const std::string algorithm = text_of(head, "alg");
    if (algorithm != "RS256" && algorithm != "ES256")
        return refused("its signature is neither RS256 nor ES256");
    if (head.contains("crit")) return refused("it has extensions that aren't known here");
    const Json set = TRY(parse_json(key_set));
    const Json* jwk = find_key(set, algorithm, text_of(head, "kid"));
    if (jwk == nullptr)
        return fail(ErrorCode::not_found, "the provider's keys have none for its ID token");
    const Key key = algorithm == "RS256" ? rsa_key(*jwk) : ec_key(*jwk);
    if (!key) return refused("its key is no good");
    auto signature = from_base64url(token.substr(last + 1));
    if (signature && algorithm == "ES256") signature = der_signature(*signature);
    if (!signature || !is_signed(key.get(), token.substr(0, last), *signature))
        return refused("its signature is wrong");
    const Json claims = TRY(json_part(token.substr(first + 1, last - first - 1)));
    TRY(check_claims(claims, expectation));
    return claims.dump();
}

}  // namespace stroma::account
