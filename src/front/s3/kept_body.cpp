#include "front/s3/kept_body.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace stroma::front::s3 {
namespace {

/// From here on a thread of its own is worth its start.
constexpr std::uint64_t lane_from_bytes = 512u << 10;
/// As much may wait to be summed up.
constexpr std::size_t lane_bytes_max = 4u << 20;

}  // namespace

/// Feeds a digest on a thread of its own.
class KeptBody::Lane {
public:
    explicit Lane(Digest& digest) : digest_(digest), thread_([this] { run(); }) {}
    ~Lane() { end(); }

    void feed(std::shared_ptr<const Bytes> bytes) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_bytes_ < lane_bytes_max; });
        waiting_bytes_ += bytes->size();
        waiting_.push_back(std::move(bytes));
        changed_.notify_all();
    }
    /// When all has been fed.
    void end() {
        {
            const std::lock_guard lock(mutex_);
            is_over_ = true;
            changed_.notify_all();
        }
        if (thread_.joinable()) thread_.join();
    }

private:
    void run() {
        for (;;) {
            std::shared_ptr<const Bytes> next;
            {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, [&] { return is_over_ || !waiting_.empty(); });
                if (waiting_.empty()) return;
                next = std::move(waiting_.front());
                waiting_.pop_front();
            }
            digest_.update(*next);
            const std::lock_guard lock(mutex_);
            waiting_bytes_ -= next->size();
            changed_.notify_all();
        }
    }

    Digest& digest_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<const Bytes>> waiting_;
    std::size_t waiting_bytes_ = 0;
    bool is_over_ = false;
    std::thread thread_;
};

KeptBody::KeptBody(bucket::Buckets& buckets, const Sums& sums, Keeps keeps)
    : buckets_(buckets), keeps_(keeps) {
    if (sums.sha256) sha256_.emplace(DigestKind::sha256);
    if (sums.checksum) checksum_.emplace(*sums.checksum);
}
KeptBody::~KeptBody() = default;

Outcome<void> KeptBody::write(Bytes bytes) {
    size_ += bytes.size();
    const auto shared = std::make_shared<const Bytes>(std::move(bytes));
    if (!lane_ && size_ >= lane_from_bytes) lane_ = std::make_unique<Lane>(md5_);
    if (lane_)
        lane_->feed(shared);
    else
        md5_.update(*shared);
    if (sha256_) sha256_->update(*shared);
    if (checksum_) checksum_->update(*shared);
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

Bytes KeptBody::md5() {
    if (lane_) lane_->end();
    return md5_.bytes();
}

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
