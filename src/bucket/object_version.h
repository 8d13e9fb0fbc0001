#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::bucket {

struct Bucket {
    std::string name, owner, region;
    std::int64_t created_ms = 0;
    std::string versioning;  ///< "", "Enabled", "Suspended"
};

/// Where bytes lie: in one object of the object store.
struct Piece {
    std::string blob;
    std::uint64_t size = 0;
};

/// An object's bytes: few of them as they are, else pieces, one behind the other.
struct Body {
    std::string bytes;
    std::vector<Piece> pieces;
};

inline constexpr const char* null_version = "null";

/// One version of a key, or a marker that says that it was deleted.
struct ObjectVersion {
    std::string bucket, key, version;
    std::int64_t sequence = 0;  ///< rises with every change of any key
    bool is_latest = true, is_marker = false;
    std::uint64_t size = 0;
    std::string etag;  ///< MD5 in hexadecimal, with "-N" behind it for N parts; no quotes
    std::int64_t modified_ms = 0;
    std::string owner;
    std::string attributes;  ///< JSON of the front
    std::string tags;        ///< "a=1&b=2", percent-encoded
    Body body;               ///< only where it was asked for
    std::string storage_class = "STANDARD";
    /// Of an archived one: a copy of its bytes that can be read until then; 0 for none.
    std::vector<Piece> restored;
    std::int64_t restored_until_ms = 0;
    bool is_coming_back = false;  ///< asked for, and not yet there
};

/// Whether objects of that class can only be read after they were asked back.
bool is_archive(std::string_view storage_class);

struct Upload {
    std::string id, bucket, key, owner;
    std::int64_t started_ms = 0;
    std::string attributes, tags;
    std::string storage_class = "STANDARD";  ///< that complete_upload gives; not kept
};

/// Of every part of an upload but its last.
constexpr std::uint64_t part_bytes_min = 5u << 20;

struct Part {
    int number = 0;
    std::uint64_t size = 0;
    std::string etag, checksum;
    std::int64_t modified_ms = 0;
    Piece piece;
};

/// Why something isn't done, where the caller tells its client.
enum class Why {
    failed,  ///< not by a rule of buckets: see the error
    no_such_bucket,
    bucket_exists,
    bucket_not_empty,
    no_such_key,
    no_such_version,
    is_marker,  ///< the version says that the key is deleted
    no_such_upload,
    no_such_part,
    wrong_part_order,
    part_too_small,
    condition_failed,
    not_archived,
    is_coming_back,  ///< it was asked for already
};

struct Refusal {
    Refusal(Error what) : error(std::move(what)) {}  // so that TRY hands errors on
    explicit Refusal(Why rule) : why(rule) {}
    Why why = Why::failed;
    Error error;
    std::string version;  ///< of the marker
};

template <class T>
using Outcome = tl::expected<T, Refusal>;

inline tl::unexpected<Refusal> refuse(Why why) { return tl::unexpected<Refusal>(Refusal(why)); }

/// When a change may happen, by the etag of what the key has now.
struct Condition {
    bool if_absent = false;
    std::optional<std::string> if_etag;  ///< "*" is any
    std::optional<std::string> unless_etag;
};

/// Who changes something, for those who are told.
struct Cause {
    std::string principal, address, request_id;
    bool by_lifecycle = false;
};

enum class ChangeKind {
    put,
    posted,
    copied,
    completed,
    removed,
    marked,          ///< so far as it always was; what follows came later
    expired,         ///< removed by the bucket's lifecycle
    expired_marked,  ///< marked by it
    transitioned,    ///< to another storage class
    restore_asked,
    restored,
    restore_over,
    tagged,
    untagged,
};

/// A change of a key, inside its transaction.
struct ObjectChange {
    ChangeKind kind = ChangeKind::put;
    const Bucket& bucket;
    const ObjectVersion& object;  ///< of a removal: what went, as far as it was there
    const Cause& cause;
};

}  // namespace stroma::bucket
