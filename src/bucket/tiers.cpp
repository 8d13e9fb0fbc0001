#include <fmt/format.h>

#include "base/log.h"
#include "bucket/buckets.h"
#include "bucket/rows.h"

// Storage classes: what goes to the cold store, and copies of it that come back for a while.

namespace stroma::bucket {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::size_t at_once = 100;
constexpr std::size_t copy_bytes = 1u << 20;

/// The midnight behind so many days from now.
std::int64_t end_of_days(std::int64_t now_ms, std::int64_t days) {
    return ((now_ms + days * day_ms) / day_ms + 1) * day_ms;
}

std::int64_t code_of(TierWork work) { return static_cast<std::int64_t>(work); }

/// The row of that very version, if it is still there.
Result<std::optional<ObjectVersion>> same_row(sql::Connection& connection,
                                              const ObjectVersion& object) {
    auto found = TRY(version_row(connection, object.bucket, object.key, object.version));
    if (found && found->sequence != object.sequence) found.reset();
    return found;
}

}  // namespace

Outcome<void> Buckets::transition(const ObjectVersion& object, std::string_view storage_class,
                                  const Cause& cause) {
    return change([&](sql::Connection& connection) -> Outcome<void> {
        const auto bucket = TRY(bucket_row(connection, object.bucket));
        auto found = TRY(same_row(connection, object));
        if (!bucket || !found || found->is_marker) return refuse(Why::no_such_version);
        if (found->storage_class == storage_class) return {};
        // From one archive to another the bytes stay where they are.
        const bool moves = is_archive(storage_class) && !is_archive(found->storage_class);
        if (is_archive(found->storage_class) && !is_archive(storage_class))
            return refuse(Why::not_archived);
        found->storage_class = storage_class;
        TRY(connection.change(
            "UPDATE objects SET storage_class = ?, work = CASE WHEN ? THEN ? ELSE work END WHERE "
            "bucket = ? AND key = ? AND sequence = ?",
            {found->storage_class, moves, code_of(TierWork::goes_cold), object.bucket, object.key,
             object.sequence}));
        TRY(tell(connection, {ChangeKind::transitioned, *bucket, *found, cause}));
        return {};
    });
}

Outcome<bool> Buckets::restore(const ObjectVersion& object, int days, const Cause& cause) {
    bool is_there = false;
    const auto done = change([&](sql::Connection& connection) -> Outcome<void> {
        const auto bucket = TRY(bucket_row(connection, object.bucket));
        const auto found = TRY(same_row(connection, object));
        if (!bucket || !found) return refuse(Why::no_such_version);
        if (!is_archive(found->storage_class)) return refuse(Why::not_archived);
        if (found->is_coming_back) return refuse(Why::is_coming_back);
        is_there = found->restored_until_ms > clock_.unix_ms();
        if (is_there) {
            TRY(connection.change(
                "UPDATE objects SET restored_until_ms = ? WHERE bucket = ? AND key = ? AND "
                "sequence = ?",
                {end_of_days(clock_.unix_ms(), days), object.bucket, object.key, object.sequence}));
            return {};
        }
        TRY(connection.change(
            "UPDATE objects SET work = ?, restore_days = ? WHERE bucket = ? AND key = ? AND "
            "sequence = ?",
            {code_of(TierWork::comes_back), std::int64_t{days}, object.bucket, object.key,
             object.sequence}));
        TRY(tell(connection, {ChangeKind::restore_asked, *bucket, *found, cause}));
        return {};
    });
    if (!done) return tl::unexpected<Refusal>(done.error());
    return is_there;
}

/// All bytes of a version in one new blob.
Result<Piece> Buckets::copied(const ObjectVersion& object, bool to_cold) {
    auto blob = TRY(begin_blob_in(to_cold));
    for (std::uint64_t at = 0; at < object.size;) {
        const Bytes bytes =
            TRY(read(object.body, at, std::min<std::uint64_t>(copy_bytes, object.size - at)));
        if (bytes.empty())
            return fail(ErrorCode::corrupt, fmt::format("bytes of '{}' in bucket '{}' are missing",
                                                        object.key, object.bucket));
        TRY(blob.write(bytes));
        at += bytes.size();
    }
    return blob.finish();
}

Result<void> Buckets::go_cold(const ObjectVersion& object) {
    const Piece piece = TRY(copied(object, true));
    std::vector<std::string> dropped;
    const sql::WriteGroup::Work work = [&](sql::Connection& connection) -> Result<void> {
        dropped = {piece.blob};
        auto found = TRY(same_row(connection, object));
        if (!found || !is_archive(found->storage_class)) return {};
        dropped.clear();
        TRY(use_blob(connection, piece.blob));
        // It may have been asked back meanwhile; that is done afterwards.
        TRY(connection.change(
            "UPDATE objects SET pieces = ?, body = 0, work = CASE work WHEN ? THEN 0 ELSE work END "
            "WHERE bucket = ? AND key = ? AND sequence = ?",
            {pieces_text({piece}), code_of(TierWork::goes_cold), object.bucket, object.key,
             object.sequence}));
        if (found->body.pieces.empty())
            TRY(connection.change("DELETE FROM bodies WHERE id = ?", {object.sequence}));
        for (const Piece& old : found->body.pieces)
            TRY(release_blob(connection, old.blob, dropped));
        return {};
    };
    const auto done = writes_.run(work);
    if (!done) dropped = {piece.blob};
    drop_blobs(dropped);
    return done;
}

Result<void> Buckets::come_back(const ObjectVersion& object, std::int64_t days) {
    const Piece piece = TRY(copied(object, false));
    std::vector<std::string> dropped;
    const sql::WriteGroup::Work work = [&](sql::Connection& connection) -> Result<void> {
        dropped = {piece.blob};
        const auto bucket = TRY(bucket_row(connection, object.bucket));
        auto found = TRY(same_row(connection, object));
        if (!bucket || !found || !found->is_coming_back) return {};
        dropped.clear();
        TRY(use_blob(connection, piece.blob));
        found->restored_until_ms = end_of_days(clock_.unix_ms(), days);
        TRY(connection.change(
            "UPDATE objects SET restored = ?, restored_until_ms = ?, work = ? WHERE bucket = ? AND "
            "key = ? AND sequence = ?",
            {pieces_text({piece}), found->restored_until_ms,
             // It was asked back before it had gone.
             code_of(is_cold(found->body) ? TierWork::none : TierWork::goes_cold), object.bucket,
             object.key, object.sequence}));
        for (const Piece& old : found->restored) TRY(release_blob(connection, old.blob, dropped));
        return tell(connection, {ChangeKind::restored, *bucket, *found, {}});
    };
    const auto done = writes_.run(work);
    if (!done) dropped = {piece.blob};
    drop_blobs(dropped);
    return done;
}

Result<void> Buckets::end_restore(const ObjectVersion& object) {
    std::vector<std::string> dropped;
    const sql::WriteGroup::Work work = [&](sql::Connection& connection) -> Result<void> {
        dropped.clear();
        const auto bucket = TRY(bucket_row(connection, object.bucket));
        const auto found = TRY(same_row(connection, object));
        if (!bucket || !found || found->restored_until_ms > clock_.unix_ms()) return {};
        TRY(connection.change(
            "UPDATE objects SET restored = '', restored_until_ms = 0 WHERE bucket = ? AND key = ? "
            "AND sequence = ?",
            {object.bucket, object.key, object.sequence}));
        for (const Piece& old : found->restored) TRY(release_blob(connection, old.blob, dropped));
        return tell(connection, {ChangeKind::restore_over, *bucket, *found, {}});
    };
    TRY(writes_.run(work));
    drop_blobs(dropped);
    return {};
}

Result<std::vector<std::pair<ObjectVersion, std::int64_t>>> Buckets::versions_where(
    const std::string& condition, const std::vector<sql::Value>& values) {
    const auto connection = TRY(pool_.take());
    std::vector<std::pair<ObjectVersion, std::int64_t>> found;
    {
        const auto rows = TRY(connection->execute(
            fmt::format("SELECT {}, restore_days FROM objects WHERE {} LIMIT {}", version_columns,
                        condition, at_once),
            values));
        while (TRY(rows->next())) found.emplace_back(version_in(*rows), rows->integer(18));
    }
    for (auto& [version, days] : found) {
        auto whole =
            TRY(version_row(*connection, version.bucket, version.key, version.version, true));
        if (whole && whole->sequence == version.sequence) version.body = std::move(whole->body);
    }
    return found;
}

Result<std::size_t> Buckets::work_on_tiers(const std::function<bool()>& stops) {
    std::size_t done = 0;
    for (const TierWork work : {TierWork::goes_cold, TierWork::comes_back})
        for (;;) {
            const auto found = TRY(versions_where("work <> 0 AND work = ?", {code_of(work)}));
            for (const auto& [version, days] : found) {
                if (stops()) return done;
                TRY(work == TierWork::goes_cold ? go_cold(version) : come_back(version, days));
                ++done;
            }
            if (found.size() < at_once) break;
        }
    for (;;) {
        const auto found = TRY(versions_where("restored_until_ms <> 0 AND restored_until_ms <= ?",
                                              {clock_.unix_ms()}));
        for (const auto& [version, days] : found) {
            if (stops()) return done;
            TRY(end_restore(version));
            ++done;
        }
        if (found.size() < at_once) break;
    }
    return done;
}

}  // namespace stroma::bucket
