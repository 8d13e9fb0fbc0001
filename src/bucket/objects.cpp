#include <fmt/format.h>

#include "bucket/buckets.h"
#include "bucket/rows.h"

// Versions of keys: putting, getting, removing.

namespace stroma::bucket {
namespace {

bool holds(const Condition& condition, const std::optional<ObjectVersion>& current) {
    const bool is_there = current && !current->is_marker;
    if (condition.if_absent && is_there) return false;
    if (condition.unless_etag && is_there && *condition.unless_etag == current->etag) return false;
    if (!condition.if_etag) return true;
    return is_there && (*condition.if_etag == "*" || *condition.if_etag == current->etag);
}

/// What a key without kept versions has: a put or a marker takes its place.
Result<void> make_room(sql::Connection& connection, const Bucket& bucket, std::string_view key,
                       const std::optional<ObjectVersion>& latest,
                       std::vector<std::string>& dropped) {
    const bool keeps = bucket.versioning == "Enabled";
    if (!keeps) {
        auto null_one = latest && latest->version == null_version ? latest
                        : bucket.versioning.empty()
                            ? std::nullopt
                            : TRY(version_row(connection, bucket.name, key, null_version));
        if (null_one) {
            TRY(delete_version(connection, *null_one, dropped));
            if (latest && latest->sequence == null_one->sequence) return {};
        }
    }
    if (latest) TRY(set_latest(connection, *latest, false));
    return {};
}

}  // namespace

Outcome<void> Buckets::put_in(sql::Connection& connection, NewObject& object, ObjectVersion& made,
                              const Cause& cause, std::vector<std::string>& dropped) {
    const auto bucket = TRY(bucket_row(connection, object.bucket));
    if (!bucket) return refuse(Why::no_such_bucket);
    const auto latest = TRY(latest_row(connection, object.bucket, object.key));
    if (!holds(object.condition, latest))
        return refuse(object.condition.if_etag && (!latest || latest->is_marker)
                          ? Why::no_such_key
                          : Why::condition_failed);
    // What is copied may have been removed since it was looked up.
    if (object.kind == ChangeKind::copied)
        for (const Piece& piece : object.body.pieces) {
            const auto rows =
                TRY(connection.execute("SELECT 1 FROM blobs WHERE id = ?", {piece.blob}));
            if (!TRY(rows->next())) return refuse(Why::no_such_key);
        }
    // The new one counts its blobs before the old one lets go of the same.
    for (const Piece& piece : object.body.pieces) TRY(use_blob(connection, piece.blob));
    TRY(make_room(connection, *bucket, object.key, latest, dropped));
    made = ObjectVersion{};
    made.bucket = object.bucket;
    made.key = object.key;
    made.sequence = next_sequence();
    made.version = bucket->versioning == "Enabled" ? ids_.secret(16) : null_version;
    made.size = object.size;
    made.etag = object.etag;
    made.modified_ms = clock_.unix_ms();
    made.owner = object.owner;
    made.attributes = object.attributes;
    made.tags = object.tags;
    made.body = object.body;
    made.storage_class = object.storage_class;
    TRY(insert_version(connection, made));
    TRY(tell(connection, {object.kind, *bucket, made, cause}));
    return {};
}

Outcome<ObjectVersion> Buckets::put(NewObject object, const Cause& cause) {
    TRY(object::check_key(object.key));
    ObjectVersion made;
    std::vector<std::string> dropped;
    const auto done = change([&](sql::Connection& connection) -> Outcome<void> {
        dropped.clear();
        return put_in(connection, object, made, cause, dropped);
    });
    if (!done) return tl::unexpected<Refusal>(done.error());
    drop_blobs(dropped);
    return made;
}

Outcome<ObjectVersion> Buckets::get(std::string_view bucket, std::string_view key,
                                    std::string_view version, bool with_body) {
    const auto connection = TRY(pool_.take());
    auto found = version.empty() ? TRY(latest_row(*connection, bucket, key, with_body))
                                 : TRY(version_row(*connection, bucket, key, version, with_body));
    if (!found) {
        if (!TRY(bucket_row(*connection, bucket))) return refuse(Why::no_such_bucket);
        return refuse(version.empty() ? Why::no_such_key : Why::no_such_version);
    }
    if (is_archive(found->storage_class) && found->restored_until_ms > clock_.unix_ms())
        found->body = {"", found->restored};
    if (found->is_marker) {
        Refusal marker(version.empty() ? Why::no_such_key : Why::is_marker);
        marker.version = found->version;
        return tl::unexpected<Refusal>(std::move(marker));
    }
    return *std::move(found);
}

Outcome<Removal> Buckets::remove_in(sql::Connection& connection, const Bucket& bucket,
                                    std::string_view key, std::string_view version,
                                    const Condition& condition, const Cause& cause,
                                    std::vector<std::string>& dropped) {
    const ChangeKind removed = cause.by_lifecycle ? ChangeKind::expired : ChangeKind::removed;
    const auto latest = TRY(latest_row(connection, bucket.name, key));
    if (!version.empty()) {
        const auto found = TRY(version_row(connection, bucket.name, key, version));
        if (!found) return Removal{std::string(version), false};
        if (!holds(condition, found)) return refuse(Why::condition_failed);
        TRY(delete_version(connection, *found, dropped));
        if (found->is_latest) {
            const auto rows = TRY(
                connection.execute("SELECT max(sequence) FROM objects WHERE bucket = ? AND key = ?",
                                   {bucket.name, std::string(key)}));
            if (TRY(rows->next()) && !rows->is_null(0)) {
                ObjectVersion next = *found;
                next.sequence = rows->integer(0);
                TRY(set_latest(connection, next, true));
            }
        }
        TRY(tell(connection, {removed, bucket, *found, cause}));
        return Removal{found->version, found->is_marker};
    }
    if (condition.if_etag && (!latest || latest->is_marker)) return refuse(Why::no_such_key);
    if (!holds(condition, latest)) return refuse(Why::condition_failed);
    if (bucket.versioning.empty()) {
        if (!latest) return Removal{};
        TRY(delete_version(connection, *latest, dropped));
        ObjectVersion gone = *latest;
        gone.sequence = next_sequence();
        TRY(tell(connection, {removed, bucket, gone, cause}));
        return Removal{};
    }
    TRY(make_room(connection, bucket, key, latest, dropped));
    ObjectVersion marker;
    marker.bucket = bucket.name;
    marker.key = key;
    marker.sequence = next_sequence();
    marker.version = bucket.versioning == "Enabled" ? ids_.secret(16) : null_version;
    marker.is_marker = true;
    marker.modified_ms = clock_.unix_ms();
    marker.owner = bucket.owner;
    marker.attributes = "{}";
    TRY(insert_version(connection, marker));
    TRY(tell(connection, {cause.by_lifecycle ? ChangeKind::expired_marked : ChangeKind::marked,
                          bucket, marker, cause}));
    return Removal{marker.version, true};
}

Outcome<Removal> Buckets::remove_object(std::string_view bucket, std::string_view key,
                                        std::string_view version, const Condition& condition,
                                        const Cause& cause) {
    Removal removal;
    std::vector<std::string> dropped;
    const auto done = change([&](sql::Connection& connection) -> Outcome<void> {
        dropped.clear();
        const auto found = TRY(bucket_row(connection, bucket));
        if (!found) return refuse(Why::no_such_bucket);
        auto removed = remove_in(connection, *found, key, version, condition, cause, dropped);
        if (!removed) return tl::unexpected<Refusal>(removed.error());
        removal = *std::move(removed);
        return {};
    });
    if (!done) return tl::unexpected<Refusal>(done.error());
    drop_blobs(dropped);
    return removal;
}

Outcome<void> Buckets::set_tags(const ObjectVersion& object, std::string_view tags,
                                const Cause& cause) {
    return change([&](sql::Connection& connection) -> Outcome<void> {
        const auto bucket = TRY(bucket_row(connection, object.bucket));
        if (!bucket) return refuse(Why::no_such_bucket);
        if (TRY(connection.change(
                "UPDATE objects SET tags = ? WHERE bucket = ? AND key = ? AND sequence = ?",
                {std::string(tags), object.bucket, object.key, object.sequence})) == 0)
            return refuse(Why::no_such_key);
        TRY(tell(connection, {tags.empty() ? ChangeKind::untagged : ChangeKind::tagged, *bucket,
                              object, cause}));
        return {};
    });
}

Outcome<void> Buckets::set_attributes(const ObjectVersion& object, std::string_view attributes) {
    return change([&](sql::Connection& connection) -> Outcome<void> {
        if (TRY(connection.change(
                "UPDATE objects SET attributes = ? WHERE bucket = ? AND key = ? AND sequence = ?",
                {std::string(attributes), object.bucket, object.key, object.sequence})) == 0)
            return refuse(Why::no_such_key);
        return {};
    });
}

}  // namespace stroma::bucket
