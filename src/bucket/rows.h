#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bucket/object_version.h"
#include "sql/database.h"

// The index's rows. Private to this folder.

namespace stroma::bucket {

/// Of the table objects, in the order that version_in() reads.
inline constexpr std::string_view version_columns =
    "bucket, key, sequence, version, latest, marker, size, etag, modified_ms, owner, attributes, "
    "tags, body, pieces, storage_class, work, restored, restored_until_ms";

enum class TierWork : std::int64_t { none, goes_cold, comes_back };
std::string pieces_text(const std::vector<Piece>& pieces);
/// A blob's id begins so when it lies in the cold store.
inline constexpr std::string_view cold_mark = "c-";
inline bool is_cold(const Body& body) {
    return !body.pieces.empty() && body.pieces[0].blob.starts_with(cold_mark);
}

Result<std::optional<Bucket>> bucket_row(sql::Connection& connection, std::string_view name);
/// Without its bytes.
ObjectVersion version_in(const sql::Rows& row);
Result<std::optional<ObjectVersion>> latest_row(sql::Connection& connection,
                                                std::string_view bucket, std::string_view key,
                                                bool with_body = false);
/// errors  no error where there is none
Result<std::optional<ObjectVersion>> version_row(sql::Connection& connection,
                                                 std::string_view bucket, std::string_view key,
                                                 std::string_view version, bool with_body = false);
/// Writes the row and its bytes. Its blobs are counted as used by the caller.
Result<void> insert_version(sql::Connection& connection, const ObjectVersion& version);
/// Takes it all away; blobs that nobody uses any more are appended to `dropped`.
Result<void> delete_version(sql::Connection& connection, const ObjectVersion& version,
                            std::vector<std::string>& dropped);
Result<void> set_latest(sql::Connection& connection, const ObjectVersion& version, bool is_latest);

Result<void> use_blob(sql::Connection& connection, const std::string& blob);
Result<void> release_blob(sql::Connection& connection, const std::string& blob,
                          std::vector<std::string>& dropped);

/// The least text greater than every text that begins with the prefix; "" when there is none.
std::string behind_prefix(std::string_view prefix);

}  // namespace stroma::bucket
