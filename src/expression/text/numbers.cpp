#include "expression/text/numbers.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>

namespace stroma::expression {
namespace {

constexpr std::int64_t whole_max = std::int64_t{1} << 53;

std::string_view without_blanks(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// Whether a float32 prints as the same decimal number as `value` was written.
bool float_keeps(double value, std::string_view text) {
    const auto narrow = static_cast<float>(value);
    if (static_cast<double>(narrow) == value) return true;
    const auto digits =
        std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!std::isfinite(narrow) || std::fabs(value) < std::numeric_limits<float>::min())
        return false;
    if (digits <= 6) return true;
    if (digits > 13) return false;
    char shortest[32];
    const auto end = std::to_chars(shortest, shortest + sizeof shortest, narrow).ptr;
    double back = 0;
    std::from_chars(shortest, end, back);
    return back == value;
}

}  // namespace

bool parse_whole(std::string_view text, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

bool parse_number(std::string_view text, NumberText& number) {
    if (text.size() == 1 && text[0] >= '0' && text[0] <= '9') {
        number = {static_cast<double>(text[0] - '0'), true, true};
        return true;
    }
    text = without_blanks(text);
    if (!text.empty() && text.front() == '+') {
        text.remove_prefix(1);
        if (!text.empty() && text.front() == '-') return false;
    }
    const char* const end = text.data() + text.size();
    std::int64_t whole = 0;
    const auto integer = std::from_chars(text.data(), end, whole);
    if (integer.ec == std::errc::result_out_of_range && integer.ptr == end) return false;
    if (integer.ec == std::errc{} && integer.ptr == end) {
        if (whole > whole_max || whole < -whole_max) return false;
        number.value = static_cast<double>(whole);
        number.is_integer = true;
        number.fits_float = static_cast<double>(static_cast<float>(whole)) == number.value;
        return true;
    }
    const auto read = std::from_chars(text.data(), end, number.value);
    if (read.ptr != end || text.empty()) return false;
    if (read.ec == std::errc::result_out_of_range) return false;
    if (read.ec != std::errc{}) return false;
    number.is_integer = false;
    number.fits_float = float_keeps(number.value, text);
    return true;
}

void ValueSurvey::add(const NumberText& number) {
    integers &= number.is_integer;
    floats &= number.fits_float;
    if (!number.is_integer) whole &= number.value == std::floor(number.value);
    min = std::min(min, number.value);
    max = std::max(max, number.value);
}

void ValueSurvey::merge(const ValueSurvey& other) {
    integers &= other.integers;
    floats &= other.floats;
    whole &= other.whole;
    min = std::min(min, other.min);
    max = std::max(max, other.max);
}

ValueType ValueSurvey::type() const {
    if (integers)
        return min >= std::numeric_limits<std::int32_t>::min() &&
                       max <= std::numeric_limits<std::int32_t>::max()
                   ? ValueType::int32
                   : ValueType::int64;
    return floats ? ValueType::float32 : ValueType::float64;
}

Unit ValueSurvey::unit() const {
    if (min < 0) return Unit::scaled;
    return whole ? Unit::counts : Unit::normalised;
}

void store_value(std::byte* to, ValueType type, double value) {
    switch (type) {
        case ValueType::int32: return store(to, static_cast<std::int32_t>(value));
        case ValueType::int64: return store(to, static_cast<std::int64_t>(value));
        case ValueType::float32: return store(to, static_cast<float>(value));
        case ValueType::float64: return store(to, value);
        default: assert(false && "a type that text is never read as");
    }
}

}  // namespace stroma::expression
