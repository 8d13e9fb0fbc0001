#include "account/id_token.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>

#include "base/json.h"

// Tokens are made here with keys of the test's own, then bent in every way that has ever fooled
// somebody.

namespace stroma::account {
namespace {

constexpr std::int64_t now = 1'800'000'000;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bytes number_of(const Key& key, const char* name, int width) {
    BIGNUM* number = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(key.get(), name, &number), 1);
    Bytes bytes(static_cast<std::size_t>(width > 0 ? width : BN_num_bytes(number)));
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                 static_cast<int>(bytes.size()));
    BN_free(number);
    return bytes;
}

Json rsa_jwk(const Key& key) {
    return {{"kty", "RSA"},
            {"kid", "r"},
            {"use", "sig"},
            {"n", base64url(number_of(key, OSSL_PKEY_PARAM_RSA_N, 0))},
            {"e", base64url(number_of(key, OSSL_PKEY_PARAM_RSA_E, 0))}};
}

Json ec_jwk(const Key& key) {
    return {{"kty", "EC"},
            {"kid", "e"},
            {"crv", "P-256"},
            {"x", base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, 32))},
            {"y", base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32))}};
}

Bytes signature_of(const Key& key, const std::string& text) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    EVP_DigestSign(context.get(), nullptr, &size, data, text.size());
    Bytes signature(size);
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                   text.size());
    signature.resize(size);
    if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC) return signature;
    const auto* der = reinterpret_cast<const unsigned char*>(signature.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
    Bytes raw(64);
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
    ECDSA_SIG_free(pair);
    return raw;
}

class IdToken : public ::testing::Test {
protected:
    Json head = {{"alg", "RS256"}, {"kid", "r"}};
    Json claims = {{"iss", "https://login.example"},
                   {"sub", "u1"},
                   {"aud", "stroma"},
                   {"exp", now + 300},
                   {"iat", now - 10},
                   {"nonce", "n1"}};
    std::string token_by(const Key& key) const {
        const std::string text =
            base64url(as_bytes(head.dump())) + "." + base64url(as_bytes(claims.dump()));
        return text + "." + base64url(signature_of(key, text));
    }
    Result<std::string> check(const std::string& token) const {
        return check_id_token(token, keys.dump(),
                              {"https://login.example", "stroma", "n1", now, 60});
    }
    bool is_good() const { return check(token_by(rsa)).has_value(); }

    static inline const Key rsa{EVP_RSA_gen(2048), EVP_PKEY_free};
    static inline const Key other_rsa{EVP_RSA_gen(2048), EVP_PKEY_free};
    static inline const Key short_rsa{EVP_RSA_gen(1024), EVP_PKEY_free};
    static inline const Key ec{EVP_EC_gen("P-256"), EVP_PKEY_free};
    Json keys = {{"keys", Json::array({rsa_jwk(rsa), ec_jwk(ec)})}};
};

TEST_F(IdToken, Rs256AndEs256TokensOfTheProvidersKeysAreBelieved) {
    const auto checked = check(token_by(rsa));
    ASSERT_TRUE(checked) << checked.error().message;
    EXPECT_EQ(parse_json(*checked)->at("sub"), "u1");
    head = {{"alg", "ES256"}, {"kid", "e"}};
    EXPECT_TRUE(check(token_by(ec)));
    head = {{"alg", "ES256"}};  // the one key of its kind
    EXPECT_TRUE(check(token_by(ec)));
}

TEST_F(IdToken, AnotherKeysSignatureIsRefused) {
    EXPECT_EQ(check(token_by(other_rsa)).error().code, ErrorCode::denied);
    std::string token = token_by(rsa);
    token[token.find('.') + 5] ^= 1;  // a claim changed afterwards
    EXPECT_FALSE(check(token));
    token = token_by(rsa);
    EXPECT_FALSE(check(token.substr(0, token.rfind('.') + 1)));
    EXPECT_FALSE(check(token.substr(0, token.rfind('.'))));
    EXPECT_FALSE(check(""));
    EXPECT_FALSE(check(token + ".x"));
}

TEST_F(IdToken, NoneHmacAndUnknownExtensionsAreRefused) {
    for (const char* algorithm : {"none", "None", "HS256", "RS384", "PS256", ""}) {
        head["alg"] = algorithm;
        EXPECT_EQ(check(token_by(rsa)).error().code, ErrorCode::denied) << algorithm;
    }
    head = {{"alg", "RS256"}, {"kid", "r"}, {"crit", {"x"}}};
    EXPECT_FALSE(is_good());
    head = {{"alg", "ES256"}, {"kid", "r"}};  // of another kind than the key
    EXPECT_FALSE(is_good());
}

TEST_F(IdToken, AKeyThatTheSetLacksIsToldApartSoThatTheSetIsReadAgain) {
    head["kid"] = "new";
    EXPECT_EQ(check(token_by(rsa)).error().code, ErrorCode::not_found);
    keys["keys"][0]["use"] = "enc";
    head["kid"] = "r";
    EXPECT_EQ(check(token_by(rsa)).error().code, ErrorCode::not_found);
}

TEST_F(IdToken, AShortKeyIsNoGood) {
    keys["keys"][0] = rsa_jwk(short_rsa);
    EXPECT_EQ(check(token_by(short_rsa)).error().code, ErrorCode::denied);
}

TEST_F(IdToken, IssuerAudienceAndNonceAreTheOnesThatWereAsked) {
    const Json whole = claims;
    const std::pair<const char*, Json> wrong[] = {{"iss", "https://login.example/"},
                                                  {"aud", "another"},
                                                  {"aud", Json::array({"another"})},
                                                  {"aud", Json::array({"stroma", "another"})},
                                                  {"azp", "another"},
                                                  {"nonce", "n2"},
                                                  {"sub", ""},
                                                  {"sub", 7}};
    for (const auto& [name, value] : wrong) {
        claims = whole;
        claims[name] = value;
        EXPECT_FALSE(is_good()) << name << " " << value;
    }
    for (const char* name : {"iss", "aud", "nonce", "sub", "exp", "iat"}) {
        claims = whole;
        claims.erase(name);
        EXPECT_FALSE(is_good()) << "without " << name;
    }
    claims = whole;
    claims["aud"] = Json::array({"stroma", "another"});
    claims["azp"] = "stroma";
    EXPECT_TRUE(is_good());
}

TEST_F(IdToken, ItsTimesHoldWithAMinuteForTheClocks) {
    const Json whole = claims;
    const auto with = [&](const char* name, std::int64_t seconds) {
        claims = whole;
        claims[name] = now + seconds;
        return is_good();
    };
    EXPECT_TRUE(with("exp", -59));
    EXPECT_FALSE(with("exp", -60));
    EXPECT_TRUE(with("iat", 60));
    EXPECT_FALSE(with("iat", 61));
    EXPECT_TRUE(with("nbf", 60));
    EXPECT_FALSE(with("nbf", 61));
    EXPECT_TRUE(with("iat", -660));
    EXPECT_FALSE(with("iat", -661));
}

}  // namespace
}  // namespace stroma::account
