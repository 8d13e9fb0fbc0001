#include "redshift/zone_offsets.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>

#include "base/log.h"

namespace stroma::redshift {
namespace {

constexpr std::int64_t day_seconds = 86'400;

std::int64_t start_of_year(int year) {
    const std::chrono::sys_days first = std::chrono::year(year) / 1 / 1;
    return first.time_since_epoch().count() * day_seconds;
}

int year_of(std::int64_t seconds) {
    const std::chrono::sys_days day{std::chrono::floor<std::chrono::days>(
        std::chrono::sys_seconds(std::chrono::seconds(seconds)))};
    return static_cast<int>(std::chrono::year_month_day(day).year());
}

bool take_number(std::string_view& text, std::size_t digits, char behind, int& number) {
    if (text.size() < digits) return false;
    const char* const end = text.data() + digits;
    if (std::from_chars(text.data(), end, number).ptr != end) return false;
    text.remove_prefix(digits);
    if (behind == '\0') return true;
    if (!text.starts_with(behind)) return false;
    text.remove_prefix(1);
    return true;
}

std::string clock_offset(std::int32_t east) {
    const std::int32_t size = east < 0 ? -east : east;
    std::string text = fmt::format("{}{:02}", east < 0 ? '-' : '+', size / 3600);
    if (size % 3600 != 0) text += fmt::format(":{:02}", size / 60 % 60);
    if (size % 60 != 0) text += fmt::format(":{:02}", size % 60);
    return text;
}

}  // namespace

// The clock at moments as far apart as `step`; only where it isn't as it was before.
Result<std::vector<ZoneOffsets::Stretch>> ZoneOffsets::read_year(const std::string& zone,
                                                                 std::int64_t from,
                                                                 std::int64_t to) {
    const auto connection = TRY(connect_());
    struct Change {
        std::int64_t at;
        std::int32_t east;
    };
    const auto changes = [&](std::int64_t first, std::int64_t behind,
                             std::int64_t step) -> Result<std::vector<Change>> {
        const auto rows = TRY(connection->execute(
            "SELECT s, east FROM (SELECT s, CAST(epoch_us(timezone(?, make_timestamptz(s * "
            "1000000)))"
            " // 1000000 - s AS BIGINT) AS east FROM range(?, ?, ?) AS moments(s)) "
            "QUALIFY east IS DISTINCT FROM lag(east) OVER (ORDER BY s) ORDER BY s",
            std::array{sql::Value(zone), sql::Value(first), sql::Value(behind), sql::Value(step)}));
        std::vector<Change> found;
        while (TRY(rows->next()))
            found.push_back({rows->integer(0), static_cast<std::int32_t>(rows->integer(1))});
        return found;
    };
    constexpr std::int64_t hour = 3600;
    std::vector<Stretch> stretches;
    for (const Change& change : TRY(changes(from, to, hour))) {
        std::int64_t at = change.at;
        if (!stretches.empty()) {
            at = TRY(changes(change.at - hour, change.at + 1, 1)).back().at;
            stretches.back().to = at;
        }
        stretches.push_back({at, to, change.east});
    }
    if (stretches.empty()) return fail(ErrorCode::corrupt, "the engine tells no clock of " + zone);
    return stretches;
}

Result<ZoneOffsets::Stretch> ZoneOffsets::around(const std::string& zone, std::int64_t seconds) {
    const int year = year_of(seconds);
    const std::lock_guard lock(mutex_);
    auto& known = years_[zone][year];
    if (known.empty()) known = TRY(read_year(zone, start_of_year(year), start_of_year(year + 1)));
    for (const Stretch& each : known)
        if (seconds < each.to) return each;
    return known.back();
}

void ZoneClock::set_zone(std::string zone) {
    zone_ = std::move(zone);
    last_ = {};
}

std::string ZoneClock::local(std::string text) {
    std::string_view rest = text;
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    constexpr int year_max = 9999;
    const std::size_t digits = rest.find('-');
    if (is_utc() || digits < 4 || digits > 6 || !take_number(rest, digits, '-', year) ||
        year > year_max || !take_number(rest, 2, '-', month) || !take_number(rest, 2, ' ', day) ||
        !take_number(rest, 2, ':', hour) || !take_number(rest, 2, ':', minute) ||
        !take_number(rest, 2, '\0', second))
        return text;
    const std::size_t sign = rest.find("+00");
    if (sign == rest.npos || sign + 3 != rest.size()) return text;
    const std::string_view fraction = rest.substr(0, sign);
    const std::chrono::sys_days date = std::chrono::year(year) /
                                       std::chrono::month(static_cast<unsigned>(month)) /
                                       std::chrono::day(static_cast<unsigned>(day));
    const std::int64_t seconds =
        date.time_since_epoch().count() * day_seconds + hour * 3600 + minute * 60 + second;
    if (seconds < last_.from || seconds >= last_.to) {
        const auto found = offsets_.around(zone_, seconds);
        if (!found) {
            log(LogLevel::warning, "a zone's clock isn't known",
                {{"zone", zone_}, {"why", found.error().message}});
            return text;
        }
        last_ = *found;
    }
    const std::int64_t shown = seconds + last_.east;
    const auto days = std::chrono::floor<std::chrono::days>(
        std::chrono::sys_seconds(std::chrono::seconds(shown)));
    const std::chrono::year_month_day ymd{days};
    const std::int64_t of_day = shown - days.time_since_epoch().count() * day_seconds;
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}{}{}", static_cast<int>(ymd.year()),
                       static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                       of_day / 3600, of_day / 60 % 60, of_day % 60, fraction,
                       clock_offset(last_.east));
}

}  // namespace stroma::redshift
