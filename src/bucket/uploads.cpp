#include <fmt/format.h>

#include <map>

#include "base/digest.h"
#include "bucket/buckets.h"
#include "bucket/rows.h"

// Multipart uploads.

namespace stroma::bucket {
namespace {

Upload upload_in(const sql::Rows& row) {
    Upload upload;
    upload.id = row.text(0);
    upload.bucket = row.text(1);
    upload.key = row.text(2);
    upload.owner = row.text(3);
    upload.started_ms = row.integer(4);
    upload.attributes = row.text(5);
    upload.tags = row.text(6);
    return upload;
}

constexpr std::string_view upload_columns =
    "id, bucket, key, owner, started_ms, attributes, tags, done";

Part part_in(const sql::Rows& row) {
    Part part;
    part.number = static_cast<int>(row.integer(0));
    part.size = static_cast<std::uint64_t>(row.integer(1));
    part.etag = row.text(2);
    part.checksum = row.text(3);
    part.modified_ms = row.integer(4);
    part.piece = {row.text(5), part.size};
    return part;
}

Result<std::vector<Part>> parts_of(sql::Connection& connection, const std::string& upload,
                                   int after, std::size_t limit) {
    const auto rows = TRY(connection.execute(
        "SELECT number, size, etag, checksum, modified_ms, blob FROM parts WHERE upload = ? AND "
        "number > ? ORDER BY number LIMIT ?",
        {upload, std::int64_t{after}, static_cast<std::int64_t>(limit)}));
    std::vector<Part> parts;
    while (TRY(rows->next())) parts.push_back(part_in(*rows));
    return parts;
}

/// Whether the upload is there and open; what it became is in `done` where it was completed.
Result<bool> is_open(sql::Connection& connection, const Upload& upload, std::string* done) {
    const auto rows =
        TRY(connection.execute("SELECT done FROM uploads WHERE id = ? AND bucket = ? AND key = ?",
                               {upload.id, upload.bucket, upload.key}));
    if (!TRY(rows->next())) return false;
    if (done != nullptr) *done = rows->text(0);
    return rows->text(0).empty();
}

/// Takes the rows of all parts away; blobs that no object took are dropped.
Result<void> forget_parts(sql::Connection& connection, const std::string& upload,
                          std::vector<std::string>& dropped) {
    for (const Part& part : TRY(parts_of(connection, upload, 0, 100'000)))
        TRY(release_blob(connection, part.piece.blob, dropped));
    TRY(connection.change("DELETE FROM parts WHERE upload = ?", {upload}));
    return {};
}

Outcome<std::vector<Part>> chosen_parts(const std::vector<Part>& there,
                                        const std::vector<CompletedPart>& asked) {
    std::map<int, const Part*> by_number;
    for (const Part& part : there) by_number[part.number] = &part;
    std::vector<Part> chosen;
    int last = 0;
    for (const CompletedPart& one : asked) {
        if (one.number <= last) return refuse(Why::wrong_part_order);
        last = one.number;
        const auto found = by_number.find(one.number);
        if (found == by_number.end() || found->second->etag != one.etag)
            return refuse(Why::no_such_part);
        chosen.push_back(*found->second);
    }
    if (chosen.empty()) return refuse(Why::no_such_part);
    for (std::size_t i = 0; i + 1 < chosen.size(); ++i)
        if (chosen[i].size < part_bytes_min) return refuse(Why::part_too_small);
    return chosen;
}

std::string etag_of(const std::vector<Part>& parts) {
    Digest md5(DigestKind::md5);
    for (const Part& part : parts)
        for (std::size_t i = 0; i + 1 < part.etag.size(); i += 2) {
            const auto byte =
                static_cast<std::byte>(std::stoi(part.etag.substr(i, 2), nullptr, 16));
            md5.update(ByteSpan(&byte, 1));
        }
    return fmt::format("{}-{}", md5.hex(), parts.size());
}

}  // namespace

Outcome<Upload> Buckets::begin_upload(Upload upload) {
    TRY(object::check_key(upload.key));
    upload.id = ids_.secret(24);
    upload.started_ms = clock_.unix_ms();
    const auto done = change([&](sql::Connection& connection) -> Outcome<void> {
        if (!TRY(bucket_row(connection, upload.bucket))) return refuse(Why::no_such_bucket);
        TRY(connection.change("INSERT INTO uploads VALUES(?, ?, ?, ?, ?, ?, ?, '')",
                              {upload.id, upload.bucket, upload.key, upload.owner,
                               upload.started_ms, upload.attributes, upload.tags}));
        return {};
    });
    if (!done) return tl::unexpected<Refusal>(done.error());
    return upload;
}

Outcome<Upload> Buckets::find_upload(std::string_view bucket, std::string_view key,
                                     std::string_view id) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        fmt::format("SELECT {} FROM uploads WHERE id = ? AND bucket = ? AND key = ?",
                    upload_columns),
        {std::string(id), std::string(bucket), std::string(key)}));
    if (!TRY(rows->next())) return refuse(Why::no_such_upload);
    return upload_in(*rows);
}

Outcome<void> Buckets::put_part(const Upload& upload, Part part) {
    part.modified_ms = clock_.unix_ms();
    std::vector<std::string> dropped;
    auto done = change([&](sql::Connection& connection) -> Outcome<void> {
        dropped.clear();
        if (!TRY(is_open(connection, upload, nullptr))) return refuse(Why::no_such_upload);
        {
            std::string former;
            {
                const auto rows =
                    TRY(connection.execute("SELECT blob FROM parts WHERE upload = ? AND number = ?",
                                           {upload.id, std::int64_t{part.number}}));
                if (TRY(rows->next())) former = rows->text(0);
            }
            if (!former.empty()) TRY(release_blob(connection, former, dropped));
        }
        TRY(use_blob(connection, part.piece.blob));
        TRY(connection.change(
            "INSERT OR REPLACE INTO parts VALUES(?, ?, ?, ?, ?, ?, ?)",
            {upload.id, std::int64_t{part.number}, static_cast<std::int64_t>(part.size), part.etag,
             part.checksum, part.modified_ms, part.piece.blob}));
        return {};
    });
    if (done) drop_blobs(dropped);
    return done;
}

Outcome<std::vector<Part>> Buckets::parts(const Upload& upload, int after, std::size_t limit) {
    const auto connection = TRY(pool_.take());
    if (!TRY(is_open(*connection, upload, nullptr))) return refuse(Why::no_such_upload);
    return TRY(parts_of(*connection, upload.id, after, limit));
}

Outcome<std::vector<Upload>> Buckets::uploads(std::string_view bucket, std::string_view prefix,
                                              std::string_view after, std::string_view after_id,
                                              std::size_t limit) {
    const auto connection = TRY(pool_.take());
    if (!TRY(bucket_row(*connection, bucket))) return refuse(Why::no_such_bucket);
    const std::string end = behind_prefix(prefix);
    const auto rows = TRY(connection->execute(
        fmt::format("SELECT {} FROM uploads WHERE bucket = ? AND done = '' AND key >= ? AND (? = "
                    "'' OR key < ?) AND (key > ? OR (key = ? AND id > ? AND ? <> '')) ORDER BY "
                    "key, id LIMIT ?",
                    upload_columns),
        {std::string(bucket), std::string(prefix), end, end, std::string(after), std::string(after),
         std::string(after_id), std::string(after_id), static_cast<std::int64_t>(limit)}));
    std::vector<Upload> uploads;
    while (TRY(rows->next())) uploads.push_back(upload_in(*rows));
    return uploads;
}

Outcome<void> Buckets::abort_upload(const Upload& upload) {
    std::vector<std::string> dropped;
    auto done = change([&](sql::Connection& connection) -> Outcome<void> {
        dropped.clear();
        if (!TRY(is_open(connection, upload, nullptr))) return refuse(Why::no_such_upload);
        TRY(forget_parts(connection, upload.id, dropped));
        TRY(connection.change("DELETE FROM uploads WHERE id = ?", {upload.id}));
        return {};
    });
    if (done) drop_blobs(dropped);
    return done;
}

Outcome<ObjectVersion> Buckets::complete_upload(const Upload& upload,
                                                const std::vector<CompletedPart>& parts,
                                                const Condition& condition,
                                                const AttributesOf& attributes_of,
                                                const Cause& cause) {
    ObjectVersion made;
    std::vector<std::string> dropped;
    const auto done = change([&](sql::Connection& connection) -> Outcome<void> {
        dropped.clear();
        std::string became;
        if (!TRY(is_open(connection, upload, &became))) {
            const auto former =
                became.empty() ? std::nullopt
                               : TRY(version_row(connection, upload.bucket, upload.key, became));
            if (!former) return refuse(Why::no_such_upload);
            made = *former;
            return {};
        }
        auto chosen = chosen_parts(TRY(parts_of(connection, upload.id, 0, 100'000)), parts);
        if (!chosen) return tl::unexpected<Refusal>(chosen.error());
        NewObject object{upload.bucket,
                         upload.key,
                         upload.owner,
                         TRY(attributes_of(*chosen)),
                         upload.tags,
                         etag_of(*chosen),
                         0,
                         {},
                         condition,
                         ChangeKind::completed,
                         upload.storage_class};
        for (const Part& part : *chosen) {
            object.size += part.size;
            object.body.pieces.push_back(part.piece);
        }
        if (auto put = put_in(connection, object, made, cause, dropped); !put) return put;
        // The object counts its blobs by itself; those of parts that it left out go.
        TRY(forget_parts(connection, upload.id, dropped));
        TRY(connection.change("UPDATE uploads SET done = ? WHERE id = ?",
                              {made.version, upload.id}));
        return {};
    });
    if (!done) return tl::unexpected<Refusal>(done.error());
    drop_blobs(dropped);
    return made;
}

}  // namespace stroma::bucket
