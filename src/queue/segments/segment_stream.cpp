#include "queue/segments/segment_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <mutex>

#include "base/baton.h"
#include "base/log.h"
#include "queue/segments/segment.h"
#include "queue/segments/segment_index.h"

namespace stroma::queue {

using namespace segments;

namespace {

constexpr std::int64_t sweep_interval_ms = 60'000;
constexpr std::size_t round_bytes_max = 32u << 20;  ///< past it appends wait for the next round
constexpr std::size_t append_bytes_max = 256u << 20;
constexpr std::size_t scan_bytes = 256u << 10;

/// The appends that go to the disk together.
struct Round {
    Bytes bytes;
    bool done = false;
    std::optional<Error> failed;
    /// Of those who wait for it. They are told once the lock is let go: who is woken while it is
    /// held has to go to sleep again.
    std::vector<std::shared_ptr<Baton>> waiting;
};

struct Shard {
    std::uint64_t next = 1;     ///< what the next append is given
    std::uint64_t durable = 1;  ///< behind the last record that readers see
    std::uint64_t first = 0;    ///< what lies before was trimmed
    std::int64_t last_arrived_ms = 0;
};

/// A part of a segment in which a shard's records are looked for.
struct Stretch {
    std::shared_ptr<Segment> segment;
    std::uint64_t begin = 0, end = 0;  ///< blocks that begin there
    std::uint64_t durable = 0;
};

class SegmentStream final : public GrowingStream {
public:
    SegmentStream(fs::path folder, const SegmentOptions& options, const Clock& clock)
        : folder_(std::move(folder)),
          segment_bytes_(options.segment_bytes),
          clock_(clock),
          retention_(options.retention),
          shards_(static_cast<std::size_t>(options.shards)) {}

    Result<void> open(std::uint64_t identity);
    Result<int> shard_count() override;
    Result<std::uint64_t> append(int shard, std::span<const Record> records) override;
    Result<std::int64_t> append_each(std::span<Arrival> records) override;
    Result<std::vector<Record>> read(int shard, std::uint64_t from, int most) override {
        return read_within(shard, from, most, ~std::size_t{0});
    }
    Result<std::vector<Record>> read_within(int shard, std::uint64_t from, int most,
                                            std::size_t bytes_most) override;
    Result<std::uint64_t> first_since(int shard, std::int64_t unix_ms) override;
    Result<std::uint64_t> end(int shard) override { return TRY(tip(shard)).end; }
    Result<ShardTip> tip(int shard) override;
    Result<void> trim(int shard, std::uint64_t from) override;
    Result<void> grow(int shards) override;
    void retain(Milliseconds retention) override;
    Result<void> drop_expired() override;
    Result<CopyLog> copy_of_now() override;
    std::uint64_t stored_bytes() override;

private:
    using Lock = std::unique_lock<std::mutex>;

    Result<void> check(int shard) const;
    Segment& active() { return *segments_.back(); }
    void put_blocks(std::span<Arrival> records, std::int64_t now);
    Result<void> settle(Lock& lock, std::shared_ptr<Round> mine);
    void write_round(Lock& lock);
    Result<void> write_out(Lock& lock, Round& round);
    Result<void> roll(Lock& lock);
    void publish(const Round& round, std::uint64_t at);
    Result<void> sweep(Lock& lock);
    std::int64_t cutoff() const { return clock_.unix_ms() - retention_.count(); }
    std::optional<Stretch> stretch(std::uint32_t shard, std::uint64_t from,
                                   const Stretch* after) const;
    template <class Visit>
    Result<void> scan(const Stretch& stretch, std::uint32_t shard, Visit&& visit);

    const fs::path folder_;
    const std::uint64_t segment_bytes_;
    const Clock& clock_;

    mutable std::mutex mutex_;
    Milliseconds retention_;
    std::vector<Shard> shards_;
    std::deque<std::shared_ptr<Segment>> segments_;  ///< oldest first; never empty once open
    std::shared_ptr<Round> gathering_ = std::make_shared<Round>();
    bool writing_ = false;
    std::optional<Error> broken_;
    std::int64_t last_arrived_ms_ = 0;
    std::int64_t swept_ms_ = 0;
};

// ---- opening ------------------------------------------------------------------------------------

Result<void> SegmentStream::open(std::uint64_t identity) {
    TRY(make_folders(folder_));
    const auto numbers = TRY(segment_numbers(folder_));
    for (std::size_t n = 0; n < numbers.size(); ++n) {
        const bool last = n + 1 == numbers.size();
        auto opened = open_segment(segment_path(folder_, numbers[n]), last);
        if (!opened && last && opened.error().code == ErrorCode::not_found) break;
        if (!opened) return fail(std::move(opened.error()));
        const Segment& segment = *opened->segment;
        if (!segments_.empty() && segment.head.place.stream != active().head.place.stream)
            return fail(ErrorCode::corrupt,
                        fmt::format("{} belongs to another stream", segment.path.string()));
        shards_.resize(std::max(shards_.size(), segment.head.shards.size()));
        for (std::size_t s = 0; s < segment.head.shards.size(); ++s) {
            shards_[s].next = std::max(shards_[s].next, segment.head.shards[s].next);
            shards_[s].first = std::max(shards_[s].first, segment.head.shards[s].first);
        }
        for (const auto& [shard, part] : segment.shards) {
            shards_.resize(std::max<std::size_t>(shards_.size(), shard + 1));
            shards_[shard].next = std::max(shards_[shard].next, part.end);
            shards_[shard].last_arrived_ms = part.last_arrived_ms;
        }
        for (const Trim& trim : opened->trims)
            if (trim.shard < shards_.size()) shards_[trim.shard].first = trim.first;
        last_arrived_ms_ = std::max(last_arrived_ms_, segment.last_arrived_ms);
        segments_.push_back(std::move(opened->segment));
    }
    for (Shard& shard : shards_) shard.durable = shard.next;
    if (!segments_.empty() && segments_.back()->path == segment_path(folder_, numbers.back()))
        return {};
    // None yet, or the last one was never finished.
    SegmentHead head;
    head.place = {segments_.empty() ? identity : active().head.place.stream,
                  segments_.empty() ? 1 : active().head.place.number + 1};
    head.begun_ms = clock_.unix_ms();
    for (const Shard& shard : shards_) head.shards.push_back({shard.next, shard.first});
    segments_.push_back(TRY(begin_segment(folder_, std::move(head))));
    return {};
}

Result<void> SegmentStream::check(int shard) const {
    if (shard < 0 || static_cast<std::size_t>(shard) >= shards_.size())
        return fail(ErrorCode::not_found,
                    fmt::format("the stream in {} has no shard {}", folder_.string(), shard));
    return {};
}

Result<int> SegmentStream::shard_count() {
    const Lock lock(mutex_);
    return static_cast<int>(shards_.size());
}

Result<void> SegmentStream::grow(int shards) {
    const Lock lock(mutex_);
    if (static_cast<std::size_t>(shards) > shards_.size())
        shards_.resize(static_cast<std::size_t>(shards));
    return {};
}

void SegmentStream::retain(Milliseconds retention) {
    const Lock lock(mutex_);
    retention_ = retention;
}

std::uint64_t SegmentStream::stored_bytes() {
    const Lock lock(mutex_);
    std::uint64_t bytes = 0;
    for (const auto& segment : segments_) bytes += segment->durable;
    return bytes;
}

// ---- appending ----------------------------------------------------------------------------------

Result<std::uint64_t> SegmentStream::append(int shard, std::span<const Record> records) {
    std::vector<Arrival> arrivals;
    arrivals.reserve(records.size());
    for (const Record& record : records)
        arrivals.push_back(
            {.shard = shard, .partition_key = record.partition_key, .data = record.data});
    if (arrivals.empty()) return end(shard);
    TRY(append_each(arrivals));
    return arrivals.front().sequence_number;
}

/// One block for each shard, in the order of their first records.
void SegmentStream::put_blocks(std::span<Arrival> records, std::int64_t now) {
    std::vector<std::vector<const Arrival*>> of_shard;
    std::vector<int> order;
    std::map<int, std::size_t> place;
    const bool one_shard = std::ranges::all_of(
        records, [&](const Arrival& record) { return record.shard == records[0].shard; });
    for (Arrival& record : records) {
        std::size_t at = 0;
        if (one_shard) {
            if (of_shard.empty()) of_shard.emplace_back().reserve(records.size());
        } else {
            const auto found = place.try_emplace(record.shard, of_shard.size());
            if (found.second) of_shard.emplace_back();
            at = found.first->second;
        }
        if (of_shard[at].empty()) order.push_back(record.shard);
        of_shard[at].push_back(&record);
        record.sequence_number = shards_[static_cast<std::size_t>(record.shard)].next++;
    }
    for (std::size_t o = 0; o < order.size(); ++o) {
        BlockHead head;
        head.shard = static_cast<std::uint32_t>(order[o]);
        head.first = of_shard[o].front()->sequence_number;
        head.arrived_ms = now;
        append_block(gathering_->bytes, head, of_shard[o]);
    }
}

Result<std::int64_t> SegmentStream::append_each(std::span<Arrival> records) {
    Lock lock(mutex_);
    std::size_t bytes = 0;
    for (const Arrival& record : records) {
        TRY(check(record.shard));
        bytes += record.partition_key.size() + record.data.size();
    }
    if (records.empty()) return last_arrived_ms_;
    if (bytes > append_bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("an append of {} bytes; the limit is {}", bytes, append_bytes_max));
    while (!broken_ && gathering_->bytes.size() > round_bytes_max) (void)settle(lock, gathering_);
    if (broken_) return fail(*broken_);
    const std::int64_t now = std::max(clock_.unix_ms(), last_arrived_ms_);
    last_arrived_ms_ = now;
    put_blocks(records, now);
    TRY(settle(lock, gathering_));
    return now;
}

Result<void> SegmentStream::trim(int shard, std::uint64_t from) {
    Lock lock(mutex_);
    TRY(check(shard));
    if (broken_) return fail(*broken_);
    BlockHead head;
    head.kind = BlockKind::trim;
    head.shard = static_cast<std::uint32_t>(shard);
    head.first = std::min(from, shards_[head.shard].next);
    append_block(gathering_->bytes, head, {});
    return settle(lock, gathering_);
}

/// Waits until the round is on disk, writing it when nobody else does.
Result<void> SegmentStream::settle(Lock& lock, std::shared_ptr<Round> mine) {
    while (!mine->done) {
        if (!writing_) {
            write_round(lock);
            continue;
        }
        const auto baton = std::make_shared<Baton>();
        mine->waiting.push_back(baton);
        lock.unlock();
        baton->wait();
        lock.lock();
    }
    if (mine->failed) return fail(*mine->failed);
    return {};
}

void SegmentStream::write_round(Lock& lock) {
    const std::shared_ptr<Round> round = gathering_;
    gathering_ = std::make_shared<Round>();
    writing_ = true;
    auto written = broken_ ? Result<void>(fail(*broken_)) : write_out(lock, *round);
    if (!written) round->failed = std::move(written.error());
    const std::int64_t now = clock_.steady_ms();
    if (now - swept_ms_ >= sweep_interval_ms) {
        swept_ms_ = now;
        // The records are safe; what could not be dropped is tried again by the next sweep.
        if (const auto swept = sweep(lock); !swept)
            log(LogLevel::warning, "records past their retention could not be dropped",
                {{"folder", folder_.string()}, {"error", swept.error().message}});
    }
    writing_ = false;
    round->done = true;
    std::vector<std::shared_ptr<Baton>> told = std::move(round->waiting);
    if (auto& next = gathering_->waiting; !next.empty()) {
        // The next round's leader first: the disk waits for it.
        told.insert(told.begin(), std::move(next.back()));
        next.pop_back();
    }
    lock.unlock();
    for (const auto& baton : told) baton->pass();
    lock.lock();
}

Result<void> SegmentStream::write_out(Lock& lock, Round& round) {
    const std::int64_t age = clock_.unix_ms() - active().first_arrived_ms;
    const bool old = active().first_arrived_ms != 0 && age > retention_.count() / 24;
    if (!active().is_empty() && (old || active().durable + round.bytes.size() > segment_bytes_))
        TRY(roll(lock));
    Segment& segment = active();
    const std::uint64_t at = segment.durable;
    lock.unlock();
    for (std::size_t done = 0; done < round.bytes.size();)
        done += seal_block(std::span(round.bytes).subspan(done), segment.head.place, at + done, at);
    auto written = segment.file.write_at(at, round.bytes);
    const bool wrote = written.has_value();
    if (wrote)
        written = segment.file.sync();
    else if (auto undone = segment.file.truncate(at); !undone)
        written = fail(std::move(undone.error()));
    else {
        lock.lock();
        return written;
    }
    lock.lock();
    if (!written) {
        broken_ = Error{ErrorCode::unavailable,
                        written.error().message + "; the stream takes no records until a restart"};
        return fail(*broken_);
    }
    publish(round, at);
    return {};
}

void SegmentStream::publish(const Round& round, std::uint64_t at) {
    Segment& segment = active();
    for (std::size_t done = 0; done < round.bytes.size();) {
        const auto head = load<BlockHead>(round.bytes.data() + done);
        Shard& shard = shards_[head.shard];
        if (head.kind == BlockKind::trim) {
            shard.first = head.first;
        } else {
            segment.note(head, at + done);
            shard.durable = head.first + head.count;
            shard.last_arrived_ms = head.arrived_ms;
        }
        done += sizeof head + head.length;
    }
    segment.durable = at + round.bytes.size();
}

/// Begins a new segment. Called by the one who writes.
Result<void> SegmentStream::roll(Lock& lock) {
    SegmentHead head;
    head.place = {active().head.place.stream, active().head.place.number + 1};
    head.begun_ms = clock_.unix_ms();
    for (const Shard& shard : shards_) head.shards.push_back({shard.durable, shard.first});
    const std::shared_ptr<Segment> finished = segments_.back();
    lock.unlock();
    auto begun = begin_segment(folder_, std::move(head));
    if (begun)
        if (const auto indexed = write_index(*finished); !indexed)
            log(LogLevel::warning, "a segment has no index: the next start reads it whole",
                {{"segment", finished->path}, {"error", indexed.error().message}});
    lock.lock();
    if (!begun) return fail(std::move(begun.error()));
    segments_.push_back(std::move(*begun));
    return {};
}

// ---- retention ----------------------------------------------------------------------------------

/// Drops the oldest segments in which all records are past their time or trimmed. Called by the one
/// who writes.
Result<void> SegmentStream::sweep(Lock& lock) {
    const std::int64_t oldest_kept = cutoff();
    if (!active().is_empty() && active().last_arrived_ms < oldest_kept) TRY(roll(lock));
    std::vector<std::shared_ptr<Segment>> dropped;
    const auto is_trimmed = [&](const Segment& segment) {
        return std::ranges::all_of(segment.shards, [&](const auto& part) {
            return part.second.end <= shards_[part.first].first;
        });
    };
    while (segments_.size() > 1 &&
           (segments_.front()->last_arrived_ms < oldest_kept || is_trimmed(*segments_.front()))) {
        dropped.push_back(std::move(segments_.front()));
        segments_.pop_front();
    }
    lock.unlock();
    Result<void> removed;
    for (const auto& segment : dropped) {
        (void)remove_file(index_path(segment->path));
        if (auto gone = remove_file(segment->path); !gone) removed = fail(std::move(gone.error()));
    }
    lock.lock();
    return removed;
}

Result<void> SegmentStream::drop_expired() {
    Lock lock(mutex_);
    while (writing_) (void)settle(lock, gathering_);
    if (broken_) return fail(*broken_);
    writing_ = true;
    auto swept = sweep(lock);
    writing_ = false;
    if (auto& next = gathering_->waiting; !next.empty()) {
        next.back()->pass();
        next.pop_back();
    }
    return swept;
}

Result<CopyLog> SegmentStream::copy_of_now() {
    struct Part {
        std::shared_ptr<Segment> segment;
        std::uint64_t bytes = 0;
    };
    std::vector<Part> parts;
    const Lock lock(mutex_);
    for (const auto& segment : segments_) parts.push_back({segment, segment->durable});
    return [parts = std::move(parts)](const fs::path& folder) -> Result<void> {
        TRY(make_folders(folder));
        for (const Part& part : parts)
            TRY(copy_segment(*part.segment, part.bytes, folder / part.segment->path.filename()));
        return sync_folder(folder);
    };
}

// ---- reading ------------------------------------------------------------------------------------

Result<ShardTip> SegmentStream::tip(int shard) {
    const Lock lock(mutex_);
    TRY(check(shard));
    const Shard& found = shards_[static_cast<std::size_t>(shard)];
    return ShardTip{found.durable, found.last_arrived_ms};
}

/// Where to look for records from `from` on, behind `after`. Nothing at the stream's end.
std::optional<Stretch> SegmentStream::stretch(std::uint32_t shard, std::uint64_t from,
                                              const Stretch* after) const {
    std::size_t begin = segments_.size();
    while (begin > 0) {
        if (after && segments_[begin - 1]->head.place.number < after->segment->head.place.number)
            break;
        const auto part = segments_[begin - 1]->shards.find(shard);
        if (part != segments_[begin - 1]->shards.end() && part->second.end <= from) break;
        --begin;
    }
    for (; begin < segments_.size(); ++begin) {
        const std::shared_ptr<Segment>& segment = segments_[begin];
        const auto found = segment->shards.find(shard);
        if (found == segment->shards.end() || found->second.end <= from) continue;
        const auto& entries = found->second.entries;
        auto entry = std::ranges::upper_bound(entries, from, {}, &IndexEntry::first);
        if (entry != entries.begin()) --entry;
        if (after && after->segment == segment)
            while (entry != entries.end() && entry->offset < after->end) ++entry;
        if (entry == entries.end()) continue;
        const std::uint64_t end =
            std::next(entry) == entries.end()
                ? segment->durable
                : std::min<std::uint64_t>(std::next(entry)->offset, entry->offset + index_stride);
        return Stretch{segment, entry->offset, end, segment->durable};
    }
    return std::nullopt;
}

/// Calls visit(head, block) for each of the shard's blocks of records, until it gives false.
template <class Visit>
Result<void> SegmentStream::scan(const Stretch& stretch, std::uint32_t shard, Visit&& visit) {
    const Segment& segment = *stretch.segment;
    Bytes bytes;
    std::uint64_t held = stretch.begin;  // where `bytes` begins in the file
    const auto want = [&](std::uint64_t at, std::size_t count) -> Result<ByteSpan> {
        if (at + count > stretch.durable) return fail(segment.damaged_at(at));
        if (at < held || at + count > held + bytes.size()) {
            held = at;
            const std::uint64_t near_end = std::max(stretch.end, at + count);
            bytes.resize(std::min<std::uint64_t>(std::max(count, scan_bytes), near_end - at));
            if (bytes.size() < count) bytes.resize(count);
            TRY(segment.file.read_at(at, bytes));
        }
        return ByteSpan(bytes).subspan(at - held);
    };
    for (std::uint64_t at = stretch.begin; at < stretch.end;) {
        const auto head = peek_block(TRY(want(at, sizeof(BlockHead))));
        if (!head) return fail(segment.damaged_at(at));
        const std::size_t whole = sizeof(BlockHead) + head->length;
        if (head->kind == BlockKind::records && head->shard == shard) {
            const ByteSpan block = TRY(want(at, whole));
            if (!check_block(block, segment.head.place, at)) return fail(segment.damaged_at(at));
            if (!visit(*head, block.first(whole))) return {};
        }
        at += whole;
    }
    return {};
}

Result<std::vector<Record>> SegmentStream::read_within(int shard, std::uint64_t from, int most,
                                                       std::size_t bytes_most) {
    std::vector<Record> records;
    std::optional<Stretch> at;
    std::int64_t oldest_kept = 0;
    std::uint64_t end = 0;
    const auto number = static_cast<std::uint32_t>(shard);
    {
        const Lock lock(mutex_);
        TRY(check(shard));
        from = std::max(from, shards_[number].first);
        end = shards_[number].durable;
        oldest_kept = cutoff();
        at = stretch(number, from, nullptr);
    }
    std::size_t bytes = 0;
    bool full = most <= 0;
    const auto visit = [&](const BlockHead& head, ByteSpan block) {
        if (head.first >= end) return false;
        if (head.first + head.count <= from || head.arrived_ms < oldest_kept) return true;
        BlockRecords inside(head, block);
        std::string_view key, data;
        for (std::uint64_t sequence = head.first; !full && inside.next(key, data); ++sequence) {
            if (sequence < from) continue;
            bytes += key.size() + data.size();
            full = bytes > bytes_most && !records.empty();
            if (full) break;
            records.push_back({.partition_key = std::string(key),
                               .data = std::string(data),
                               .sequence_number = sequence,
                               .arrived_ms = head.arrived_ms});
            full = records.size() == static_cast<std::size_t>(most);
        }
        return !full;
    };
    while (at && !full) {
        auto scanned = scan(*at, number, visit);
        if (!scanned && records.empty()) return fail(std::move(scanned.error()));
        if (!scanned) break;  // told by the read that begins there
        const Lock lock(mutex_);
        at = stretch(number, from, &*at);
    }
    return records;
}

Result<std::uint64_t> SegmentStream::first_since(int shard, std::int64_t unix_ms) {
    const auto number = static_cast<std::uint32_t>(shard);
    std::vector<Stretch> places;
    std::uint64_t end = 0, kept_from = 0;
    {
        const Lock lock(mutex_);
        TRY(check(shard));
        unix_ms = std::max(unix_ms, cutoff());
        end = shards_[number].durable;
        kept_from = shards_[number].first;
        for (const auto& segment : segments_) {
            const auto part = segment->shards.find(number);
            if (part == segment->shards.end() || part->second.last_arrived_ms < unix_ms) continue;
            const auto& entries = part->second.entries;
            auto entry = std::ranges::lower_bound(entries, unix_ms, {}, &IndexEntry::arrived_ms);
            if (entry != entries.begin()) --entry;
            places.push_back({segment, entry->offset, segment->durable, segment->durable});
            break;
        }
    }
    std::uint64_t found = end;
    for (const Stretch& place : places)
        TRY(scan(place, number, [&](const BlockHead& head, ByteSpan) {
            if (head.arrived_ms < unix_ms) return true;
            found = head.first;
            return false;
        }));
    return std::max(found, kept_from);
}

}  // namespace

Result<std::unique_ptr<GrowingStream>> open_segments(const fs::path& folder,
                                                     const SegmentOptions& options,
                                                     const Clock& clock) {
    auto stream = std::make_unique<SegmentStream>(folder, options, clock);
    TRY(stream->open(options.identity));
    return stream;
}

Result<std::vector<std::string>> check_segments(const fs::path& folder) {
    std::vector<std::string> found;
    const auto numbers = TRY(segment_numbers(folder));
    for (const std::uint64_t number : numbers)
        for (std::string& problem :
             TRY(check_segment(segment_path(folder, number), number == numbers.back())))
            found.push_back(std::move(problem));
    return found;
}

}  // namespace stroma::queue
