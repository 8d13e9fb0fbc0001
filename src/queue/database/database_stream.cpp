#include "queue/database/database_stream.h"

#include <fmt/format.h>

#include <atomic>
#include <string>

#include "sql/connection_pool.h"
#include "sql/migrations.h"

namespace stroma::queue {

std::span<const sql::Migration> migrations();

namespace {

constexpr std::int64_t sweep_interval_ms = 60'000;

class DatabaseStream final : public Stream {
public:
    DatabaseStream(sql::Database& database, std::string_view name, const StreamOptions& options,
                   const Clock& clock)
        : pool_(database), name_(name), options_(options), clock_(clock) {}

    Result<void> make();
    Result<int> shard_count() override;
    Result<std::uint64_t> append(int shard, std::span<const Record> records) override;
    Result<std::vector<Record>> read(int shard, std::uint64_t from, int most) override;
    Result<std::uint64_t> end(int shard) override;
    Result<void> trim(int shard, std::uint64_t from) override;

private:
    Error no_shard(int shard) const {
        return {ErrorCode::not_found, fmt::format("stream '{}' has no shard {}", name_, shard)};
    }
    Result<std::int64_t> next_sequence(sql::Connection& connection, int shard);
    Result<void> drop_expired(sql::Connection& connection);

    sql::ConnectionPool pool_;
    const std::string name_;
    const StreamOptions options_;
    const Clock& clock_;
    std::atomic<std::int64_t> swept_ms_{0};
};

Result<void> DatabaseStream::make() {
    const auto connection = TRY(pool_.take());
    return connection->in_transaction([&]() -> Result<void> {
        const auto rows = TRY(
            connection->execute("SELECT 1 FROM stream_shards WHERE stream = ? LIMIT 1", {name_}));
        if (TRY(rows->next())) return {};
        for (int shard = 0; shard < options_.shards; ++shard)
            TRY(connection->change("INSERT INTO stream_shards VALUES(?, ?, 1)",
                                   {name_, std::int64_t{shard}}));
        return {};
    });
}

Result<int> DatabaseStream::shard_count() {
    const auto connection = TRY(pool_.take());
    const auto rows =
        TRY(connection->execute("SELECT count(*) FROM stream_shards WHERE stream = ?", {name_}));
    TRY(rows->next());
    return static_cast<int>(rows->integer(0));
}

Result<std::int64_t> DatabaseStream::next_sequence(sql::Connection& connection, int shard) {
    const auto rows = TRY(
        connection.execute("SELECT next_sequence FROM stream_shards WHERE stream = ? AND shard = ?",
                           {name_, std::int64_t{shard}}));
    if (!TRY(rows->next())) return fail(no_shard(shard));
    return rows->integer(0);
}

Result<std::uint64_t> DatabaseStream::append(int shard, std::span<const Record> records) {
    const auto connection = TRY(pool_.take());
    std::int64_t first = 0;
    const auto work = [&]() -> Result<void> {
        first = TRY(next_sequence(*connection, shard));
        std::int64_t sequence = first;
        const std::int64_t now = clock_.unix_ms();
        for (const Record& record : records)
            TRY(connection->change(
                "INSERT INTO stream_records VALUES(?, ?, ?, ?, ?, ?)",
                {name_, std::int64_t{shard}, sequence++, record.partition_key, record.data, now}));
        TRY(connection->change(
            "UPDATE stream_shards SET next_sequence = ? WHERE stream = ? AND shard = ?",
            {sequence, name_, std::int64_t{shard}}));
        return drop_expired(*connection);
    };
    TRY(connection->in_transaction(work));
    return static_cast<std::uint64_t>(first);
}

Result<void> DatabaseStream::drop_expired(sql::Connection& connection) {
    const std::int64_t now = clock_.steady_ms();
    std::int64_t swept = swept_ms_;
    if (swept != 0 && now - swept < sweep_interval_ms) return {};
    if (!swept_ms_.compare_exchange_strong(swept, now)) return {};
    // Only a shard's oldest records go, so that a step of the calendar cannot tear holes.
    TRY(connection.change(
        "DELETE FROM stream_records WHERE stream = ? AND sequence < (SELECT coalesce("
        "min(kept.sequence), 9223372036854775807) FROM stream_records AS kept "
        "WHERE kept.stream = stream_records.stream AND kept.shard = stream_records.shard "
        "AND kept.arrived_ms >= ?)",
        {name_, clock_.unix_ms() - options_.retention.count()}));
    return {};
}

Result<std::vector<Record>> DatabaseStream::read(int shard, std::uint64_t from, int most) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT partition_key, data, sequence, arrived_ms FROM stream_records "
        "WHERE stream = ? AND shard = ? AND sequence >= ? ORDER BY sequence LIMIT ?",
        {name_, std::int64_t{shard}, static_cast<std::int64_t>(from), std::int64_t{most}}));
    std::vector<Record> records;
    while (TRY(rows->next()))
        records.push_back({.partition_key = rows->text(0),
                           .data = rows->text(1),
                           .sequence_number = static_cast<std::uint64_t>(rows->integer(2)),
                           .arrived_ms = rows->integer(3)});
    if (records.empty()) TRY(next_sequence(*connection, shard));
    return records;
}

Result<std::uint64_t> DatabaseStream::end(int shard) {
    const auto connection = TRY(pool_.take());
    return static_cast<std::uint64_t>(TRY(next_sequence(*connection, shard)));
}

Result<void> DatabaseStream::trim(int shard, std::uint64_t from) {
    const auto connection = TRY(pool_.take());
    TRY(connection->change(
        "DELETE FROM stream_records WHERE stream = ? AND shard = ? AND sequence < ?",
        {name_, std::int64_t{shard}, static_cast<std::int64_t>(from)}));
    return {};
}

}  // namespace

Result<std::unique_ptr<Stream>> open_stream(sql::Database& database, std::string_view name,
                                            const StreamOptions& options, const Clock& clock) {
    TRY(sql::migrate(database, "queue", migrations()));
    auto stream = std::make_unique<DatabaseStream>(database, name, options, clock);
    TRY(stream->make());
    return stream;
}

Result<bool> remove_stream(sql::Database& database, std::string_view name) {
    TRY(sql::migrate(database, "queue", migrations()));
    const auto connection = TRY(database.connect());
    bool found = false;
    const auto work = [&]() -> Result<void> {
        const std::string stream(name);
        TRY(connection->change("DELETE FROM stream_records WHERE stream = ?", {stream}));
        found = TRY(connection->change("DELETE FROM stream_shards WHERE stream = ?", {stream})) > 0;
        return {};
    };
    TRY(connection->in_transaction(work));
    return found;
}

}  // namespace stroma::queue
