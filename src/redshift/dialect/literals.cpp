#include <fmt/format.h>

#include <array>

#include "redshift/dialect/call.h"
#include "redshift/load/value_reader.h"

namespace stroma::redshift {
namespace {

constexpr std::array<std::string_view, 6> interval_units = {"year", "month",  "day",
                                                            "hour", "minute", "second"};

/// The place of an interval's unit; interval_units.size() where it is none.
std::size_t interval_unit(const Token& token) {
    if (token.kind != TokenKind::word) return interval_units.size();
    for (std::size_t at = 0; at < interval_units.size(); ++at)
        if (token.word == interval_units[at]) return at;
    return interval_units.size();
}

/// "1 2:03:04.5" as "1 day 2 hour 3 minute 4.5 second", of units from the first to the last; ""
/// where it hasn't as many numbers.
std::string spelled_interval(std::string_view written, std::size_t first, std::size_t last) {
    const bool is_negative = written.starts_with('-');
    if (is_negative || written.starts_with('+')) written.remove_prefix(1);
    std::string made;
    for (std::size_t unit = first; unit <= last; ++unit) {
        const std::size_t end = unit == last ? written.size() : written.find_first_of("-: ");
        const std::string_view number = written.substr(0, end);
        const bool is_number = !number.empty() && end != std::string_view::npos &&
                               number.find_first_not_of("0123456789.") == std::string_view::npos;
        if (!is_number) return "";
        made += fmt::format("{}{}{} {}", made.empty() ? "" : " ", is_negative ? "-" : "", number,
                            interval_units[unit]);
        written.remove_prefix(unit == last ? end : end + 1);
    }
    return made;
}

}  // namespace

std::string single_backslashes(std::string_view pattern) {
    std::string made;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        made += pattern[at];
        if (pattern[at] == '\\' && at + 1 < pattern.size() && pattern[at + 1] == '\\') ++at;
    }
    return made;
}

std::string usual_moment(std::string_view written, bool is_date) {
    LoadColumn column;
    column.kind = is_date ? ValueKind::date : ValueKind::timestamp;
    CopyOptions options;
    options.date_format = options.time_format = "auto";
    LoadValue value;
    Misfit misfit;
    Field field;
    field.text = written;
    const bool is_usual = written.size() > 4 && written[4] == '-' && written.back() != 'M';
    if (is_usual || !read_value(column, field, options, value, misfit) || value.is_null)
        return std::string(written);
    // As days or microseconds since 1970, which the engine's epochs are.
    constexpr std::int64_t day = 86'400'000'000;
    const std::int64_t count = is_date ? value.integer * day : value.integer;
    const std::int64_t days = count >= 0 ? count / day : (count - day + 1) / day;
    const std::int64_t within = count - days * day;
    // The civil day of a count of days: the year begins in March.
    const std::int64_t shifted = days + 719468;
    const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    const std::int64_t of_era = shifted - era * 146097;
    const std::int64_t year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t march_month = (5 * of_year + 2) / 153;
    const std::int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    if (year < 1 || year > 9999) return std::string(written);
    const std::string date =
        fmt::format("{:04}-{:02}-{:02}", year, month, of_year - (153 * march_month + 2) / 5 + 1);
    if (is_date) return date;
    const std::int64_t seconds = within / 1'000'000;
    return fmt::format("{} {:02}:{:02}:{:02}.{:06}", date, seconds / 3600, seconds / 60 % 60,
                       seconds % 60, within % 1'000'000);
}

// The engine knows one unit behind the text, and no digits of seconds.
Answer<bool> Rewriter::interval_literal(Frame& frame, std::size_t& at) const {
    if (at + 2 >= frame.end || tokens_[at + 1].kind != TokenKind::text) return false;
    std::size_t next = at + 2;
    const auto take_unit = [&] {
        const std::size_t unit = interval_unit(tokens_[next]);
        if (unit == interval_units.size()) return unit;
        ++next;
        if (is_sign(next, "(")) next = closing(next) + 1;
        return unit;
    };
    const std::size_t first = take_unit();
    if (first == interval_units.size()) return false;
    std::size_t last = first;
    if (is_word(next, "to")) {
        ++next;
        last = take_unit();
    }
    const std::string& written = tokens_[at + 1].word;
    const std::string spelled =
        last >= first && last < interval_units.size() ? spelled_interval(written, first, last) : "";
    // Of one unit the engine takes more than a number.
    if (spelled.empty() && last == first) return false;
    if (spelled.empty())
        return fail(syntax_failure(tokens_[at + 1], "an interval of these units is expected"));
    frame.out += gap(at);
    frame.primary = frame.out.size();
    frame.out += "interval " + quoted_text(spelled);
    at = next;
    return true;
}

}  // namespace stroma::redshift
