#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace stroma::front::s3 {

enum class ChecksumKind { crc32, crc32c, crc64nvme, sha1, sha256 };

/// "CRC32", and the header "x-amz-checksum-crc32".
std::string_view name_of(ChecksumKind kind);
std::string header_of(ChecksumKind kind);
std::optional<ChecksumKind> checksum_named(std::string_view name);
/// Of the checksum itself: 4, 8, 20 or 32.
std::size_t bytes_of(ChecksumKind kind);

/// One of the checksums that S3 knows, fed in pieces.
class Checksum {
public:
    explicit Checksum(ChecksumKind kind);
    ~Checksum();
    Checksum(Checksum&&) noexcept;
    void update(ByteSpan bytes);
    /// As S3 writes it: base64 of the big-endian bytes. Ends it.
    std::string base64();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// What was fed one behind the other: a checksum as `base64` writes it, and of how many bytes.
struct PartChecksum {
    std::string base64;
    std::uint64_t bytes = 0;
};
/// That of all of them, without their bytes; "" of kinds that can't be put together so.
std::string joined_checksum(ChecksumKind kind, const std::vector<PartChecksum>& parts);

}  // namespace stroma::front::s3
