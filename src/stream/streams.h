#pragma once

#include <functional>
#include <memory>
#include <shared_mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "queue/growing_stream.h"
#include "stream/hot_keys.h"
#include "stream/position.h"
#include "stream/stream_info.h"

namespace stroma::stream {

/// Opens the log of a stream's records in that folder, making it if it isn't there.
struct LogOptions {
    int shards = 1;
    Milliseconds retention{0};
    std::uint64_t identity = 1;
};
using OpenLog = std::function<Result<std::unique_ptr<queue::GrowingStream>>(const fs::path& folder,
                                                                            const LogOptions&)>;

struct StreamsOptions {
    fs::path folder;
    /// How long a stream is said to be creating, updating or deleting.
    Milliseconds transition{0};
    /// A shard takes 1,000 records or 1 MiB a second, and is read five times or 2 MiB a second.
    bool limits = false;
};

/// A record on its way in; what its views show is copied before put returns.
struct NewRecord {
    std::string_view partition_key;
    std::string_view data;
    std::optional<HashKey> hash;  ///< in place of the key's own
    // set by put:
    std::uint32_t shard = 0;
    SequenceNumber number;
    bool throttled = false;  ///< its shard takes no more this second; it isn't kept
};

struct Reading {
    std::vector<queue::Record> records;
    std::uint64_t next = 0;          ///< where to read on
    bool drained = false;            ///< the shard is closed and nothing comes any more
    std::int64_t millis_behind = 0;  ///< how far the reader is behind the newest record
    std::shared_ptr<const StreamInfo> stream;
};

/// How far behind the newest record whoever read a stream was, at the worst of the last minute.
struct Behind {
    std::uint64_t records = 0;
    std::int64_t ms = 0;
};

/// What the sum of a stream's puts and gets came to since the start.
struct Traffic {
    std::uint64_t records_in = 0, bytes_in = 0, records_out = 0, bytes_out = 0, throttled = 0;
    std::uint64_t stored_bytes = 0;
    std::optional<Behind> behind;   ///< nothing when nobody read
    std::optional<HotKey> hot_key;  ///< the latest one
    std::uint64_t hot_seconds = 0;  ///< in how many seconds there was one
};

/// All streams of the site. Any thread.
class Streams {
public:
    static Result<std::unique_ptr<Streams>> open(const StreamsOptions& options, OpenLog open_log,
                                                 const Clock& clock, IdSource& ids);
    ~Streams();

    /// already_exists; the shards' count is the caller's to limit.
    Result<void> create(std::string_view name, std::string_view owner, int shards, bool on_demand,
                        std::map<std::string, std::string> tags = {});
    /// The stream and its records go. not_found
    Result<void> remove(std::string_view name);
    /// In order.
    std::vector<std::string> names();
    Result<std::shared_ptr<const StreamInfo>> find(std::string_view name);
    Result<Traffic> traffic(std::string_view name);

    /// Changes what isn't a shard; `edit` gets a copy, which is stored when it succeeds.
    Result<void> change(std::string_view name,
                        const std::function<Result<void>(StreamInfo&)>& edit);
    /// Changes shards; appends wait meanwhile. `edit` is given where shards end.
    Result<void> reshard(std::string_view name,
                         const std::function<Result<void>(StreamInfo&, const ShardEnd&)>& edit);

    /// Appends the records in their order; they have reached the disk. Records that are throttled
    /// are left out. not_found also while the stream is being made or removed.
    Result<void> put(std::string_view name, std::span<NewRecord> records);
    /// At most `most` records and 10 MiB. not_found when the stream isn't that creation any more;
    /// exhausted when the shard is read too often.
    Result<Reading> read(const Position& position, int most);
    /// A shard's records, without limits; see queue::GrowingStream.
    Result<std::vector<queue::Record>> read_log(std::string_view name, std::uint32_t shard,
                                                std::uint64_t from, int most,
                                                std::size_t bytes_most);
    Result<std::uint64_t> first_since(std::string_view name, std::uint32_t shard,
                                      std::int64_t unix_ms);
    Result<queue::ShardTip> tip(std::string_view name, std::uint32_t shard);
    /// Until something may have come to the stream since `seen` (0 at first), `wait` is over or
    /// `left`. Gives what to hand over as `seen` next time.
    std::uint64_t wait_for_change(std::string_view name, std::uint64_t seen, Milliseconds wait,
                                  const std::stop_token& left);

    /// Subscribes that consumer to the shard; who was subscribed before is no more. Nothing when
    /// that was less than five seconds ago. errors  not_found
    Result<std::optional<std::uint64_t>> subscribe(std::string_view name, std::string_view consumer,
                                                   std::uint32_t shard);
    /// Whether nobody has taken that subscription over.
    bool is_subscribed(std::string_view name, std::string_view consumer, std::uint32_t shard,
                       std::uint64_t subscription);

    /// Copies every stream as it is now, with what iterators are signed with, into that folder,
    /// from which `open` goes on. Puts go on meanwhile; what they bring may be left out.
    Result<void> copy_to(const fs::path& folder);
    /// Drops what is past its retention and ends what is being removed.
    void tidy();
    /// Made at the first start and kept: what iterators are signed with.
    const std::string& secret() const { return secret_; }
    std::int64_t now_ms() const { return clock_.unix_ms(); }
    bool has_limits() const { return options_.limits; }
    /// How long a stream is said to be changing.
    Milliseconds transition() const { return options_.transition; }

private:
    struct Open;
    Streams(const StreamsOptions& options, OpenLog open_log, const Clock& clock, IdSource& ids);
    Result<void> load();
    Result<void> load_folder(const fs::path& folder);
    Result<std::shared_ptr<Open>> opened(std::string_view name);
    Result<std::shared_ptr<Open>> opened_as(const Position& position);
    Result<void> forget(const std::shared_ptr<Open>& stream);
    Result<void> open_its_log(Open& stream);

    const StreamsOptions options_;
    const OpenLog open_log_;
    const Clock& clock_;
    IdSource& ids_;
    std::string secret_;
    std::shared_mutex mutex_;
    std::map<std::string, std::shared_ptr<Open>, std::less<>> streams_;
};

}  // namespace stroma::stream
