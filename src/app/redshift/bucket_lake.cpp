#include "app/redshift/bucket_lake.h"

#include <fmt/format.h>

#include <cstring>
#include <deque>
#include <mutex>

#include "base/digest.h"

namespace stroma::app {
namespace {

using redshift::Address;
using redshift::LakeObject;

Error error_of_lake(const bucket::Refusal& refusal, const Address& address) {
    switch (refusal.why) {
        case bucket::Why::failed: return refusal.error;
        case bucket::Why::no_such_bucket:
            return {ErrorCode::not_found, fmt::format("there is no bucket '{}'", address.bucket)};
        default: return {ErrorCode::not_found, fmt::format("there is no object {}", address.url())};
    }
}

LakeObject object_of(const bucket::ObjectVersion& version) {
    return {{version.bucket, version.key}, version.size, version.etag, version.modified_ms};
}

class BucketReader final : public redshift::LakeReader {
public:
    BucketReader(bucket::Buckets& buckets, bucket::ObjectVersion version)
        : buckets_(buckets), version_(std::move(version)), object_(object_of(version_)) {}
    const LakeObject& object() const override { return object_; }

private:
    using Blob = std::shared_ptr<object::ObjectReader>;
    static constexpr std::size_t open_blobs_max = 4;

    Result<void> fill(std::uint64_t offset, std::span<std::byte> into) override {
        const bool is_last = offset + into.size() == version_.size;
        if (version_.body.pieces.empty()) {
            std::memcpy(into.data(), version_.body.bytes.data() + offset, into.size());
            return {};
        }
        std::uint64_t begin = 0;
        for (std::size_t at = 0; !into.empty(); begin += version_.body.pieces[at++].size) {
            const std::uint64_t end = begin + version_.body.pieces[at].size;
            if (offset >= end) continue;
            const auto count =
                static_cast<std::size_t>(std::min<std::uint64_t>(end - offset, into.size()));
            const Blob blob = TRY(blob_of(at));
            TRY(blob->read_at(offset - begin, into.first(count)));
            offset += count;
            into = into.subspan(count);
        }
        // A COPY may name more objects than a process may have open.
        const std::lock_guard lock(mutex_);
        if (is_last) open_blobs_.clear();
        return {};
    }

    // Opening one reads the checksums of all its blocks, so some stay open for the next reads.
    Result<Blob> blob_of(std::size_t piece) {
        const std::lock_guard lock(mutex_);
        for (const auto& [number, blob] : open_blobs_)
            if (number == piece) return blob;
        if (open_blobs_.size() == open_blobs_max) open_blobs_.pop_front();
        return open_blobs_.emplace_back(piece, TRY(buckets_.open_blob(version_.body.pieces[piece])))
            .second;
    }

    bucket::Buckets& buckets_;
    bucket::ObjectVersion version_;
    LakeObject object_;
    std::mutex mutex_;
    std::deque<std::pair<std::size_t, Blob>> open_blobs_;  ///< by the piece's number
};

class BucketWriter final : public redshift::LakeWriter {
public:
    BucketWriter(bucket::Buckets& buckets, bucket::BlobWriter blob, bucket::NewObject object,
                 bucket::Cause cause)
        : buckets_(buckets),
          blob_(std::move(blob)),
          object_(std::move(object)),
          cause_(std::move(cause)) {}
    Result<void> write(ByteSpan bytes) override {
        digest_.update(bytes);
        object_.size += bytes.size();
        return blob_.write(bytes);
    }
    Result<void> commit() override {
        const bucket::Piece piece = TRY(blob_.finish());
        object_.body.pieces.push_back(piece);
        object_.etag = digest_.hex();
        const Address address{object_.bucket, object_.key};
        const auto put = buckets_.put(std::move(object_), cause_);
        if (put) return {};
        buckets_.drop(piece);
        return fail(error_of_lake(put.error(), address));
    }

private:
    bucket::Buckets& buckets_;
    bucket::BlobWriter blob_;
    bucket::NewObject object_;
    bucket::Cause cause_;
    Digest digest_{DigestKind::md5};
};

class BucketLake final : public redshift::Lake {
public:
    BucketLake(bucket::Buckets& buckets, catalog::Catalog& catalog, IdSource& ids)
        : buckets_(buckets), catalog_(catalog), ids_(ids) {}

    Result<std::vector<LakeObject>> list(const catalog::Principal& principal,
                                         const Address& prefix) override {
        TRY(allow(principal, prefix, catalog::Action::read));
        std::vector<LakeObject> found;
        bucket::ListQuery query;
        query.bucket = prefix.bucket;
        query.prefix = prefix.key;
        for (;;) {
            auto page = buckets_.list(query);
            if (!page) return fail(error_of_lake(page.error(), prefix));
            for (const bucket::ObjectVersion& each : page->objects)
                found.push_back(object_of(each));
            if (!page->is_cut) return found;
            query.after = page->next_key;
        }
    }
    Result<std::unique_ptr<redshift::LakeReader>> open(const catalog::Principal& principal,
                                                       const Address& address) override {
        TRY(allow(principal, address, catalog::Action::read));
        auto version = buckets_.get(address.bucket, address.key, "", true);
        if (!version) return fail(error_of_lake(version.error(), address));
        return std::make_unique<BucketReader>(buckets_, std::move(*version));
    }
    Result<std::unique_ptr<redshift::LakeWriter>> create(const catalog::Principal& principal,
                                                         const Address& address) override {
        const bucket::Bucket into = TRY(allow(principal, address, catalog::Action::change));
        bucket::NewObject object;
        object.bucket = address.bucket;
        object.key = address.key;
        object.owner = into.owner;
        object.attributes = R"({"headers":{"Content-Type":"application/octet-stream"}})";
        return std::make_unique<BucketWriter>(buckets_, TRY(buckets_.begin_blob()),
                                              std::move(object), cause(principal));
    }
    Result<void> remove(const catalog::Principal& principal, const Address& address) override {
        TRY(allow(principal, address, catalog::Action::remove));
        const auto removed =
            buckets_.remove_object(address.bucket, address.key, "", {}, cause(principal));
        if (!removed) return fail(error_of_lake(removed.error(), address));
        return {};
    }

private:
    Result<bucket::Bucket> allow(const catalog::Principal& principal, const Address& address,
                                 catalog::Action action) {
        auto found = buckets_.find(address.bucket);
        if (!found) return fail(error_of_lake(found.error(), address));
        const bool may = TRY(catalog_.may(principal, action,
                                          {catalog::ThingKind::bucket, found->name, found->owner}));
        if (!may)
            return fail(
                ErrorCode::denied,
                fmt::format("S3ServiceException: Access Denied, bucket '{}'", address.bucket));
        return std::move(*found);
    }
    bucket::Cause cause(const catalog::Principal& principal) {
        return {.principal = principal.id, .address = "", .request_id = ids_.uuid()};
    }

    bucket::Buckets& buckets_;
    catalog::Catalog& catalog_;
    IdSource& ids_;
};

}  // namespace

std::shared_ptr<redshift::Lake> bucket_lake(bucket::Buckets& buckets, catalog::Catalog& catalog,
                                            IdSource& ids) {
    return std::make_shared<BucketLake>(buckets, catalog, ids);
}

}  // namespace stroma::app
