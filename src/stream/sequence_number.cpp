#include "stream/sequence_number.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>

namespace stroma::stream {
namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr std::int64_t created_s_end = 16'025'175'000;
constexpr std::uint64_t ten_to_19 = 10'000'000'000'000'000'000ull;

/// 256 bits, the lowest first.
using Number = std::array<std::uint64_t, 4>;

/// Divides in place; gives the rest.
std::uint64_t divide(Number& number, std::uint64_t by) {
    std::uint64_t rest = 0;
    for (std::size_t limb = number.size(); limb-- > 0;) {
        if (number[limb] == 0 && rest == 0) continue;
        const Wide part = Wide{rest} << 64 | number[limb];
        number[limb] = static_cast<std::uint64_t>(part / by);
        rest = static_cast<std::uint64_t>(part % by);
    }
    return rest;
}

void write_digits(char* to, std::size_t count, std::uint64_t value) {
    while (count >= 2) {
        const auto pair = static_cast<unsigned>(value % 100);
        value /= 100;
        count -= 2;
        to[count] = static_cast<char>('0' + pair / 10);
        to[count + 1] = static_cast<char>('0' + pair % 10);
    }
    if (count == 1) to[0] = static_cast<char>('0' + value % 10);
}

std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    for (const char digit : text) {
        if (digit < '0' || digit > '9') return std::nullopt;
        std::uint64_t carry = static_cast<std::uint64_t>(digit - '0');
        for (std::uint64_t& limb : number) {
            const Wide part = Wide{limb} * 10 + carry;
            limb = static_cast<std::uint64_t>(part);
            carry = static_cast<std::uint64_t>(part >> 64);
        }
        if (carry != 0) return std::nullopt;
    }
    return number;
}

std::size_t bit_width(const Number& number) {
    for (std::size_t limb = number.size(); limb-- > 0;)
        if (number[limb] != 0)
            return limb * 64 + static_cast<std::size_t>(std::bit_width(number[limb]));
    return 0;
}

/// `count` bits from `from` on.
std::uint64_t bits(const Number& number, std::size_t from, std::size_t count) {
    const std::size_t limb = from / 64, shift = from % 64;
    std::uint64_t value = number[limb] >> shift;
    if (shift != 0 && limb + 1 < number.size()) value |= number[limb + 1] << (64 - shift);
    return count == 64 ? value : value & ((1ull << count) - 1);
}

}  // namespace

void write_sequence(char* to, const SequenceNumber& number) {
    const auto created = static_cast<std::uint64_t>(number.shard_created_s);
    const auto time = static_cast<std::uint64_t>(number.time_s);
    Number value = {
        2 | std::uint64_t{number.shard} << 4 | time << 36,
        (time >> 28 & 0xff) | number.counter << 16,
        number.counter >> 48 | std::uint64_t{number.shard & 15} << 16 | created << 20 | 2ull << 56,
        0};
    const std::uint64_t low = divide(value, ten_to_19);
    const std::uint64_t middle = divide(value, ten_to_19);
    write_digits(to, 18, value[0]);
    write_digits(to + 18, 19, middle);
    write_digits(to + 37, 19, low);
}

std::string to_text(const SequenceNumber& number) {
    std::string text(sequence_text_bytes, '0');
    write_sequence(text.data(), number);
    return text;
}

std::optional<ParsedSequence> parse_sequence(std::string_view text) {
    auto number = parse_number(text);
    if (!number) return std::nullopt;
    ParsedSequence parsed;
    if (bit_width(*number) <= 124) (*number)[1] += 1ull << 60;
    if (bit_width(*number) <= 129) {
        // Its hexadecimal digits are counted from the first one, whatever their number.
        const std::size_t digits = (bit_width(*number) + 3) / 4;
        parsed.version = 0;
        parsed.shard_created_s = static_cast<std::int64_t>(bits(*number, (digits - 10) * 4, 36));
        parsed.shard = static_cast<std::int64_t>(bits(*number, (digits - 32) * 4, 16));
        if (parsed.shard_created_s >= created_s_end) return std::nullopt;
        return parsed;
    }
    // From 2^185 to 1.5 × 2^185, both not included.
    const bool lowest = bit_width(*number) == 186 && bits(*number, 184, 1) == 0;
    const bool is_power = (*number)[0] == 0 && (*number)[1] == 0 && (*number)[2] == 1ull << 57;
    if (!lowest || is_power) return std::nullopt;
    parsed.version = static_cast<int>(bits(*number, 0, 4));
    if (parsed.version != 1 && parsed.version != 2) return std::nullopt;
    parsed.shard_created_s = static_cast<std::int64_t>(bits(*number, 148, 36));
    parsed.shard = static_cast<std::int32_t>(bits(*number, 4, 32));
    if (parsed.version == 1) return parsed;
    parsed.counter = bits(*number, 80, 64);
    parsed.time_s = static_cast<std::int64_t>(bits(*number, 36, 36));
    if (parsed.counter > SequenceNumber::counter_max || parsed.shard_created_s >= created_s_end)
        return std::nullopt;
    return parsed;
}

std::string shard_name(std::int64_t shard) {
    return shard < 0 ? fmt::format("shardId--{:011}", -shard)
                     : fmt::format("shardId-{:012}", shard);
}

std::optional<std::uint32_t> parse_shard_name(std::string_view name) {
    const std::size_t dash = name.find('-');
    if (dash != std::string_view::npos) {
        const std::string_view rest = name.substr(dash + 1);
        const std::string_view part = rest.substr(0, rest.find('-'));
        if (!part.empty()) name = part;
    }
    std::uint32_t shard = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), shard);
    if (read.ec != std::errc() || read.ptr != name.data() + name.size() || shard > 2147483647u)
        return std::nullopt;
    return shard;
}

}  // namespace stroma::stream
