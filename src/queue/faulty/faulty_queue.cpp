#include "queue/faulty/faulty_queue.h"

namespace stroma::queue {

Result<std::string> FaultyQueue::send(std::string_view body, const SendOptions& options) {
    return faults_.run_or_repeat<std::string>("send", [&] { return queue_.send(body, options); });
}

Result<std::vector<Message>> FaultyQueue::receive(int most, Milliseconds wait,
                                                  std::optional<Milliseconds> lease) {
    return faults_.run<std::vector<Message>>("receive",
                                             [&] { return queue_.receive(most, wait, lease); });
}

Result<void> FaultyQueue::acknowledge(std::string_view receipt) {
    return faults_.run<void>("acknowledge", [&] { return queue_.acknowledge(receipt); });
}

Result<void> FaultyQueue::extend(std::string_view receipt, Milliseconds lease) {
    return faults_.run<void>("extend", [&] { return queue_.extend(receipt, lease); });
}

Result<void> FaultyQueue::give_back(std::string_view receipt, Milliseconds delay) {
    return faults_.run<void>("give_back", [&] { return queue_.give_back(receipt, delay); });
}

Result<void> FaultyQueue::bury(std::string_view receipt, std::string_view reason) {
    return faults_.run<void>("bury", [&] { return queue_.bury(receipt, reason); });
}

Result<std::vector<DeadLetter>> FaultyQueue::dead_letters(int most) {
    return faults_.run<std::vector<DeadLetter>>("dead_letters",
                                                [&] { return queue_.dead_letters(most); });
}

Result<std::int64_t> FaultyQueue::redrive() {
    return faults_.run<std::int64_t>("redrive", [&] { return queue_.redrive(); });
}

Result<std::int64_t> FaultyQueue::purge() {
    return faults_.run<std::int64_t>("purge", [&] { return queue_.purge(); });
}

Result<QueueStats> FaultyQueue::stats() {
    return faults_.run<QueueStats>("stats", [&] { return queue_.stats(); });
}

Result<int> FaultyStream::shard_count() {
    return faults_.run<int>("shard_count", [&] { return stream_.shard_count(); });
}

Result<std::uint64_t> FaultyStream::append(int shard, std::span<const Record> records) {
    return faults_.run_or_repeat<std::uint64_t>("append",
                                                [&] { return stream_.append(shard, records); });
}

Result<std::vector<Record>> FaultyStream::read(int shard, std::uint64_t from, int most) {
    return faults_.run<std::vector<Record>>("read",
                                            [&] { return stream_.read(shard, from, most); });
}

Result<std::uint64_t> FaultyStream::end(int shard) {
    return faults_.run<std::uint64_t>("end", [&] { return stream_.end(shard); });
}

Result<void> FaultyStream::trim(int shard, std::uint64_t from) {
    return faults_.run<void>("trim", [&] { return stream_.trim(shard, from); });
}

}  // namespace stroma::queue
