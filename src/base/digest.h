#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace stroma {

/// XXH3 of the bytes, 64 bits. The seed says *where* the bytes belong, so that a right block in
/// the wrong place fails its check. Not for secrets.
std::uint64_t checksum64(ByteSpan bytes, std::uint64_t seed = 0);

/// XXH3, 128 bits, as 32 hexadecimal digits, fed in pieces: the identity of an object's bytes.
class ContentHash {
public:
    ContentHash();
    ~ContentHash();
    ContentHash(ContentHash&&) noexcept;
    void update(ByteSpan bytes);
    std::string hex() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

enum class DigestKind { md5, sha1, sha256 };

/// A digest of the published kinds, fed in pieces. `hex` or `bytes` ends it.
class Digest {
public:
    explicit Digest(DigestKind kind);
    ~Digest();
    Digest(Digest&&) noexcept;
    void update(ByteSpan bytes);
    void update(std::string_view text) { update(as_bytes(text)); }
    Bytes bytes();
    std::string hex() { return to_hex(bytes()); }

private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string md5_hex(std::string_view text);
std::string sha256_hex(std::string_view text);
Bytes hmac_sha256(ByteSpan key, std::string_view text);
/// Whether two secrets are equal, in time that doesn't tell where they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace stroma
