#include "bucket/rows.h"

#include <fmt/format.h>

#include "base/json.h"

namespace stroma::bucket {
namespace {

std::vector<Piece> pieces_in(const std::string& text) {
    std::vector<Piece> pieces;
    if (text.empty()) return pieces;
    const auto list = parse_json(text);
    if (!list) return pieces;
    for (const Json& one : *list)
        pieces.push_back({one.at(0).get<std::string>(), one.at(1).get<std::uint64_t>()});
    return pieces;
}

Result<std::optional<ObjectVersion>> one_version(sql::Connection& connection,
                                                 std::unique_ptr<sql::Rows> rows, bool with_body) {
    if (!TRY(rows->next())) return std::nullopt;
    ObjectVersion version = version_in(*rows);
    const std::int64_t body = rows->integer(12);
    rows.reset();
    if (!with_body || body == 0) return version;
    const auto bytes = TRY(connection.execute("SELECT bytes FROM bodies WHERE id = ?", {body}));
    if (!TRY(bytes->next()))
        return fail(ErrorCode::corrupt, fmt::format("the bytes of '{}' in bucket '{}' are missing",
                                                    version.key, version.bucket));
    version.body.bytes = bytes->text(0);
    return version;
}

}  // namespace

std::string pieces_text(const std::vector<Piece>& pieces) {
    if (pieces.empty()) return "";
    Json list = Json::array();
    for (const Piece& piece : pieces) list.push_back({piece.blob, piece.size});
    return list.dump();
}

bool is_archive(std::string_view storage_class) {
    return storage_class == "GLACIER" || storage_class == "DEEP_ARCHIVE";
}

Result<std::optional<Bucket>> bucket_row(sql::Connection& connection, std::string_view name) {
    const auto rows = TRY(connection.execute(
        "SELECT name, owner, region, created_ms, versioning FROM buckets WHERE name = ?",
        {std::string(name)}));
    if (!TRY(rows->next())) return std::nullopt;
    return Bucket{rows->text(0), rows->text(1), rows->text(2), rows->integer(3), rows->text(4)};
}

ObjectVersion version_in(const sql::Rows& row) {
    ObjectVersion version;
    version.bucket = row.text(0);
    version.key = row.text(1);
    version.sequence = row.integer(2);
    version.version = row.text(3);
    version.is_latest = row.boolean(4);
    version.is_marker = row.boolean(5);
    version.size = static_cast<std::uint64_t>(row.integer(6));
    version.etag = row.text(7);
    version.modified_ms = row.integer(8);
    version.owner = row.text(9);
    version.attributes = row.text(10);
    version.tags = row.text(11);
    version.body.pieces = pieces_in(row.text(13));
    version.storage_class = row.text(14);
    version.is_coming_back = row.integer(15) == static_cast<std::int64_t>(TierWork::comes_back);
    version.restored = pieces_in(row.text(16));
    version.restored_until_ms = row.integer(17);
    return version;
}

Result<std::optional<ObjectVersion>> latest_row(sql::Connection& connection,
                                                std::string_view bucket, std::string_view key,
                                                bool with_body) {
    static const std::string statement = fmt::format(
        "SELECT {} FROM objects WHERE bucket = ? AND key = ? AND latest", version_columns);
    auto rows = TRY(connection.execute(statement, {std::string(bucket), std::string(key)}));
    return one_version(connection, std::move(rows), with_body);
}

Result<std::optional<ObjectVersion>> version_row(sql::Connection& connection,
                                                 std::string_view bucket, std::string_view key,
                                                 std::string_view version, bool with_body) {
    static const std::string statement = fmt::format(
        "SELECT {} FROM objects WHERE bucket = ? AND key = ? AND version = ?", version_columns);
    auto rows = TRY(connection.execute(
        statement, {std::string(bucket), std::string(key), std::string(version)}));
    return one_version(connection, std::move(rows), with_body);
}

Result<void> insert_version(sql::Connection& connection, const ObjectVersion& version) {
    std::int64_t body = 0;
    if (!version.body.bytes.empty()) {
        body = version.sequence;  // distinct, and rises like the rows do
        TRY(connection.change("INSERT INTO bodies VALUES(?, ?)", {body, version.body.bytes}));
    }
    TRY(connection.change(
        "INSERT INTO objects(bucket, key, sequence, version, latest, marker, size, etag, "
        "modified_ms, owner, attributes, tags, body, pieces, storage_class, work) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {version.bucket, version.key, version.sequence, version.version, version.is_latest,
         version.is_marker, static_cast<std::int64_t>(version.size), version.etag,
         version.modified_ms, version.owner, version.attributes, version.tags, body,
         pieces_text(version.body.pieces), version.storage_class,
         static_cast<std::int64_t>(is_archive(version.storage_class) ? TierWork::goes_cold
                                                                     : TierWork::none)}));
    return {};
}

Result<void> delete_version(sql::Connection& connection, const ObjectVersion& version,
                            std::vector<std::string>& dropped) {
    TRY(connection.change("DELETE FROM objects WHERE bucket = ? AND key = ? AND sequence = ?",
                          {version.bucket, version.key, version.sequence}));
    if (version.body.pieces.empty()) {
        TRY(connection.change("DELETE FROM bodies WHERE id = ?", {version.sequence}));
    }
    for (const auto* pieces : {&version.body.pieces, &version.restored})
        for (const Piece& piece : *pieces) TRY(release_blob(connection, piece.blob, dropped));
    return {};
}

Result<void> set_latest(sql::Connection& connection, const ObjectVersion& version, bool is_latest) {
    TRY(connection.change(
        "UPDATE objects SET latest = ? WHERE bucket = ? AND key = ? AND sequence = ?",
        {is_latest, version.bucket, version.key, version.sequence}));
    return {};
}

Result<void> use_blob(sql::Connection& connection, const std::string& blob) {
    TRY(connection.change(
        "INSERT INTO blobs VALUES(?, 1) ON CONFLICT(id) DO UPDATE SET uses = uses + 1", {blob}));
    return {};
}

Result<void> release_blob(sql::Connection& connection, const std::string& blob,
                          std::vector<std::string>& dropped) {
    TRY(connection.change("UPDATE blobs SET uses = uses - 1 WHERE id = ?", {blob}));
    if (TRY(connection.change("DELETE FROM blobs WHERE id = ? AND uses <= 0", {blob})) > 0)
        dropped.push_back(blob);
    return {};
}

std::string behind_prefix(std::string_view prefix) {
    std::string behind(prefix);
    while (!behind.empty() && static_cast<unsigned char>(behind.back()) == 0xff) behind.pop_back();
    if (!behind.empty()) behind.back() = static_cast<char>(behind.back() + 1);
    return behind;
}

}  // namespace stroma::bucket
