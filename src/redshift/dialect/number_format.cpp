#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>

#include "redshift/dialect/date_format.h"
#include "redshift/lexer.h"
#include "redshift/rewrite.h"

namespace stroma::redshift {
namespace {

enum class SignPlace { floating, front, behind, minus_behind, angled, plus, fixed };

/// A number's format taken apart: what stands before its digits, its digits, its sign.
struct NumberFormat {
    std::string before, behind;  ///< literal signs and the currency's
    std::string whole;           ///< '9', '0' and ',' before the point
    std::size_t digits = 0;      ///< of `whole`
    std::size_t least = 0;       ///< digits that are there at any rate
    std::size_t decimals = 0;
    bool is_short = false, has_point = false;
    std::string ordinal;  ///< "TH" or "th" behind
    SignPlace sign = SignPlace::floating;
};

std::string upper(std::string_view text) {
    std::string made(text);
    for (char& each : made)
        each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
    return made;
}

/// S, SG, MI, PL and PR by where they stand; false for anything else.
bool read_sign(std::string_view rest, NumberFormat& format, std::size_t& size) {
    constexpr std::string_view of_two[] = {"MI", "PR", "SG", "PL"};
    size = std::find(std::begin(of_two), std::end(of_two), rest.substr(0, 2)) != std::end(of_two)
               ? 2
               : 1;
    if (rest.starts_with("PL") && format.digits + format.decimals == 0) {
        format.sign = SignPlace::plus;
    } else if (rest.starts_with("PL")) {
        return false;
    } else if (rest.starts_with("PR")) {
        format.sign = SignPlace::angled;
    } else if (rest.starts_with("MI")) {
        format.sign = format.digits == 0 ? SignPlace::floating : SignPlace::minus_behind;
    } else if (rest.starts_with("SG") && format.digits + format.decimals == 0) {
        format.sign = SignPlace::fixed;
    } else if (rest.starts_with("S")) {
        format.sign = format.digits + format.decimals == 0 ? SignPlace::front : SignPlace::behind;
    } else {
        return false;
    }
    return true;
}

Answer<NumberFormat> read_number_format(std::string_view written) {
    NumberFormat format;
    std::string text = upper(written);
    format.is_short = text.starts_with("FM");
    std::size_t at = format.is_short ? 2 : 0;
    while (at < text.size()) {
        const char sign = text[at];
        std::size_t size = 1;
        if (sign == '9' || sign == '0') {
            if (format.has_point) {
                ++format.decimals;
            } else {
                ++format.digits;
                if (sign == '0' || format.least > 0) ++format.least;
                format.whole += sign;
            }
        } else if (sign == ',' || sign == 'G') {
            format.whole += ',';
        } else if (sign == '.' || sign == 'D') {
            format.has_point = true;
        } else if (text.substr(at) == "TH") {
            format.ordinal = written.substr(at);
            size = 2;
        } else if (!read_sign(std::string_view(text).substr(at), format, size)) {
            if (sign != '$' && sign != 'L' && sign != ' ')
                return refuse("0A000",
                              fmt::format("the number's format '{}' isn't known", written));
            (format.digits == 0 ? format.before : format.behind) += sign == ' ' ? ' ' : '$';
        }
        at += size;
    }
    if (format.digits > 28 || format.decimals > 9)
        return refuse("0A000",
                      fmt::format("the number's format '{}' has too many digits", written));
    return format;
}

/// Digits and separators, one after the other, of `w`: the number's whole digits, blank before.
std::string digits_expression(const NumberFormat& format) {
    std::string made;
    std::size_t at = 0;
    for (const char sign : format.whole) {
        if (!made.empty()) made += " || ";
        if (sign == ',') {
            made += at == 0 ? "' '"
                            : fmt::format(
                                  "CASE WHEN substr(w, {}, 1) = ' ' THEN ' ' ELSE "
                                  "',' END",
                                  at);
        } else {
            made += fmt::format("substr(w, {}, 1)", ++at);
        }
    }
    return made.empty() ? "''" : made;
}

/// 9.99EEEE: one digit, the decimals and the power of ten.
Answer<std::string> exponent_expression(const std::string& value, std::string_view written) {
    const NumberFormat format = TRY(
        read_number_format(written.substr(0, written.size() - std::string_view("EEEE").size())));
    if (format.digits != 1 || format.sign != SignPlace::floating || !format.before.empty())
        return refuse("0A000", fmt::format("the number's format '{}' isn't known: EEEE stands "
                                           "behind 9 and its decimals",
                                           written));
    return fmt::format(
        "list_transform([CAST({} AS DOUBLE)], lambda n: CASE WHEN n < 0 THEN '' ELSE '{}' END || "
        "printf('%.{}e', n))[1]",
        value, format.is_short ? "" : " ", format.decimals);
}

}  // namespace

bool is_number_format(std::string_view format) {
    std::string text = upper(format);
    if (text == "RN" || text == "FMRN") return true;
    if (text.ends_with("9TH") || text.ends_with("0TH")) text.resize(text.size() - 2);
    return text.find_first_of("90") != std::string::npos &&
           text.find_first_of("YHJQW") == std::string::npos &&
           text.find("DD") == std::string::npos && text.find("SS") == std::string::npos;
}

Answer<std::string> number_expression(const std::string& value, std::string_view written) {
    const std::string text = upper(written);
    if (text == "RN" || text == "FMRN") {
        const std::string roman =
            fmt::format("{}.stroma_roman(CAST({} AS INTEGER))", schema::dialect, value);
        return text == "RN" ? fmt::format("lpad({}, 15, ' ')", roman) : roman;
    }
    if (text.ends_with("EEEE")) return TRY(exponent_expression(value, written));
    const NumberFormat format = TRY(read_number_format(written));
    // n: the number; t: its digits without a sign; w: those before the point, in their places.
    const std::string rounded =
        fmt::format("CAST(CAST(abs(n) AS DECIMAL(38, {})) AS VARCHAR)", format.decimals);
    const std::string whole = fmt::format(
        "CASE WHEN length(split_part(t, '.', 1)) > {0} THEN repeat('#', {0}) ELSE lpad("
        "lpad(CASE WHEN split_part(t, '.', 1) = '0' AND {2} THEN '' ELSE "
        "split_part(t, '.', 1) END, greatest(length(split_part(t, '.', 1)), {1}), '0'), {0}, ' ') "
        "END",
        format.digits, format.least, format.decimals > 0 && format.least == 0);
    std::string number = fmt::format("list_transform([{}], lambda w: ltrim({}, ' '))[1]", whole,
                                     digits_expression(format));
    if (format.has_point)
        number += format.decimals == 0
                      ? " || '.'"
                      : " || '.' || CASE WHEN contains(" + number + ", '#') THEN repeat('#', " +
                            std::to_string(format.decimals) + ") ELSE split_part(t, '.', 2) END";
    std::size_t width = format.whole.size() + (format.has_point ? 1 + format.decimals : 0);
    const std::string blank = format.is_short ? "''" : "' '";
    std::string first;
    switch (format.sign) {
        case SignPlace::floating:
            number = "CASE WHEN n < 0 THEN '-' ELSE '' END || " + number;
            ++width;
            break;
        case SignPlace::plus:  // beside the number's own sign
            number = "CASE WHEN n < 0 THEN '-' ELSE '' END || " + number;
            first = "CASE WHEN n < 0 THEN " + blank + " ELSE '+' END || ";
            ++width;
            break;
        case SignPlace::fixed: first = "CASE WHEN n < 0 THEN '-' ELSE '+' END || "; break;
        case SignPlace::front:
            number = "CASE WHEN n < 0 THEN '-' ELSE '+' END || " + number;
            ++width;
            break;
        case SignPlace::behind:
            number += " || CASE WHEN n < 0 THEN '-' ELSE '+' END";
            ++width;
            break;
        case SignPlace::minus_behind:
            number += " || CASE WHEN n < 0 THEN '-' ELSE " + blank + " END";
            ++width;
            break;
        case SignPlace::angled:
            number = "CASE WHEN n < 0 THEN '<' ELSE " + blank + " END || " + number +
                     " || CASE WHEN n < 0 THEN '>' ELSE " + blank + " END";
            width += 2;
            break;
    }
    if (!format.is_short) number = fmt::format("lpad({}, {}, ' ')", number, width);
    number = first + number;
    std::string behind = format.behind.empty() ? "" : " || " + quoted_text(format.behind);
    if (!format.ordinal.empty())
        behind += fmt::format(
            " || CASE WHEN n < 0 THEN '' ELSE {}({}.stroma_ordinal(CAST(n AS BIGINT))) END",
            format.ordinal == "TH" ? "upper" : "lower", schema::dialect);
    return fmt::format(
        "list_transform([{}], lambda n: CASE WHEN n IS NOT NULL THEN {}"
        "list_transform([{}], lambda t: {})[1]{} END)[1]",
        value, format.before.empty() ? "" : quoted_text(format.before) + " || ", rounded, number,
        behind);
}

Answer<std::string> to_number_expression(const std::string& value, std::string_view written) {
    const NumberFormat format = TRY(read_number_format(written));
    return fmt::format(
        "list_transform([CAST({} AS VARCHAR)], lambda s: CAST(CASE WHEN regexp_matches(s, '[-<]') "
        "THEN '-' ELSE '' END || regexp_replace(s, '[^0-9.]', '', 'g') AS DECIMAL(38, {})))[1]",
        value, format.decimals);
}

}  // namespace stroma::redshift
