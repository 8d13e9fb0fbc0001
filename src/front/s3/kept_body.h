#pragma once

#include <optional>
#include <string>

#include "base/digest.h"
#include "bucket/buckets.h"
#include "front/s3/checksum.h"
#include "front/s3/md5.h"
#include "front/s3/operation.h"

namespace stroma::front::s3 {

/// Bytes of a body on their way into the store, and what they sum up to. Of larger ones MD5 is
/// worked out beside (md5.h), while the next bytes come in and are written. Memory doesn't grow
/// with the body. Used by one thread.
class KeptBody {
public:
    struct Sums {
        bool sha256 = false;
        std::optional<ChecksumKind> checksum;
        bool crc64 = false;  ///< beside the checksum
    };
    /// Few bytes as they are and more as a blob; all as a blob; only the sums.
    enum class Keeps { by_size, blob, nothing };
    KeptBody(bucket::Buckets& buckets, const Sums& sums, Keeps keeps);
    ~KeptBody();

    Outcome<void> write(Bytes bytes);
    std::uint64_t size() const { return size_; }

    // Each once, when all has been written
    Bytes md5();
    std::string sha256_hex() { return sha256_ ? sha256_->hex() : std::string(); }
    std::string checksum() { return checksum_ ? checksum_->base64() : std::string(); }
    std::string crc64() { return crc64_ ? crc64_->base64() : std::string(); }
    /// Durable.
    Outcome<bucket::Body> finish();

private:
    bucket::Buckets& buckets_;
    const Keeps keeps_;
    std::uint64_t size_ = 0;
    std::string small_;
    std::optional<bucket::BlobWriter> blob_;
    Md5 md5_;
    std::optional<Md5Beside> beside_;  ///< goes on behind md5_
    std::optional<Digest> sha256_;
    std::optional<Checksum> checksum_, crc64_;
};

}  // namespace stroma::front::s3
