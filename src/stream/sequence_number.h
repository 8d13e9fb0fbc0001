#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stroma::stream {

/// A record's number as AWS writes it, "version 2": 56 decimal digits that are, as hexadecimal,
/// 2, 9 digits of when the shard was made, the last digit of the shard, 16 digits of a counter,
/// 00, 9 digits of when the record came, 8 digits of the shard, 2. Times are whole seconds.
struct SequenceNumber {
    std::int64_t shard_created_s = 0;
    std::uint32_t shard = 0;
    std::uint64_t counter = 0;
    std::int64_t time_s = 0;

    /// What stands as a closed shard's last one.
    static constexpr std::uint64_t counter_max = 0x7fffffffffffffff;
};

constexpr std::size_t sequence_text_bytes = 56;
/// Writes sequence_text_bytes digits to `to`.
void write_sequence(char* to, const SequenceNumber& number);
std::string to_text(const SequenceNumber& number);

/// What a client's number says; of the layouts 0 and 1 only the shard and its time are told.
struct ParsedSequence {
    int version = 2;
    std::int64_t shard_created_s = 0;
    std::int64_t shard = 0;  ///< negative is what a client may write, too
    std::uint64_t counter = 0;
    std::int64_t time_s = 0;
};
/// nothing when it can't be a sequence number.
std::optional<ParsedSequence> parse_sequence(std::string_view text);

/// "shardId-000000000007"
std::string shard_name(std::int64_t shard);
/// Of "shardId-000000000007", "7" and anything else up to a dash; nothing when it isn't a number.
std::optional<std::uint32_t> parse_shard_name(std::string_view name);

}  // namespace stroma::stream
