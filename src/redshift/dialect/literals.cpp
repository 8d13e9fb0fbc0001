#include <fmt/format.h>

#include "redshift/dialect/call.h"
#include "redshift/load/value_reader.h"

namespace stroma::redshift {

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

}  // namespace stroma::redshift
