#include "redshift/dialect/date_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "redshift/lexer.h"

namespace stroma::redshift {
namespace {

struct DatePart {
    std::string_view written;  ///< in upper case
    std::string_view pattern;  ///< of strftime; "" where an expression is needed
};

// The longest first.
constexpr DatePart date_parts[] = {
    {"YYYY", "%Y"}, {"MONTH", "%B"}, {"HH24", "%H"}, {"HH12", "%I"}, {"IYYY", "%G"}, {"DDD", "%j"},
    {"DAY", "%A"},  {"MON", "%b"},   {"YYY", ""},    {"A.M.", "%p"}, {"P.M.", "%p"}, {"YY", "%y"},
    {"MM", "%m"},   {"DD", "%d"},    {"DY", "%a"},   {"HH", "%I"},   {"MI", "%M"},   {"SS", "%S"},
    {"MS", "%g"},   {"US", "%f"},    {"AM", "%p"},   {"PM", "%p"},   {"IW", "%V"},   {"WW", ""},
    {"TZ", "UTC"},  {"OF", "+00"},   {"CC", ""},     {"Q", ""},      {"D", ""},      {"J", ""},
    {"W", ""},
};

std::string upper_of(std::string_view text) {
    std::string made(text);
    for (char& letter : made)
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    return made;
}

struct Piece {
    std::string literal;  ///< where it is no part
    const DatePart* part = nullptr;
    std::string written;    ///< as in the format
    bool is_short = false;  ///< FM before it
};

std::vector<Piece> pieces_of(std::string_view format) {
    std::vector<Piece> pieces;
    const std::string upper = upper_of(format);
    bool is_short = false;
    const auto literal = [&](char letter) {
        if (pieces.empty() || pieces.back().part != nullptr) pieces.emplace_back();
        pieces.back().literal += letter;
    };
    for (std::size_t at = 0; at < format.size();) {
        if (format[at] == '"') {
            for (++at; at < format.size() && format[at] != '"'; ++at) literal(format[at]);
            ++at;
            continue;
        }
        if (upper.compare(at, 2, "FM") == 0) {
            is_short = true;
            at += 2;
            continue;
        }
        const auto* const found =
            std::find_if(std::begin(date_parts), std::end(date_parts), [&](const DatePart& part) {
                return upper.compare(at, part.written.size(), part.written) == 0;
            });
        if (found == std::end(date_parts)) {
            literal(format[at++]);
            continue;
        }
        Piece piece;
        piece.part = found;
        piece.written = format.substr(at, found->written.size());
        piece.is_short = is_short;
        pieces.push_back(std::move(piece));
        at += found->written.size();
        is_short = false;
    }
    return pieces;
}

bool is_number_format(std::string_view format) {
    return format.find_first_of("90") != std::string_view::npos &&
           upper_of(format).find_first_of("YHJQW") == std::string::npos &&
           upper_of(format).find("DD") == std::string::npos &&
           upper_of(format).find("SS") == std::string::npos;
}

Answer<std::string> part_expression(const Piece& piece, const std::string& moment) {
    const std::string_view part = piece.part->written;
    if (part == "Q") return fmt::format("CAST(quarter({}) AS VARCHAR)", moment);
    if (part == "D") return fmt::format("CAST(dayofweek({}) + 1 AS VARCHAR)", moment);
    if (part == "CC") return fmt::format("CAST(century({}) AS VARCHAR)", moment);
    if (part == "W") return fmt::format("CAST((day({}) - 1) // 7 + 1 AS VARCHAR)", moment);
    if (part == "WW")
        return fmt::format("lpad(CAST((dayofyear({}) - 1) // 7 + 1 AS VARCHAR), 2, '0')", moment);
    if (piece.part->pattern.empty())
        return refuse("0A000", fmt::format("the part {} of a date's format isn't known", part));
    if (!piece.part->pattern.starts_with('%')) return quoted_text(piece.part->pattern);
    std::string text = fmt::format("strftime({}, '{}')", moment, piece.part->pattern);
    const bool is_name = part == "MONTH" || part == "DAY" || part == "MON" || part == "DY";
    const bool is_low = std::islower(static_cast<unsigned char>(piece.written[0])) != 0;
    const bool is_high =
        piece.written.size() > 1 && std::isupper(static_cast<unsigned char>(piece.written[1])) != 0;
    if (is_name || part == "AM" || part == "PM") {
        if (is_low) text = "lower(" + text + ")";
        if (!is_low && is_high && is_name) text = "upper(" + text + ")";
        if ((part == "MONTH" || part == "DAY") && !piece.is_short)
            text = fmt::format("rpad({}, 9, ' ')", text);
        return text;
    }
    if (piece.is_short)
        text =
            fmt::format("CASE WHEN ltrim({0}, '0') = '' THEN '0' ELSE ltrim({0}, '0') END", text);
    return text;
}

// 'FM999,990.00': digits, groups, decimals.
Answer<std::string> number_expression(const std::string& value, std::string_view format) {
    const std::string upper = upper_of(format);
    const bool is_short = upper.starts_with("FM");
    std::size_t whole = 0, decimals = 0, zeros_from = 0;
    bool grouped = false, in_decimals = false, has_dollar = false;
    for (std::size_t at = is_short ? 2 : 0; at < upper.size(); ++at) {
        const char sign = upper[at];
        if (sign == '9' || sign == '0') {
            if (in_decimals) {
                ++decimals;
            } else {
                ++whole;
                if (sign == '0' && zeros_from == 0) zeros_from = whole;
            }
        } else if (sign == ',' || sign == 'G') {
            grouped = true;
        } else if (sign == '.' || sign == 'D') {
            in_decimals = true;
        } else if (sign == '$' || sign == 'L') {
            has_dollar = true;
        } else if (sign != 'S') {
            return refuse("0A000", fmt::format("the number's format '{}' isn't known", format));
        }
    }
    std::string text = fmt::format("format('{{:{}.{}f}}', abs(CAST({} AS DOUBLE)))",
                                   grouped ? "," : "", decimals, value);
    if (zeros_from == 0 && whole > 0) text = fmt::format("regexp_replace({}, '^0\\.', '.')", text);
    if (zeros_from != 0) {
        const std::size_t width = whole - zeros_from + 1 + (decimals > 0 ? decimals + 1 : 0);
        if (!grouped)
            text = fmt::format("lpad({0}, CAST(greatest(length({0}), {1}) AS INTEGER), '0')", text,
                               width);
    }
    text = fmt::format("CASE WHEN {} < 0 THEN '-' ELSE '' END || {}{}", value,
                       has_dollar ? "'$' || " : "", text);
    if (is_short) return fmt::format("({})", text);
    const std::size_t width = format.size() + 1;
    return fmt::format("lpad({0}, CAST(greatest(length({0}), {1}) AS INTEGER), ' ')",
                       "(" + text + ")", width);
}

}  // namespace

Answer<std::string> to_char_expression(const std::string& value, std::string_view format) {
    if (is_number_format(format)) return number_expression(value, format);
    const std::string moment = fmt::format("CAST({} AS TIMESTAMP)", value);
    std::string made;
    for (const Piece& piece : pieces_of(format)) {
        if (!made.empty()) made += " || ";
        made += piece.part == nullptr ? quoted_text(piece.literal)
                                      : TRY(part_expression(piece, moment));
    }
    return made.empty() ? "''" : "(" + made + ")";
}

Answer<std::string> parsing_pattern(std::string_view format) {
    std::string made;
    for (const Piece& piece : pieces_of(format)) {
        if (piece.part == nullptr) {
            for (const char letter : piece.literal) {
                made += letter;
                if (letter == '%') made += '%';
            }
            continue;
        }
        if (!piece.part->pattern.starts_with('%'))
            return refuse("0A000", fmt::format("the part {} of a date's format isn't known",
                                               piece.part->written));
        made += piece.part->pattern;
    }
    return made;
}

}  // namespace stroma::redshift
