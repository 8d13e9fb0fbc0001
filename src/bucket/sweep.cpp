#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "bucket/buckets.h"
#include "bucket/rows.h"
#include "sql/migrations.h"

// Opening and closing, and bytes in the object stores: made, found, removed, and what a crash left.

namespace stroma::bucket {

std::span<const sql::Migration> migrations();

namespace {

/// Where our blobs lie in both stores.
constexpr std::string_view blob_prefix = "bucket/";
constexpr const char* clean_mark = "ended cleanly";

std::string blob_key(std::string_view blob) {
    const bool is_cold = blob.starts_with(cold_mark);
    return fmt::format("{}{}/{}", blob_prefix, blob.substr(is_cold ? cold_mark.size() : 0, 2),
                       blob);
}

std::string_view blob_of(std::string_view key) { return key.substr(key.rfind('/') + 1); }

Result<void> mark_clean(sql::Connection& connection, bool is_clean) {
    TRY(connection.change(
        "INSERT INTO bucket_state VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = "
        "excluded.value",
        {std::string(clean_mark), std::int64_t{is_clean}}));
    return {};
}

}  // namespace

Result<void> BlobWriter::write(ByteSpan bytes) {
    piece_.size += bytes.size();
    return writer_->write(bytes);
}

Result<Piece> BlobWriter::finish() {
    TRY(writer_->commit());
    return piece_;
}

Buckets::Buckets(sql::WriteGroup& writes, object::ObjectStore& objects, object::ObjectStore& cold,
                 const Clock& clock, IdSource& ids)
    : writes_(writes),
      objects_(objects),
      cold_(cold),
      clock_(clock),
      ids_(ids),
      pool_(writes.database()) {}

Buckets::~Buckets() {
    const std::lock_guard lock(kept_->mutex);
    kept_->buckets = nullptr;
}  // the sweeper is asked to stop, and joined

Result<std::unique_ptr<Buckets>> Buckets::open(sql::WriteGroup& writes,
                                               object::ObjectStore& objects,
                                               object::ObjectStore& cold, const Clock& clock,
                                               IdSource& ids) {
    TRY(sql::migrate(writes.database(), "bucket", migrations()));
    std::unique_ptr<Buckets> buckets(new Buckets(writes, objects, cold, clock, ids));
    TRY_WITH(buckets->recover(), "recovering buckets");
    return buckets;
}

Result<void> Buckets::recover() {
    bool is_clean = false;
    {
        const auto connection = TRY(pool_.take());
        const auto last = TRY(connection->execute("SELECT max(sequence) FROM objects"));
        if (TRY(last->next()) && !last->is_null(0)) sequence_ = last->integer(0);
        const auto state = TRY(connection->execute("SELECT value FROM bucket_state WHERE name = ?",
                                                   {std::string(clean_mark)}));
        is_clean = TRY(state->next()) && state->integer(0) != 0;
    }
    const sql::WriteGroup::Work begin = [](sql::Connection& connection) {
        return mark_clean(connection, false);
    };
    TRY(writes_.run(begin));
    if (is_clean) return {};
    is_sweeping_ = true;
    sweeper_ = std::jthread([this](std::stop_token stop) { sweep(std::move(stop)); });
    return {};
}

Result<void> Buckets::close() {
    sweeper_.request_stop();
    if (sweeper_.joinable()) sweeper_.join();
    if (left_something_) return {};
    {
        const std::lock_guard lock(kept_->mutex);
        if (!kept_->blobs.empty()) return {};
    }
    const sql::WriteGroup::Work end = [](sql::Connection& connection) {
        return mark_clean(connection, true);
    };
    return writes_.run(end);
}

void Buckets::wait_for_sweep() {
    if (sweeper_.joinable()) sweeper_.join();
}

void Buckets::sweep(std::stop_token stop) {
    std::size_t swept = 0;
    for (object::ObjectStore* const store : {&objects_, &cold_}) {
        const auto done = sweep_store(*store, stop);
        if (done) {
            swept += *done;
            continue;
        }
        left_something_ = true;
        log(LogLevel::warning, "what unfinished uploads left is removed after the next start",
            {{"error", done.error().message}});
    }
    if (stop.stop_requested()) left_something_ = true;
    if (swept > 0)
        log(LogLevel::info, "removed uploads that were never finished",
            {{"objects", std::to_string(swept)}});
    const std::lock_guard lock(begun_mutex_);
    is_sweeping_ = false;
    begun_.clear();
}

/// What was there before this process began, and no row names, goes.
Result<std::size_t> Buckets::sweep_store(object::ObjectStore& store, std::stop_token stop) {
    object::ListOptions options;
    options.prefix = blob_prefix;
    std::size_t swept = 0;
    while (!stop.stop_requested()) {
        const object::ListPage page = TRY(store.list(options));
        const auto connection = TRY(pool_.take());
        for (const object::ObjectInfo& info : page.objects) {
            const std::string blob(blob_of(info.key));
            {
                const std::lock_guard lock(begun_mutex_);
                if (begun_.contains(blob)) continue;
            }
            const auto rows = TRY(connection->execute("SELECT 1 FROM blobs WHERE id = ?", {blob}));
            if (TRY(rows->next())) continue;
            TRY(store.remove(info.key));
            ++swept;
        }
        if (!page.next_after) break;
        options.after = *page.next_after;
    }
    return swept;
}

object::ObjectStore& Buckets::store_of(std::string_view blob) {
    return blob.starts_with(cold_mark) ? cold_ : objects_;
}

Result<BlobWriter> Buckets::begin_blob() { return begin_blob_in(false); }

Result<BlobWriter> Buckets::begin_blob_in(bool is_cold) {
    std::string id = (is_cold ? std::string(cold_mark) : std::string()) + ids_.secret(16);
    {
        const std::lock_guard lock(begun_mutex_);
        if (is_sweeping_) begun_.insert(id);
    }
    auto writer = TRY(store_of(id).begin_put(blob_key(id), {}));
    return BlobWriter(std::move(writer), std::move(id));
}

void Buckets::drop(const Piece& piece) { drop_blobs({piece.blob}); }

std::shared_ptr<void> Buckets::keep_removed_bytes() {
    const std::lock_guard lock(kept_->mutex);
    kept_->buckets = this;
    ++kept_->holders;
    return {this, [kept = kept_](void*) {
                const std::lock_guard held(kept->mutex);
                if (--kept->holders > 0 || kept->buckets == nullptr) return;
                kept->buckets->remove_blobs(std::exchange(kept->blobs, {}));
            }};
}

void Buckets::drop_blobs(const std::vector<std::string>& blobs) {
    {
        const std::lock_guard lock(kept_->mutex);
        if (kept_->holders > 0) {
            kept_->blobs.insert(kept_->blobs.end(), blobs.begin(), blobs.end());
            return;
        }
    }
    remove_blobs(blobs);
}

void Buckets::remove_blobs(const std::vector<std::string>& blobs) {
    for (const std::string& blob : blobs) {
        const auto removed = store_of(blob).remove(blob_key(blob));
        if (removed) continue;
        left_something_ = true;
        log(LogLevel::warning, "bytes of a removed object stay until the next start",
            {{"error", removed.error().message}});
    }
}

Result<std::shared_ptr<object::ObjectReader>> Buckets::open_blob(const Piece& piece) {
    return std::shared_ptr<object::ObjectReader>(
        TRY(store_of(piece.blob).open(blob_key(piece.blob))));
}

}  // namespace stroma::bucket
