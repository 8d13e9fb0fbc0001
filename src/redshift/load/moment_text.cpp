#include "redshift/load/moment_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <string>
#include <utility>

#include "redshift/lexer.h"

namespace stroma::redshift {
namespace {

constexpr std::int64_t day_us = 86'400'000'000;

bool is_figure(char letter) { return letter >= '0' && letter <= '9'; }
bool is_word_letter(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

class MomentReader {
public:
    explicit MomentReader(std::string_view text) : text_(text) {}

    bool number(std::size_t digits_max, std::int64_t& into, std::size_t digits_min = 1) {
        std::size_t digits = 0;
        into = 0;
        while (digits < digits_max && at_ < text_.size() && is_figure(text_[at_])) {
            into = into * 10 + (text_[at_++] - '0');
            ++digits;
        }
        return digits >= digits_min;
    }
    bool number(std::size_t digits_max, unsigned& into) {
        std::int64_t wide = 0;
        if (!number(digits_max, wide)) return false;
        into = static_cast<unsigned>(wide);
        return true;
    }
    bool take(char letter) {
        if (at_ >= text_.size() || text_[at_] != letter) return false;
        ++at_;
        return true;
    }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool at_end() const { return at_ >= text_.size(); }
    void skip() {
        if (at_ < text_.size()) ++at_;
    }
    std::string_view rest() const { return text_.substr(at_); }
    void skip(std::size_t count) { at_ = std::min(at_ + count, text_.size()); }

    bool fraction(Moment& moment) {
        std::int64_t digits = 0, unit = 100'000;
        for (moment.micros = 0; is_figure(peek()); skip(), ++digits, unit /= 10)
            moment.micros += (peek() - '0') * unit;
        return digits > 0;
    }
    // +01, +01:30, -0530, Z
    bool zone(Moment& moment) {
        while (take(' ')) {
        }
        if (at_end()) return true;
        if (rest() == "Z" || rest() == "z" || rest() == "UTC" || rest() == "GMT") {
            at_ = text_.size();
            return true;
        }
        const bool is_west = peek() == '-';
        if (!take('+') && !take('-')) return false;
        std::int64_t hours = 0, minutes = 0;
        if (!number(2, hours)) return false;
        take(':');
        if (!at_end() && !number(2, minutes)) return false;
        moment.offset_minutes = (hours * 60 + minutes) * (is_west ? -1 : 1);
        return at_end();
    }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

/// 1 to 12 of an English month's name, or of its first three letters; 0 for none. Moves behind.
unsigned month_name(MomentReader& in) {
    constexpr std::array<std::string_view, 12> names = {
        "january", "february", "march",     "april",   "may",      "june",
        "july",    "august",   "september", "october", "november", "december"};
    const std::string rest = lower_of(in.rest().substr(0, 9));
    for (unsigned month = 0; month < 12; ++month) {
        if (!rest.starts_with(names[month].substr(0, 3))) continue;
        in.skip(rest.starts_with(names[month]) ? names[month].size() : 3);
        return month + 1;
    }
    return 0;
}

/// 70 is 1970 and 69 is 2069, as PostgreSQL has it.
std::int64_t with_century(std::int64_t year) {
    if (year >= 100) return year;
    return year < 70 ? 2000 + year : 1900 + year;
}

// yyyy-mm-dd, also with / or . between, mm/dd/yyyy, dd Mon yyyy, yyyymmdd.
bool read_day(MomentReader& in, Moment& moment, bool is_auto) {
    std::int64_t first = 0, second = 0, third = 0;
    if (is_auto && !is_figure(in.peek())) {
        moment.month = month_name(in);
        while (in.take(' ') || in.take(',')) {
        }
        return moment.month > 0 && in.number(2, moment.day) && (in.take(',') || true) &&
               (in.take(' ') || true) && in.number(4, moment.year, 4);
    }
    const std::size_t before = in.rest().size();
    if (!in.number(8, first)) return false;
    const std::size_t digits = before - in.rest().size();
    if (digits == 8) {
        moment.year = first / 10'000;
        moment.month = static_cast<unsigned>(first / 100 % 100);
        moment.day = static_cast<unsigned>(first % 100);
        return true;
    }
    const char between = in.peek();
    if (between != '-' && between != '/' && between != '.' && !(is_auto && between == ' '))
        return false;
    in.skip();
    if (is_auto && !is_figure(in.peek())) {
        moment.month = month_name(in);
        second = moment.month;
        if (second == 0 || !in.take(between) || !in.number(4, third)) return false;
        moment.day = static_cast<unsigned>(first);
        moment.year = with_century(third);
        return true;
    }
    if (!in.number(2, second) || !in.take(between) || !in.number(4, third)) return false;
    if (digits == 4 || first > 31) {
        moment.year = first;
        moment.month = static_cast<unsigned>(second);
        moment.day = static_cast<unsigned>(third);
        return true;
    }
    if (third < 100 && !is_auto) return false;
    moment.month = static_cast<unsigned>(first);
    moment.day = static_cast<unsigned>(second);
    moment.year = with_century(third);
    return is_auto || between == '/';
}

bool read_clock(MomentReader& in, Moment& moment) {
    if (!in.number(2, moment.hour)) return false;
    if (!in.take(':')) return false;
    if (!in.number(2, moment.minute)) return false;
    if (in.take(':')) {
        if (!in.number(2, moment.second)) return false;
        if (in.take('.') && !in.fraction(moment)) return false;
    }
    return true;
}

// By a format of the user's: YYYY-MM-DD HH24:MI:SS…
bool read_by_format(MomentReader& in, Moment& moment, std::string_view format) {
    std::string upper = lower_of(format);
    for (char& letter : upper)
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    for (std::size_t at = 0; at < upper.size();) {
        const std::string_view rest = std::string_view(upper).substr(at);
        const auto is = [&](std::string_view part) {
            if (!rest.starts_with(part)) return false;
            at += part.size();
            return true;
        };
        std::int64_t number = 0;
        if (is("YYYY")) {
            if (!in.number(4, moment.year, 4)) return false;
        } else if (is("YY")) {
            if (!in.number(2, number, 2)) return false;
            moment.year = number < 70 ? 2000 + number : 1900 + number;
        } else if (is("MONTH") || is("MON")) {
            if ((moment.month = month_name(in)) == 0) return false;
        } else if (is("MM")) {
            if (!in.number(2, moment.month)) return false;
        } else if (is("DD")) {
            if (!in.number(2, moment.day)) return false;
        } else if (is("HH24") || is("HH12") || is("HH")) {
            if (!in.number(2, moment.hour)) return false;
        } else if (is("MI")) {
            if (!in.number(2, moment.minute)) return false;
        } else if (is("SS")) {
            if (!in.number(2, moment.second)) return false;
            if (in.peek() == '.' && !std::string_view(upper).substr(at).starts_with(".")) {
                in.skip();
                in.fraction(moment);
            }
        } else if (is("MS") || is("US")) {
            if (!in.fraction(moment)) return false;
        } else if (is("AM") || is("PM")) {
            const std::string half = lower_of(in.rest().substr(0, 2));
            if (half != "am" && half != "pm") return false;
            moment.has_half = true;
            moment.is_afternoon = half == "pm";
            in.skip(2);
        } else if (is("TZ") || is("OF")) {
            if (!in.zone(moment)) return false;
        } else {
            if (!in.take(format[at])) return false;
            ++at;
        }
    }
    if (moment.has_half) moment.hour = moment.hour % 12 + (moment.is_afternoon ? 12 : 0);
    return in.at_end();
}

/// Whether the first eight letters are digits where `shape` has 0 and its letters elsewhere. All at
/// once: XOR leaves 0 to 9 of a right digit and 0 of a right letter, and what is added to the byte
/// sets its highest bit when it is more.
bool has_shape(std::string_view text, std::string_view shape) {
    std::uint64_t word = 0, wanted = 0, room = 0;
    for (std::size_t at = 0; at < 8; ++at) {
        wanted |= std::uint64_t{static_cast<unsigned char>(shape[at])} << (8 * at);
        room |= std::uint64_t{shape[at] == '0' ? 0x7Fu - 9 : 0x7Fu} << (8 * at);
    }
    std::memcpy(&word, text.data(), 8);
    word ^= wanted;
    return (((word + room) | word) & 0x8080808080808080) == 0;
}

/// yyyy-mm-dd hh:mm:ss, with or without a fraction: what most moments are. False for any other.
bool read_usual_moment(std::string_view text, Moment& moment) {
    constexpr std::string_view shape = "0000-00-00 00:00:00";
    constexpr std::size_t digits_max = 6;
    if (text.size() < shape.size() || text.size() > shape.size() + 1 + digits_max) return false;
    if (!has_shape(text, shape.substr(0, 8)) || !has_shape(text.substr(8), shape.substr(8, 8)) ||
        !has_shape(text.substr(11), shape.substr(11)))
        return false;
    const auto two = [&](std::size_t at) {
        return static_cast<unsigned>((text[at] - '0') * 10 + (text[at + 1] - '0'));
    };
    moment.year = static_cast<std::int64_t>(two(0) * 100 + two(2));
    moment.month = two(5);
    moment.day = two(8);
    moment.hour = two(11);
    moment.minute = two(14);
    moment.second = two(17);
    if (text.size() == shape.size()) return true;
    std::int64_t unit = 100'000;
    for (std::size_t at = shape.size() + 1; at < text.size(); ++at, unit /= 10) {
        if (!is_figure(text[at])) return false;
        moment.micros += (text[at] - '0') * unit;
    }
    return text[shape.size()] == '.' && text.size() > shape.size() + 1;
}

/// East of Greenwich, as PostgreSQL's usual abbreviations.
struct ZoneName {
    std::string_view name;
    int minutes;
};
constexpr ZoneName zone_names[] = {
    {"z", 0},      {"utc", 0},    {"gmt", 0},     {"wet", 0},     {"west", 60},  {"bst", 60},
    {"cet", 60},   {"cest", 120}, {"eet", 120},   {"eest", 180},  {"msk", 180},  {"ist", 120},
    {"jst", 540},  {"kst", 540},  {"aest", 600},  {"aedt", 660},  {"nzst", 720}, {"nzdt", 780},
    {"est", -300}, {"edt", -240}, {"cst", -360},  {"cdt", -300},  {"mst", -420}, {"mdt", -360},
    {"pst", -480}, {"pdt", -420}, {"akst", -540}, {"akdt", -480}, {"hst", -600}, {"ast", -240},
    {"adt", -180}, {"nst", -210}, {"ndt", -150}};

/// What 'auto' finds piece by piece, in any order that leaves no doubt.
class AnyMoment {
public:
    explicit AnyMoment(std::string_view text) : in_(text) {}
    bool read(Moment& moment);

private:
    bool piece();
    bool word();
    bool number();
    bool clock(unsigned hour);
    bool day_of_year(std::int64_t year);
    bool julian();
    bool plain_number(std::int64_t value, std::size_t digits);
    bool set_year(std::int64_t year, std::size_t digits) {
        year_digits_ = digits;
        made_.year = year;
        return !std::exchange(has_year_, true);
    }
    bool set_month(unsigned month) {
        made_.month = month;
        return !std::exchange(has_month_, true);
    }
    bool set_day(std::int64_t day) {
        made_.day = static_cast<unsigned>(day);
        return !std::exchange(has_day_, true);
    }

    MomentReader in_;
    Moment made_;
    std::size_t year_digits_ = 4;
    bool has_year_ = false, has_month_ = false, has_day_ = false, has_clock_ = false;
    bool is_before_christ_ = false;
};

bool AnyMoment::read(Moment& moment) {
    while (!in_.at_end())
        if (!piece()) return false;
    if (!has_year_ || !has_month_ || !has_day_) return false;
    if (is_before_christ_)
        made_.year = 1 - made_.year;
    else if (year_digits_ <= 2)
        made_.year = with_century(made_.year);
    if (made_.has_half) {
        if (made_.hour < 1 || made_.hour > 12) return false;
        made_.hour = made_.hour % 12 + (made_.is_afternoon ? 12 : 0);
    }
    moment = made_;
    return true;
}

bool AnyMoment::piece() {
    const char letter = in_.peek();
    if (letter == ' ' || letter == ',' || letter == '-' || letter == '/' || letter == '.') {
        const bool is_zone = letter == '-' && has_clock_ && has_day_ && has_year_;
        if (is_zone) return in_.zone(made_);
        in_.skip();
        return true;
    }
    if (letter == '+') return has_clock_ && in_.zone(made_);
    return is_figure(letter) ? number() : word();
}

bool AnyMoment::word() {
    const std::string rest = lower_of(in_.rest());
    std::size_t size = 0;
    while (size < rest.size() && is_word_letter(rest[size])) ++size;
    const std::string name = rest.substr(0, size);
    if (name == "j" && rest.size() > 1 && is_figure(rest[1])) return julian();
    if (name == "t" && has_day_ && !has_clock_) {
        in_.skip();
        return is_figure(in_.peek());
    }
    if (name.size() >= 3 && !has_month_)
        if (const unsigned month = month_name(in_); month > 0) return set_month(month);
    in_.skip(size);
    if (name == "bc" || name == "ad") {
        is_before_christ_ = name == "bc";
        return true;
    }
    if (name == "am" || name == "pm") {
        made_.is_afternoon = name == "pm";
        return has_clock_ && !std::exchange(made_.has_half, true);
    }
    constexpr std::string_view days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                         "friday", "saturday", "sunday"};
    for (const std::string_view day : days)
        if (name == day || name == day.substr(0, 3)) return true;
    for (const ZoneName& zone : zone_names)
        if (name == zone.name && has_clock_) {
            made_.offset_minutes = zone.minutes;
            return true;
        }
    return false;
}

bool AnyMoment::number() {
    const std::size_t before = in_.rest().size();
    std::int64_t value = 0;
    if (!in_.number(9, value)) return false;
    const std::size_t digits = before - in_.rest().size();
    if (in_.peek() == ':') return digits <= 2 && clock(static_cast<unsigned>(value));
    if (in_.peek() == '.' && digits == 4 && !has_year_ && !has_day_) {
        // 1996.008 is a day of a year; 1996.01.08 is not.
        const std::string_view rest = in_.rest();
        const auto is_at = [&](std::size_t at) { return at < rest.size() && is_figure(rest[at]); };
        if (is_at(1) && is_at(2) && is_at(3) && !is_at(4)) return day_of_year(value);
    }
    return plain_number(value, digits);
}

bool AnyMoment::plain_number(std::int64_t value, std::size_t digits) {
    if (digits == 8 && !has_year_ && !has_day_)
        return set_year(value / 10'000, 4) && set_month(static_cast<unsigned>(value / 100 % 100)) &&
               set_day(value % 100);
    if (digits == 6 && !has_year_ && !has_day_)
        return set_year(value / 10'000, 2) && set_month(static_cast<unsigned>(value / 100 % 100)) &&
               set_day(value % 100);
    if (digits == 6 && has_day_ && !has_clock_) {
        made_.hour = static_cast<unsigned>(value / 10'000);
        made_.minute = static_cast<unsigned>(value / 100 % 100);
        made_.second = static_cast<unsigned>(value % 100);
        has_clock_ = true;
        return true;
    }
    if (digits >= 3) return digits == 4 && set_year(value, digits);
    // Month before day, but where the month's name follows: 08-Jan-96, 17 Dec 1997.
    const std::string_view rest = in_.rest();
    const bool is_named_behind = rest.size() > 1 && is_word_letter(rest[1]);
    if (!has_month_ && !has_day_ && !is_named_behind)
        return set_month(static_cast<unsigned>(value));
    if (!has_day_) return set_day(value);
    return !has_year_ && set_year(value, digits);
}

bool AnyMoment::clock(unsigned hour) {
    if (has_clock_) return false;
    has_clock_ = true;
    made_.hour = hour;
    in_.skip();
    if (!in_.number(2, made_.minute)) return false;
    if (!in_.take(':')) return true;
    if (!in_.number(2, made_.second)) return false;
    return !in_.take('.') || in_.fraction(made_);
}

bool AnyMoment::day_of_year(std::int64_t year) {
    std::int64_t day = 0;
    in_.skip();
    if (!in_.number(3, day) || day < 1) return false;
    constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    for (unsigned month = 1; month <= 12; ++month) {
        const int length = days[month - 1] + (leap && month == 2 ? 1 : 0);
        if (day <= length) return set_year(year, 4) && set_month(month) && set_day(day);
        day -= length;
    }
    return false;
}

// Days since 4714-11-24 BC, by the civil calendar of days_of() turned round.
bool AnyMoment::julian() {
    std::int64_t count = 0;
    in_.skip();
    if (!in_.number(8, count)) return false;
    constexpr std::int64_t julian_of_1970 = 2'440'588, march_of_0000 = 719'468;
    const std::int64_t shifted = count - julian_of_1970 + march_of_0000;
    const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
    const std::int64_t of_era = shifted - era * 146'097;
    const std::int64_t year = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
    const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const std::int64_t from_march = (5 * of_year + 2) / 153;
    const std::int64_t month = from_march < 10 ? from_march + 3 : from_march - 9;
    return set_year(year + era * 400 + (month <= 2 ? 1 : 0), 4) &&
           set_month(static_cast<unsigned>(month)) &&
           set_day(of_year - (153 * from_march + 2) / 5 + 1);
}

bool read_any_moment(std::string_view text, Moment& moment) {
    constexpr std::size_t text_max = 64;
    return text.size() <= text_max && AnyMoment(text).read(moment);
}

}  // namespace

bool Moment::is_valid() const {
    static constexpr std::array<unsigned, 12> days = {31, 28, 31, 30, 31, 30,
                                                      31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || hour > 24 || minute > 59 || second > 60) return false;
    if (hour == 24 && (minute > 0 || second > 0 || micros > 0)) return false;
    if (year < -4712 || year > 294'276) return false;
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= days[month - 1] + (leap && month == 2 ? 1u : 0u);
}

std::int64_t Moment::total_us() const {
    return days_of(year, month, day) * day_us +
           ((hour * 60ll + minute - offset_minutes) * 60 + second) * 1'000'000 + micros;
}

// Howard Hinnant's days_from_civil.
std::int64_t days_of(std::int64_t year, unsigned month, unsigned day) {
    year -= month <= 2 ? 1 : 0;
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto of_era = static_cast<unsigned>(year - era * 400);
    const unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146'097 + static_cast<std::int64_t>(day_of_era) - 719'468;
}

bool read_day_text(std::string_view text, std::string_view format, Moment& moment) {
    const bool is_auto = format == "auto";
    MomentReader in(text);
    if (!format.empty() && !is_auto) return read_by_format(in, moment, format);
    bool read = read_day(in, moment, is_auto);
    if (read && !in.at_end())
        read =
            (in.take(' ') || in.take('T')) && read_clock(in, moment) && (!is_auto || in.at_end());
    if (read || !is_auto) return read;
    moment = {};
    return read_any_moment(text, moment);
}

bool read_moment_text(std::string_view text, std::string_view format, Moment& moment) {
    const bool is_auto = format == "auto";
    if (!format.empty() && !is_auto) {
        MomentReader in(text);
        return read_by_format(in, moment, format);
    }
    if (read_usual_moment(text, moment)) return true;
    moment = {};
    MomentReader in(text);
    bool read = read_day(in, moment, is_auto);
    if (read && !in.at_end())
        read = (in.take(' ') || in.take('T')) && read_clock(in, moment) && in.zone(moment);
    if (read || !is_auto) return read;
    moment = {};
    return read_any_moment(text, moment);
}

}  // namespace stroma::redshift
