#include "bucket/buckets.h"

#include <fmt/format.h>

#include <algorithm>

#include "bucket/rows.h"

namespace stroma::bucket {

bool is_bucket_name(std::string_view name) {
    const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (name.size() < 3 || name.size() > 63 || !is_plain(name.front()) || !is_plain(name.back()))
        return false;
    bool only_numbers = true;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        if (!is_plain(c) && c != '.' && c != '-') return false;
        if (c == '.' && (name[i - 1] == '.' || name[i - 1] == '-' || name[i + 1] == '-'))
            return false;
        only_numbers = only_numbers && ((c >= '0' && c <= '9') || c == '.');
    }
    const bool is_address = only_numbers && std::count(name.begin(), name.end(), '.') == 3;
    return !is_address;
}

std::int64_t Buckets::next_sequence() {
    // Microseconds, so that it goes on rising whatever was forgotten with removed objects.
    const std::int64_t now = clock_.unix_ms() * 1000;
    std::int64_t last = sequence_.load();
    std::int64_t next = 0;
    do {
        next = std::max(last + 1, now);
    } while (!sequence_.compare_exchange_weak(last, next));
    return next;
}

Outcome<void> Buckets::change(const std::function<Outcome<void>(sql::Connection&)>& work) {
    std::optional<Refusal> refusal;
    const sql::WriteGroup::Work wrapped = [&](sql::Connection& connection) -> Result<void> {
        refusal.reset();
        auto done = work(connection);
        if (done) return {};
        refusal = std::move(done.error());
        if (refusal->why == Why::failed) return fail(refusal->error);
        return fail(ErrorCode::invalid_input, "a rule of buckets forbids it");
    };
    const auto written = writes_.run(wrapped);
    if (written) return {};
    if (refusal && refusal->why != Why::failed) return tl::unexpected<Refusal>(*refusal);
    return fail(written.error());
}

Result<void> Buckets::tell(sql::Connection& connection, const ObjectChange& change) {
    if (!listener_) return {};
    return listener_(connection, change);
}

Outcome<void> Buckets::create(const Bucket& bucket) {
    return change([&](sql::Connection& connection) -> Outcome<void> {
        if (TRY(bucket_row(connection, bucket.name))) return refuse(Why::bucket_exists);
        TRY(connection.change(
            "INSERT INTO buckets(name, owner, region, created_ms) VALUES(?, ?, ?, ?)",
            {bucket.name, bucket.owner, bucket.region, clock_.unix_ms()}));
        return {};
    });
}

Outcome<void> Buckets::remove(std::string_view bucket) {
    const std::string name(bucket);
    std::vector<std::string> dropped;
    auto done = change([&](sql::Connection& connection) -> Outcome<void> {
        dropped.clear();
        if (!TRY(bucket_row(connection, name))) return refuse(Why::no_such_bucket);
        {
            const auto rows =
                TRY(connection.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", {name}));
            if (TRY(rows->next())) return refuse(Why::bucket_not_empty);
        }
        std::vector<std::string> blobs;
        {
            const auto rows = TRY(connection.execute(
                "SELECT blob FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)",
                {name}));
            while (TRY(rows->next())) blobs.push_back(rows->text(0));
        }
        for (const std::string& blob : blobs) TRY(release_blob(connection, blob, dropped));
        for (const char* const statement :
             {"DELETE FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)",
              "DELETE FROM uploads WHERE bucket = ?",
              "DELETE FROM bucket_settings WHERE bucket = ?", "DELETE FROM buckets WHERE name = ?"})
            TRY(connection.change(statement, {name}));
        return {};
    });
    if (done) drop_blobs(dropped);
    return done;
}

Outcome<Bucket> Buckets::find(std::string_view bucket) {
    const auto connection = TRY(pool_.take());
    auto found = TRY(bucket_row(*connection, bucket));
    if (!found) return refuse(Why::no_such_bucket);
    return *std::move(found);
}

Result<std::vector<Bucket>> Buckets::all() {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT name, owner, region, created_ms, versioning FROM buckets ORDER BY name"));
    std::vector<Bucket> buckets;
    while (TRY(rows->next()))
        buckets.push_back(
            {rows->text(0), rows->text(1), rows->text(2), rows->integer(3), rows->text(4)});
    return buckets;
}

Outcome<void> Buckets::set_versioning(std::string_view bucket, std::string_view versioning) {
    return change([&](sql::Connection& connection) -> Outcome<void> {
        if (TRY(connection.change("UPDATE buckets SET versioning = ? WHERE name = ?",
                                  {std::string(versioning), std::string(bucket)})) == 0)
            return refuse(Why::no_such_bucket);
        return {};
    });
}

Result<std::string> Buckets::setting(std::string_view bucket, std::string_view name) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(
        connection->execute("SELECT document FROM bucket_settings WHERE bucket = ? AND name = ?",
                            {std::string(bucket), std::string(name)}));
    if (!TRY(rows->next())) return std::string();
    return rows->text(0);
}

Outcome<void> Buckets::set_setting(std::string_view bucket, std::string_view name,
                                   std::string_view document) {
    return change([&](sql::Connection& connection) -> Outcome<void> {
        if (!TRY(bucket_row(connection, bucket))) return refuse(Why::no_such_bucket);
        if (document.empty()) {
            TRY(connection.change("DELETE FROM bucket_settings WHERE bucket = ? AND name = ?",
                                  {std::string(bucket), std::string(name)}));
        } else {
            TRY(connection.change(
                "INSERT INTO bucket_settings VALUES(?, ?, ?) ON CONFLICT(bucket, name) DO UPDATE "
                "SET document = excluded.document",
                {std::string(bucket), std::string(name), std::string(document)}));
        }
        return {};
    });
}

Result<std::vector<std::pair<std::string, std::string>>> Buckets::settings_named(
    std::string_view name) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT bucket, document FROM bucket_settings WHERE name = ? ORDER BY bucket",
        {std::string(name)}));
    std::vector<std::pair<std::string, std::string>> settings;
    while (TRY(rows->next())) settings.emplace_back(rows->text(0), rows->text(1));
    return settings;
}

Result<Bytes> Buckets::read(const Body& body, std::uint64_t offset, std::uint64_t count) {
    if (body.pieces.empty()) {
        const std::string_view bytes(body.bytes);
        const std::uint64_t begin = std::min<std::uint64_t>(offset, bytes.size());
        return to_bytes(bytes.substr(begin, count));
    }
    for (const Piece& piece : body.pieces) {
        if (offset >= piece.size) {
            offset -= piece.size;
            continue;
        }
        const auto reader = TRY(open_blob(piece));
        Bytes bytes(std::min(count, piece.size - offset));
        TRY(reader->read_at(offset, bytes));
        return bytes;
    }
    return Bytes();
}

}  // namespace stroma::bucket
