#include "account/secret_box.h"

#include <sodium.h>

#include "base/bytes.h"

namespace stroma::account {
namespace {

constexpr std::size_t nonce_bytes = crypto_secretbox_NONCEBYTES;
constexpr std::size_t mac_bytes = crypto_secretbox_MACBYTES;

const unsigned char* raw(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    randombytes_buf(bytes.data(), count);
    return bytes;
}

}  // namespace

SecretBox::SecretBox(fs::path key_file, std::function<Result<bool>()> in_use)
    : key_file_(std::move(key_file)), in_use_(std::move(in_use)) {}

Result<std::string> SecretBox::key(bool is_made_when_absent) {
    const std::lock_guard lock(mutex_);
    if (!key_.empty()) return key_;
    if (sodium_init() < 0) return fail(ErrorCode::unavailable, "libsodium can't be used here");
    if (fs::exists(key_file_)) {
        std::string kept = TRY(read_file(key_file_, crypto_secretbox_KEYBYTES));
        if (kept.size() != crypto_secretbox_KEYBYTES)
            return fail(ErrorCode::unavailable,
                        key_file_.string() +
                            " is damaged: it must have 32 bytes; put it back from a backup");
        return key_ = std::move(kept);
    }
    if (!is_made_when_absent || TRY(in_use_()))
        return fail(ErrorCode::unavailable, key_file_.string() +
                                                " is gone, and secrets are encrypted under it: put "
                                                "it back from a backup");
    std::string made = random_bytes(crypto_secretbox_KEYBYTES);
    TRY(replace_file(key_file_, as_bytes(made)));
    return key_ = std::move(made);
}

Result<std::string> SecretBox::seal(std::string_view text) {
    const std::string key = TRY(this->key(true));
    const std::string nonce = random_bytes(nonce_bytes);
    std::string box(text.size() + mac_bytes, '\0');
    crypto_secretbox_easy(raw(box), raw(text), text.size(), raw(nonce), raw(key));
    return to_hex(as_bytes(nonce + box));
}

Result<std::string> SecretBox::open(std::string_view sealed) {
    const std::string key = TRY(this->key(false));
    std::string kept(sealed.size() / 2, '\0');
    std::size_t size = 0;
    if (sodium_hex2bin(raw(kept), kept.size(), sealed.data(), sealed.size(), nullptr, &size,
                       nullptr) != 0 ||
        size != kept.size() || size < nonce_bytes + mac_bytes)
        return fail(ErrorCode::corrupt, "a secret is damaged: it isn't what was encrypted");
    const std::string_view box = std::string_view(kept).substr(nonce_bytes);
    std::string text(box.size() - mac_bytes, '\0');
    if (crypto_secretbox_open_easy(raw(text), raw(box), box.size(), raw(kept), raw(key)) != 0)
        return fail(ErrorCode::corrupt, "a secret can't be decrypted: " + key_file_.string() +
                                            " isn't the key that it was encrypted under");
    return text;
}

}  // namespace stroma::account
