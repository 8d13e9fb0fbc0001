#include "redshift/hashes/hashes.h"

#include <bit>
#include <cctype>
#include <charconv>
#include <cstring>

namespace stroma::redshift {
namespace {

template <class T>
T read_as(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
}

constexpr std::uint64_t farm_k0 = 0xc3a5c85c97cb3127u, farm_k1 = 0xb492b66fbe98f273u,
                        farm_k2 = 0x9ae16a3b2f90404fu;

std::uint64_t farm_shift(std::uint64_t value) { return value ^ (value >> 47); }
std::uint64_t farm_64(const char* from) { return read_as<std::uint64_t>(from); }
std::uint64_t farm_32(const char* from) { return read_as<std::uint32_t>(from); }
std::uint64_t farm_mix(std::uint64_t low, std::uint64_t high, std::uint64_t factor) {
    std::uint64_t a = (low ^ high) * factor;
    a ^= a >> 47;
    std::uint64_t b = (high ^ a) * factor;
    b ^= b >> 47;
    return b * factor;
}

std::uint64_t farm_to_16(const char* from, std::size_t size) {
    const std::uint64_t factor = farm_k2 + size * 2;
    if (size >= 8) {
        const std::uint64_t a = farm_64(from) + farm_k2, b = farm_64(from + size - 8);
        const std::uint64_t c = std::rotr(b, 37) * factor + a;
        const std::uint64_t d = (std::rotr(a, 25) + b) * factor;
        return farm_mix(c, d, factor);
    }
    if (size >= 4) return farm_mix(size + (farm_32(from) << 3), farm_32(from + size - 4), factor);
    if (size == 0) return farm_k2;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(from[at]); };
    const std::uint32_t y = byte(0) + (static_cast<std::uint32_t>(byte(size >> 1)) << 8);
    const std::uint32_t z =
        static_cast<std::uint32_t>(size) + (static_cast<std::uint32_t>(byte(size - 1)) << 2);
    return farm_shift(y * farm_k2 ^ z * farm_k0) * farm_k2;
}

std::uint64_t farm_to_32(const char* from, std::size_t size) {
    const std::uint64_t factor = farm_k2 + size * 2;
    const std::uint64_t a = farm_64(from) * farm_k1, b = farm_64(from + 8);
    const std::uint64_t c = farm_64(from + size - 8) * factor;
    const std::uint64_t d = farm_64(from + size - 16) * farm_k2;
    return farm_mix(std::rotr(a + b, 43) + std::rotr(c, 30) + d, a + std::rotr(b + farm_k2, 18) + c,
                    factor);
}

std::uint64_t farm_to_64(const char* from, std::size_t size) {
    const std::uint64_t factor = farm_k2 + size * 2;
    const std::uint64_t a = farm_64(from) * farm_k2, b = farm_64(from + 8);
    const std::uint64_t c = farm_64(from + size - 8) * factor;
    const std::uint64_t d = farm_64(from + size - 16) * farm_k2;
    const std::uint64_t y = std::rotr(a + b, 43) + std::rotr(c, 30) + d;
    const std::uint64_t z = farm_mix(y, a + std::rotr(b + farm_k2, 18) + c, factor);
    const std::uint64_t e = farm_64(from + 16) * factor, f = farm_64(from + 24);
    const std::uint64_t g = (y + farm_64(from + size - 32)) * factor;
    const std::uint64_t h = (z + farm_64(from + size - 24)) * factor;
    return farm_mix(std::rotr(e + f, 43) + std::rotr(g, 30) + h, e + std::rotr(f + a, 18) + g,
                    factor);
}

struct FarmPair {
    std::uint64_t first = 0, second = 0;
};

FarmPair farm_weak(const char* from, std::uint64_t a, std::uint64_t b) {
    const std::uint64_t w = farm_64(from), x = farm_64(from + 8), y = farm_64(from + 16),
                        z = farm_64(from + 24);
    a += w;
    b = std::rotr(b + a + z, 21);
    const std::uint64_t c = a;
    a += x;
    a += y;
    b += std::rotr(a, 44);
    return {a + z, b + c};
}

std::string low_first(std::uint64_t value, std::size_t size) {
    std::string bytes;
    for (std::size_t at = 0; at < size; ++at)
        bytes += static_cast<char>((value >> (8 * at)) & 0xff);
    return bytes;
}

std::int64_t whole_number(std::string_view text) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

double real_number(std::string_view text) {
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

/// Days since 1970 of a day of Gregory's calendar, after Hinnant's "days_from_civil".
std::int64_t days_of(std::int64_t year, unsigned month, unsigned day) {
    year -= month <= 2 ? 1 : 0;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto of_era = static_cast<unsigned>(year - era * 400);
    const unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/// Microseconds since 1970 of "2020-01-02 03:04:05.6+00"; of a day alone its begin, of a time those
/// since midnight.
std::int64_t microseconds_of(std::string_view text) {
    std::int64_t parts[6] = {1970, 1, 1, 0, 0, 0};
    std::size_t part = text.find('-') == std::string_view::npos ? 3 : 0;
    std::int64_t fraction = 0, unit = 100000;
    bool in_fraction = false, in_number = false;
    for (const char sign : text) {
        if (std::isdigit(static_cast<unsigned char>(sign)) != 0) {
            const int digit = sign - '0';
            if (in_fraction) {
                fraction += digit * unit;
                unit /= 10;
            } else if (part < 6) {
                parts[part] = in_number ? parts[part] * 10 + digit : digit;
                in_number = true;
            }
            continue;
        }
        if (sign == '+' || in_fraction || (sign == '-' && part > 2)) break;  // a zone, always UTC
        in_fraction = sign == '.';
        if (in_number) ++part;
        in_number = false;
    }
    const std::int64_t days =
        days_of(parts[0], static_cast<unsigned>(parts[1]), static_cast<unsigned>(parts[2]));
    return ((days * 24 + parts[3]) * 60 + parts[4]) * 60000000 + parts[5] * 1000000 + fraction;
}

/// The engine's text of bytes: those that are no letters as \xE9.
std::string unescaped(std::string_view text) {
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); ++at) {
        unsigned value = 0;
        const bool is_escape = text[at] == '\\' && at + 3 < text.size() && text[at + 1] == 'x';
        if (is_escape) std::from_chars(text.data() + at + 2, text.data() + at + 4, value, 16);
        bytes += is_escape ? static_cast<char>(value) : text[at];
        if (is_escape) at += 3;
    }
    return bytes;
}

__extension__ typedef __int128 Wide;

Wide digits_of(std::string_view decimal) {
    Wide value = 0;
    for (const char sign : decimal)
        if (std::isdigit(static_cast<unsigned char>(sign)) != 0) value = value * 10 + (sign - '0');
    return decimal.starts_with('-') ? -value : value;
}

std::uint64_t epoch_2000() { return 946684800000000u; }

}  // namespace

std::uint64_t fnv_1a(std::string_view bytes, std::uint64_t seed) {
    for (const char byte : bytes) seed = (seed ^ static_cast<unsigned char>(byte)) * 1099511628211u;
    return seed;
}

std::uint32_t murmur3_32(std::string_view bytes, std::uint32_t seed) {
    constexpr std::uint32_t first = 0xcc9e2d51u, second = 0x1b873593u;
    std::uint32_t hash = seed;
    std::size_t at = 0;
    for (; at + 4 <= bytes.size(); at += 4) {
        hash ^= std::rotl(read_as<std::uint32_t>(bytes.data() + at) * first, 15) * second;
        hash = std::rotl(hash, 13) * 5 + 0xe6546b64u;
    }
    std::uint32_t rest = 0;
    for (std::size_t left = bytes.size(); left > at; --left)
        rest = (rest << 8) | static_cast<unsigned char>(bytes[left - 1]);
    hash ^= std::rotl(rest * first, 15) * second;
    hash ^= static_cast<std::uint32_t>(bytes.size());
    hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
    hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
    return hash ^ (hash >> 16);
}

std::uint64_t farm_fingerprint(std::string_view bytes) {
    const char* from = bytes.data();
    const std::size_t size = bytes.size();
    if (size <= 16) return farm_to_16(from, size);
    if (size <= 32) return farm_to_32(from, size);
    if (size <= 64) return farm_to_64(from, size);
    constexpr std::uint64_t seed = 81;
    std::uint64_t x = seed, y = seed * farm_k1 + 113;
    std::uint64_t z = farm_shift(y * farm_k2 + 113) * farm_k2;
    FarmPair v, w;
    x = x * farm_k2 + farm_64(from);
    const char* const end = from + ((size - 1) / 64) * 64;
    const char* const last = end + ((size - 1) & 63) - 63;
    for (; from != end; from += 64) {
        x = std::rotr(x + y + v.first + farm_64(from + 8), 37) * farm_k1;
        y = std::rotr(y + v.second + farm_64(from + 48), 42) * farm_k1;
        x ^= w.second;
        y += v.first + farm_64(from + 40);
        z = std::rotr(z + w.first, 33) * farm_k1;
        v = farm_weak(from, v.second * farm_k1, x + w.first);
        w = farm_weak(from + 32, z + w.second, y + farm_64(from + 16));
        std::swap(z, x);
    }
    const std::uint64_t factor = farm_k1 + ((z & 0xff) << 1);
    from = last;
    w.first += (size - 1) & 63;
    v.first += w.first;
    w.first += v.first;
    x = std::rotr(x + y + v.first + farm_64(from + 8), 37) * factor;
    y = std::rotr(y + v.second + farm_64(from + 48), 42) * factor;
    x ^= w.second * 9;
    y += v.first * 9 + farm_64(from + 40);
    z = std::rotr(z + w.first, 33) * factor;
    v = farm_weak(from, v.second * factor, x + w.first);
    w = farm_weak(from + 32, z + w.second, y + farm_64(from + 16));
    std::swap(z, x);
    return farm_mix(farm_mix(v.first, w.first, factor) + farm_shift(y) * farm_k0 + z,
                    farm_mix(v.second, w.second, factor) + x, factor);
}

std::string value_bytes(std::string_view text, std::string_view type) {
    if (type == "SMALLINT" || type == "TINYINT")
        return low_first(static_cast<std::uint64_t>(whole_number(text)), 2);
    if (type == "INTEGER") return low_first(static_cast<std::uint64_t>(whole_number(text)), 4);
    if (type == "BIGINT" || type == "HUGEINT")
        return low_first(static_cast<std::uint64_t>(whole_number(text)), 8);
    if (type == "BOOLEAN") return std::string(1, text == "true" ? '\1' : '\0');
    if (type == "DOUBLE") return low_first(std::bit_cast<std::uint64_t>(real_number(text)), 8);
    if (type == "FLOAT")
        return low_first(std::bit_cast<std::uint32_t>(static_cast<float>(real_number(text))), 4);
    if (type == "BLOB") return unescaped(text);
    if (type.starts_with("DECIMAL(")) {
        const Wide value = digits_of(text);
        const auto low = static_cast<std::uint64_t>(value);
        const bool is_wide = whole_number(type.substr(8)) > 18;
        return low_first(low, 8) +
               (is_wide ? low_first(static_cast<std::uint64_t>(value >> 64), 8) : "");
    }
    const auto since = static_cast<std::uint64_t>(microseconds_of(text));
    if (type == "DATE") {
        constexpr std::int64_t day = std::int64_t{86400} * 1000000;
        return low_first(
            static_cast<std::uint64_t>(static_cast<std::int64_t>(since - epoch_2000()) / day), 4);
    }
    if (type.starts_with("TIMESTAMP")) return low_first(since - epoch_2000(), 8);
    if (type.starts_with("TIME")) return low_first(since, 8);
    return std::string(text);
}

std::string iceberg_bytes(std::string_view text, std::string_view type) {
    if (type == "SMALLINT" || type == "TINYINT" || type == "INTEGER" || type == "BIGINT" ||
        type == "HUGEINT")
        return low_first(static_cast<std::uint64_t>(whole_number(text)), 8);
    if (type == "BOOLEAN") return low_first(text == "true" ? 1 : 0, 8);
    if (type == "DOUBLE" || type == "FLOAT")
        return low_first(std::bit_cast<std::uint64_t>(real_number(text)), 8);
    if (type == "BLOB") return unescaped(text);
    if (type.starts_with("DECIMAL(")) {
        const Wide value = digits_of(text);
        std::string bytes;
        Wide rest = value;
        do {
            bytes.insert(bytes.begin(), static_cast<char>(rest & 0xff));
            rest >>= 8;
        } while (rest != (value < 0 ? -1 : 0) || (bytes[0] < 0) != (value < 0));
        return bytes;
    }
    const std::int64_t since = microseconds_of(text);
    constexpr std::int64_t day = std::int64_t{86400} * 1000000;
    if (type == "DATE")
        return low_first(static_cast<std::uint64_t>((since - (((since % day) + day) % day)) / day),
                         8);
    if (type.starts_with("TIME")) return low_first(static_cast<std::uint64_t>(since), 8);
    return std::string(text);
}

}  // namespace stroma::redshift
