#include "front/postgres/scram.h"

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/digest.h"

namespace stroma::front::postgres {
namespace {

std::string base64_of(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::optional<std::string> bytes_of(std::string_view base64) {
    if (base64.empty() || base64.size() % 4 != 0 || base64.size() > 4096) return std::nullopt;
    std::string bytes(base64.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(base64.data()),
                                     static_cast<int>(base64.size()));
    if (size < 0) return std::nullopt;
    const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

std::string hmac(std::string_view key, std::string_view text) {
    return std::string(as_text(hmac_sha256(as_bytes(key), text)));
}
std::string sha256(std::string_view text) {
    Digest digest(DigestKind::sha256);
    digest.update(text);
    return std::string(as_text(digest.bytes()));
}

std::string salted(std::string_view password, std::string_view salt, int rounds) {
    std::string key(32, '\0');
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                      reinterpret_cast<const unsigned char*>(salt.data()),
                      static_cast<int>(salt.size()), rounds, EVP_sha256(), 32,
                      reinterpret_cast<unsigned char*>(key.data()));
    return key;
}

/// The value of "x=value" at the front, up to the next comma, which goes too.
std::optional<std::string_view> taken(std::string_view& message, char name) {
    if (message.size() < 2 || message[0] != name || message[1] != '=') return std::nullopt;
    const std::size_t end = message.find(',');
    const std::string_view value = message.substr(2, end == message.npos ? end : end - 2);
    message.remove_prefix(end == message.npos ? message.size() : end + 1);
    return value;
}

tl::unexpected<Error> malformed(std::string_view what) {
    return fail(ErrorCode::invalid_input, "malformed SCRAM message: " + std::string(what));
}

}  // namespace

ScramServer::ScramServer(std::string user, std::string salt, int rounds,
                         std::vector<std::string> secrets, std::string nonce, std::string binding)
    : user_(std::move(user)),
      salt_(std::move(salt)),
      rounds_(rounds),
      secrets_(std::move(secrets)),
      nonce_(std::move(nonce)),
      binding_(std::move(binding)) {}

Result<std::string> ScramServer::first(std::string_view mechanism, std::string_view message) {
    const bool plus = mechanism == "SCRAM-SHA-256-PLUS";
    if (!plus && mechanism != "SCRAM-SHA-256")
        return fail(ErrorCode::invalid_input, "that SASL mechanism isn't offered");
    if (plus && binding_.empty())
        return fail(ErrorCode::invalid_input, "channel binding needs TLS");
    // The header: how the channel is bound, and on whose behalf (nobody's).
    const std::size_t comma = message.find(',');
    if (comma == message.npos || comma + 1 >= message.size() || message[comma + 1] != ',')
        return malformed("no header");
    const std::string_view flag = message.substr(0, comma);
    const bool binds = flag == "p=tls-server-end-point";
    if (binds != plus) return malformed("its channel binding isn't its mechanism's");
    if (!binds && flag != "n" && flag != "y") return malformed("unknown channel binding");
    // "y" says: I could bind, but you can't. Where we offered it somebody in between took it away.
    if (flag == "y" && !binding_.empty()) return malformed("channel binding was offered");
    header_ = std::string(message.substr(0, comma + 2));
    std::string_view bare = message.substr(comma + 2);
    client_first_ = std::string(bare);
    if (!taken(bare, 'n')) return malformed("no user");  // PostgreSQL takes the startup's user
    const auto client_nonce = taken(bare, 'r');
    if (!client_nonce || client_nonce->empty()) return malformed("no nonce");
    nonce_ = std::string(*client_nonce) + nonce_;
    server_first_ = "r=" + nonce_ + ",s=" + base64_of(salt_) + ",i=" + std::to_string(rounds_);
    return server_first_;
}

Result<std::string> ScramServer::last(std::string_view message) {
    const std::size_t proof_begin = message.rfind(",p=");
    if (proof_begin == message.npos || server_first_.empty()) return malformed("no proof");
    const std::string_view without_proof = message.substr(0, proof_begin);
    const auto proof = bytes_of(message.substr(proof_begin + 3));
    std::string_view fields = without_proof;
    const auto channel = taken(fields, 'c');
    const auto nonce = taken(fields, 'r');
    if (!channel || !nonce || !proof || proof->size() != 32) return malformed("a field is missing");
    const bool binds = header_.starts_with("p=");
    if (*channel != base64_of(header_ + (binds ? binding_ : "")))
        return malformed("the channel's binding doesn't check out");
    if (!equal_in_constant_time(*nonce, nonce_)) return malformed("another exchange's nonce");
    const std::string signed_text =
        client_first_ + "," + server_first_ + "," + std::string(without_proof);
    for (const std::string& secret : secrets_) {
        const std::string key = salted(secret, salt_, rounds_);
        const std::string stored = sha256(hmac(key, "Client Key"));
        std::string client_key = hmac(stored, signed_text);
        for (std::size_t i = 0; i < client_key.size(); ++i) client_key[i] ^= (*proof)[i];
        if (equal_in_constant_time(sha256(client_key), stored))
            return "v=" + base64_of(hmac(hmac(key, "Server Key"), signed_text));
    }
    return fail(ErrorCode::denied, "password authentication failed for user \"" + user_ + "\"");
}

}  // namespace stroma::front::postgres
