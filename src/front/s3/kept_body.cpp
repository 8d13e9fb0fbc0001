#include "front/s3/kept_body.h"

#include <utility>

namespace stroma::front::s3 {
namespace {

/// From here on MD5 is worked out beside.
constexpr std::uint64_t beside_from_bytes = 512u << 10;

}  // namespace

KeptBody::KeptBody(bucket::Buckets& buckets, const Sums& sums, Keeps keeps)
    : buckets_(buckets), keeps_(keeps) {
    if (sums.sha256) sha256_.emplace(DigestKind::sha256);
    if (sums.checksum) checksum_.emplace(*sums.checksum);
    if (sums.crc64) crc64_.emplace(ChecksumKind::crc64nvme);
}
KeptBody::~KeptBody() = default;

Outcome<void> KeptBody::write(Bytes bytes) {
    size_ += bytes.size();
    const auto shared = std::make_shared<const Bytes>(std::move(bytes));
    if (!beside_ && size_ >= beside_from_bytes) beside_.emplace(md5_);
    if (beside_)
        beside_->feed(shared);
    else
        md5_.update(*shared);
    if (sha256_) sha256_->update(*shared);
    if (checksum_) checksum_->update(*shared);
    if (crc64_) crc64_->update(*shared);
    if (keeps_ == Keeps::nothing) return {};
    if (!blob_ && keeps_ == Keeps::by_size &&
        small_.size() + shared->size() <= bucket::Buckets::small_bytes_max) {
        small_ += as_text(*shared);
        return {};
    }
    if (!blob_) {
        blob_ = *S3_TRY(buckets_.begin_blob());
        S3_TRY(blob_->write(as_bytes(small_)));
        small_.clear();
    }
    S3_TRY(blob_->write(*shared));
    return {};
}

Bytes KeptBody::md5() { return beside_ ? beside_->finish() : md5_.finish(); }

Outcome<bucket::Body> KeptBody::finish() {
    bucket::Body body;
    if (!blob_ && keeps_ == Keeps::blob) blob_ = *S3_TRY(buckets_.begin_blob());
    if (blob_)
        body.pieces.push_back(*S3_TRY(blob_->finish()));
    else
        body.bytes = std::move(small_);
    return body;
}

}  // namespace stroma::front::s3
