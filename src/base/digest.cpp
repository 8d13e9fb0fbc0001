#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include <array>
#include <cassert>
#include <span>

namespace stroma {

std::uint64_t checksum64(ByteSpan bytes, std::uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct ContentHash::State {
    XXH3_state_t* xxh = XXH3_createState();
    ~State() { XXH3_freeState(xxh); }
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) { XXH3_128bits_reset(state_->xxh); }
ContentHash::~ContentHash() = default;
ContentHash::ContentHash(ContentHash&&) noexcept = default;

void ContentHash::update(ByteSpan bytes) {
    XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

std::string ContentHash::hex() const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh));
    return to_hex(std::as_bytes(std::span(canonical.digest)));
}

struct Digest::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
};

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>()) {
    const EVP_MD* algorithm = kind == DigestKind::md5    ? EVP_md5()
                              : kind == DigestKind::sha1 ? EVP_sha1()
                                                         : EVP_sha256();
    const int started = EVP_DigestInit_ex(state_->context, algorithm, nullptr);
    assert(started == 1);
    (void)started;
}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;

void Digest::update(ByteSpan bytes) {
    EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

Bytes Digest::bytes() {
    Bytes digest(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()), &size);
    digest.resize(size);
    return digest;
}

std::string md5_hex(std::string_view text) {
    // Asked for each cell of a dataset: looking the algorithm up anew takes most of the time.
    static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "MD5", nullptr);
    thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
        EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::array<std::byte, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    const bool done =
        EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1 &&
        EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
        EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), &size) ==
            1;
    assert(done);
    (void)done;
    return to_hex(std::span(digest).first(size));
}

std::string sha256_hex(std::string_view text) {
    Digest digest(DigestKind::sha256);
    digest.update(text);
    return digest.hex();
}

Bytes hmac_sha256(ByteSpan key, std::string_view text) {
    Bytes code(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(code.data()), &size);
    code.resize(size);
    return code;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace stroma
