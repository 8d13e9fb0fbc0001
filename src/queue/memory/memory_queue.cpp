#include "queue/memory/memory_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace stroma::queue {
namespace {

constexpr std::int64_t deduplication_ms = 5 * 60 * 1000;
constexpr Milliseconds look_again{20};

}  // namespace

Result<std::string> MemoryQueue::send(std::string_view body, const SendOptions& options) {
    if (body.size() > options_.body_bytes_max)
        return fail(ErrorCode::exhausted, fmt::format("the message has {} bytes; the limit is {}",
                                                      body.size(), options_.body_bytes_max));
    std::string id;
    {
        const std::lock_guard lock(mutex_);
        const std::int64_t now = clock_.steady_ms();
        std::erase_if(deduplication_,
                      [&](const auto& sent) { return sent.second.until_ms <= now; });
        const auto known = deduplication_.find(options.deduplication_id);
        if (known != deduplication_.end()) return known->second.id;
        id = insert(body, options);
        if (!options.deduplication_id.empty())
            deduplication_[options.deduplication_id] = {id, now + deduplication_ms};
    }
    channel_.wake();
    return id;
}

std::string MemoryQueue::insert(std::string_view body, const SendOptions& options) {
    Entry entry;
    entry.message.id = ids_.uuid();
    entry.message.body = body;
    entry.message.sent_ms = clock_.unix_ms();
    entry.message.group = options.group;
    entry.due_ms = clock_.steady_ms() + options.delay.count();
    entries_.push_back(std::move(entry));
    return entries_.back().message.id;
}

bool MemoryQueue::is_first_of_group(Entries::const_iterator entry) const {
    const std::string& group = entry->message.group;
    return group.empty() || std::none_of(entries_.begin(), entry, [&](const Entry& earlier) {
               return earlier.message.group == group;
           });
}

Result<std::vector<Message>> MemoryQueue::receive(int most, Milliseconds wait,
                                                  std::optional<Milliseconds> lease) {
    using std::chrono::steady_clock;
    const auto deadline = steady_clock::now() + wait;
    for (;;) {
        const std::uint64_t generation = channel_.generation();
        auto messages = receive_now(most, lease.value_or(options_.lease));
        const auto left = std::chrono::ceil<Milliseconds>(deadline - steady_clock::now());
        if (!messages.empty() || left <= Milliseconds{0}) return messages;
        channel_.wait_past(generation, std::min(left, look_again));
    }
}

std::vector<Message> MemoryQueue::receive_now(int most, Milliseconds lease) {
    const std::lock_guard lock(mutex_);
    drop_expired();
    const std::int64_t now = clock_.steady_ms();
    std::vector<Message> leased;
    for (auto at = entries_.begin(); at != entries_.end();) {
        const auto entry = at++;
        if (leased.size() >= static_cast<std::size_t>(most)) break;
        if (entry->due_ms > now || !is_first_of_group(entry)) continue;
        if (entry->message.delivery_count >= options_.deliveries_max) {
            bury_entry(entry, fmt::format("not acknowledged after {} deliveries",
                                          entry->message.delivery_count));
            continue;
        }
        entry->message.receipt = ids_.uuid();
        ++entry->message.delivery_count;
        entry->due_ms = now + lease.count();
        leased.push_back(entry->message);
    }
    return leased;
}

Result<MemoryQueue::Entries::iterator> MemoryQueue::held(std::string_view receipt) {
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return !receipt.empty() && entry.message.receipt == receipt;
    });
    if (found != entries_.end()) return found;
    return fail(ErrorCode::not_found,
                "the receipt is not current: the message was settled, or "
                "its lease ended and another receiver holds it");
}

Result<void> MemoryQueue::acknowledge(std::string_view receipt) {
    {
        const std::lock_guard lock(mutex_);
        entries_.erase(TRY(held(receipt)));
    }
    channel_.wake();
    return {};
}

Result<void> MemoryQueue::extend(std::string_view receipt, Milliseconds lease) {
    const std::lock_guard lock(mutex_);
    TRY(held(receipt))->due_ms = clock_.steady_ms() + lease.count();
    return {};
}

Result<void> MemoryQueue::give_back(std::string_view receipt, Milliseconds delay) {
    {
        const std::lock_guard lock(mutex_);
        const auto entry = TRY(held(receipt));
        entry->message.receipt.clear();
        entry->due_ms = clock_.steady_ms() + delay.count();
    }
    channel_.wake();
    return {};
}

void MemoryQueue::bury_entry(Entries::iterator entry, std::string_view reason) {
    const Message& message = entry->message;
    dead_.push_back({{.id = message.id,
                      .body = message.body,
                      .reason = std::string(reason),
                      .delivery_count = message.delivery_count,
                      .died_ms = clock_.unix_ms()},
                     message.group});
    entries_.erase(entry);
}

Result<void> MemoryQueue::bury(std::string_view receipt, std::string_view reason) {
    {
        const std::lock_guard lock(mutex_);
        bury_entry(TRY(held(receipt)), reason);
    }
    channel_.wake();
    return {};
}

Result<std::vector<DeadLetter>> MemoryQueue::dead_letters(int most) {
    const std::lock_guard lock(mutex_);
    std::vector<DeadLetter> letters;
    for (const Dead& dead : dead_)
        if (letters.size() < static_cast<std::size_t>(most)) letters.push_back(dead.letter);
    return letters;
}

Result<std::int64_t> MemoryQueue::redrive() {
    std::int64_t sent = 0;
    {
        const std::lock_guard lock(mutex_);
        for (const Dead& dead : dead_) {
            SendOptions options;
            options.group = dead.group;
            insert(dead.letter.body, options);
            ++sent;
        }
        dead_.clear();
    }
    channel_.wake();
    return sent;
}

Result<std::int64_t> MemoryQueue::purge() {
    const std::lock_guard lock(mutex_);
    const auto purged = static_cast<std::int64_t>(entries_.size());
    entries_.clear();
    return purged;
}

void MemoryQueue::drop_expired() {
    const std::int64_t oldest = clock_.unix_ms() - options_.retention.count();
    std::erase_if(entries_, [&](const Entry& entry) { return entry.message.sent_ms < oldest; });
    std::erase_if(dead_, [&](const Dead& dead) { return dead.letter.died_ms < oldest; });
}

Result<QueueStats> MemoryQueue::stats() {
    const std::lock_guard lock(mutex_);
    drop_expired();
    const std::int64_t now = clock_.steady_ms();
    QueueStats stats;
    for (const Entry& entry : entries_) {
        const bool held_now = !entry.message.receipt.empty();
        ++(entry.due_ms <= now ? stats.ready : held_now ? stats.leased : stats.delayed);
        stats.oldest_age_ms =
            std::max(stats.oldest_age_ms, clock_.unix_ms() - entry.message.sent_ms);
    }
    stats.dead = static_cast<std::int64_t>(dead_.size());
    return stats;
}

MemoryStream::MemoryStream(int shards, const Clock& clock)
    : clock_(clock), shards_(static_cast<std::size_t>(shards)) {}

Result<int> MemoryStream::shard_count() { return static_cast<int>(shards_.size()); }

Result<MemoryStream::Shard*> MemoryStream::shard_numbered(int shard) {
    if (shard < 0 || static_cast<std::size_t>(shard) >= shards_.size())
        return fail(ErrorCode::not_found, fmt::format("the stream has no shard {}", shard));
    return &shards_[static_cast<std::size_t>(shard)];
}

Result<std::uint64_t> MemoryStream::append(int shard, std::span<const Record> records) {
    const std::lock_guard lock(mutex_);
    Shard* const to = TRY(shard_numbered(shard));
    const std::uint64_t first = to->next;
    for (Record record : records) {
        record.sequence_number = to->next++;
        record.arrived_ms = clock_.unix_ms();
        to->records.push_back(std::move(record));
    }
    return first;
}

Result<std::vector<Record>> MemoryStream::read(int shard, std::uint64_t from, int most) {
    const std::lock_guard lock(mutex_);
    const Shard* const of = TRY(shard_numbered(shard));
    std::vector<Record> records;
    for (const Record& record : of->records)
        if (record.sequence_number >= from && records.size() < static_cast<std::size_t>(most))
            records.push_back(record);
    return records;
}

Result<std::uint64_t> MemoryStream::end(int shard) {
    const std::lock_guard lock(mutex_);
    return TRY(shard_numbered(shard))->next;
}

Result<void> MemoryStream::trim(int shard, std::uint64_t from) {
    const std::lock_guard lock(mutex_);
    Shard* const of = TRY(shard_numbered(shard));
    std::erase_if(of->records, [&](const Record& record) { return record.sequence_number < from; });
    return {};
}

}  // namespace stroma::queue
