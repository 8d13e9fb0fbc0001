#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
};

struct Upload {
    std::string id, bucket, key, owner;
    std::int64_t started_ms = 0;
    std::string attributes, tags;
};

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
};

/// Who changes something, for those who are told.
struct Cause {
    std::string principal, address, request_id;
};

enum class ChangeKind { put, copied, completed, removed, marked };

/// A change of a key, inside its transaction.
struct ObjectChange {
    ChangeKind kind = ChangeKind::put;
    const Bucket& bucket;
    const ObjectVersion& object;  ///< of a removal: what went, as far as it was there
    const Cause& cause;
};

}  // namespace stroma::bucket
