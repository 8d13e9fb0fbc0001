#include "delivery/prefix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/file.h"

namespace stroma::delivery {
namespace {

constexpr std::size_t evaluated_bytes_max = 512;
constexpr std::uint64_t zone_file_bytes_max = 1u << 20;

std::int64_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
    std::uint64_t value = static_cast<signed char>(bytes[at]) < 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = 0; i < count; ++i)
        value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return static_cast<std::int64_t>(value);
}

/// The parts of a TZif file (RFC 8536) whose times have `width` bytes.
struct ZoneBlock {
    std::size_t at = 0, width = 4;
    std::size_t times = 0, types = 0, chars = 0, leaps = 0, standards = 0, universals = 0;

    static std::optional<ZoneBlock> read(std::string_view file, std::size_t at, std::size_t width) {
        if (file.size() < at + 44 || file.substr(at, 4) != "TZif") return std::nullopt;
        const auto count = [&](std::size_t n) {
            return static_cast<std::size_t>(big_endian(file, at + 20 + 4 * n, 4)) & 0xffff'ffff;
        };
        ZoneBlock block{at + 44, width, count(3), count(4), count(5), count(2), count(1), count(0)};
        if (block.times > 10'000 || block.types > 256 || block.types == 0) return std::nullopt;
        if (file.size() < block.end()) return std::nullopt;
        return block;
    }
    std::size_t end() const {
        return at + times * (width + 1) + types * 6 + chars + leaps * (width + 4) + standards +
               universals;
    }
    std::int64_t offset_at(std::string_view file, std::int64_t unix_s) const {
        std::size_t type = 0;
        for (std::size_t t = 0; t < times; ++t)
            if (big_endian(file, at + t * width, width) <= unix_s)
                type = static_cast<unsigned char>(file[at + times * width + t]);
        if (type >= types) type = 0;
        return big_endian(file, at + times * (width + 1) + type * 6, 4);
    }
};

Error bad_zone(std::string_view zone) {
    return {ErrorCode::invalid_input, fmt::format("'{}' is not a time zone", zone)};
}

struct Run {
    char letter;
    std::size_t count;
};

constexpr std::array<std::string_view, 12> months = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                  "Thursday", "Friday", "Saturday"};

std::string padded(std::int64_t value, std::size_t digits) {
    return fmt::format("{:0{}}", value, digits);
}

std::string named(std::string_view name, std::size_t count) {
    return std::string(count > 3 ? name : name.substr(0, 3));
}

Result<std::string> format_run(const Run& run, const std::tm& time, std::int64_t ms) {
    const std::int64_t year = time.tm_year + 1900;
    switch (run.letter) {
        case 'y':
        case 'u': return run.count == 2 ? padded(year % 100, 2) : padded(year, run.count);
        case 'M':
        case 'L':
            return run.count > 2 ? named(months[static_cast<std::size_t>(time.tm_mon)], run.count)
                                 : padded(time.tm_mon + 1, run.count);
        case 'd': return padded(time.tm_mday, run.count);
        case 'D': return padded(time.tm_yday + 1, run.count);
        case 'H': return padded(time.tm_hour, run.count);
        case 'h': return padded((time.tm_hour + 11) % 12 + 1, run.count);
        case 'm': return padded(time.tm_min, run.count);
        case 's': return padded(time.tm_sec, run.count);
        case 'S':
            return (padded(ms, 3) + std::string(6, '0'))
                .substr(0, std::min<std::size_t>(run.count, 9));
        case 'E': return named(days[static_cast<std::size_t>(time.tm_wday)], run.count);
        case 'a': return std::string(time.tm_hour < 12 ? "AM" : "PM");
        default: break;
    }
    return fail(ErrorCode::invalid_input,
                fmt::format("'{}' isn't a letter of time patterns that is known here", run.letter));
}

Result<std::string> evaluate(std::string_view name_space, std::string_view value,
                             const PrefixValues& values) {
    if (name_space == "timestamp") return format_time(value, values.zone, values.unix_ms);
    if (name_space == "firehose" && value == "random-string") return values.random();
    if (name_space == "firehose" && value == "error-output-type" && !values.error_type.empty())
        return std::string(values.error_type);
    const auto& known =
        name_space == "partitionKeyFromQuery" ? values.from_query : values.from_transform;
    if (name_space == "partitionKeyFromQuery" || name_space == "partitionKeyFromLambda") {
        const auto found = known.find(std::string(value));
        if (found != known.end() && !found->second.empty()) return found->second;
        return fail(ErrorCode::invalid_input, fmt::format("there is no partition key '{}'", value));
    }
    return fail(ErrorCode::invalid_input,
                fmt::format("!{{{}:{}}} is not an expression", name_space, value));
}

}  // namespace

Result<std::int64_t> zone_offset(std::string_view zone, std::int64_t unix_ms) {
    if (zone.empty() || zone == "UTC" || zone == "Etc/UTC") return 0;
    const bool plain = std::ranges::all_of(zone, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '+' || c == '/';
    });
    if (!plain || zone.starts_with('/')) return fail(bad_zone(zone));
    const auto file = read_file(fs::path("/usr/share/zoneinfo") / zone, zone_file_bytes_max);
    if (!file) return fail(bad_zone(zone));
    const auto old_block = ZoneBlock::read(*file, 0, 4);
    if (!old_block) return fail(bad_zone(zone));
    const auto block = ZoneBlock::read(*file, old_block->end(), 8);
    return (block ? *block : *old_block).offset_at(*file, unix_ms / 1000);
}

Result<std::string> format_time(std::string_view pattern, std::string_view zone,
                                std::int64_t unix_ms) {
    // Of moments before 1970, too, the milliseconds count up from the second before.
    const bool is_before = unix_ms % 1000 < 0;
    const std::int64_t ms = unix_ms % 1000 + (is_before ? 1000 : 0);
    const std::time_t seconds =
        unix_ms / 1000 - (is_before ? 1 : 0) + TRY(zone_offset(zone, unix_ms));
    std::tm time{};
    ::gmtime_r(&seconds, &time);
    std::string text;
    for (std::size_t at = 0; at < pattern.size();) {
        const char letter = pattern[at];
        if (letter == '\'') {
            const std::size_t end = pattern.find('\'', at + 1);
            if (end == std::string_view::npos)
                return fail(ErrorCode::invalid_input, "a quote in a time pattern doesn't end");
            // Two quotes are one, within quotes as outside of them.
            text += end == at + 1 ? "'" : pattern.substr(at + 1, end - at - 1);
            if (end > at + 1 && end + 1 < pattern.size() && pattern[end + 1] == '\'') {
                text += '\'';
                at = end + 1;
                continue;
            }
            at = end + 1;
            continue;
        }
        const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
        if (!is_letter) {
            text += letter;
            ++at;
            continue;
        }
        const std::size_t end = std::min(pattern.find_first_not_of(letter, at), pattern.size());
        text += TRY(format_run({letter, end - at}, time, ms));
        at = end;
    }
    return text;
}

bool has_expression(std::string_view prefix) { return prefix.find("!{") != std::string_view::npos; }

bool uses(std::string_view prefix, std::string_view name_space) {
    return prefix.find(fmt::format("!{{{}:", name_space)) != std::string_view::npos;
}

Result<std::string> evaluate_prefix(std::string_view prefix, const PrefixValues& values) {
    std::string text;
    for (std::size_t at = 0; at < prefix.size();) {
        const std::size_t begin = prefix.find("!{", at);
        text += prefix.substr(at, begin - at);
        if (begin == std::string_view::npos) break;
        const std::size_t end = prefix.find('}', begin), colon = prefix.find(':', begin);
        if (end == std::string_view::npos || colon > end)
            return fail(ErrorCode::invalid_input,
                        fmt::format("'{}' has an expression that doesn't end", prefix));
        text += TRY(evaluate(prefix.substr(begin + 2, colon - begin - 2),
                             prefix.substr(colon + 1, end - colon - 1), values));
        at = end + 1;
    }
    if (!uses(prefix, "timestamp")) {
        if (!values.error_type.empty() && !uses(prefix, "firehose"))
            text += std::string(values.error_type) + "/";
        text += TRY(format_time("yyyy/MM/dd/HH/", values.zone, values.unix_ms));
    }
    if (text.size() > evaluated_bytes_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("the prefix '{}' becomes longer than {} bytes", prefix,
                                evaluated_bytes_max));
    return text;
}

}  // namespace stroma::delivery
