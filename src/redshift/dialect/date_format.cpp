#include "redshift/dialect/date_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "redshift/lexer.h"
#include "redshift/rewrite.h"

namespace stroma::redshift {
namespace {

struct DatePart {
    std::string_view written;  ///< in upper case
    std::string_view pattern;  ///< of strftime; "" where an expression is needed
};

// The longest first.
constexpr DatePart date_parts[] = {
    {"Y,YYY", ""}, {"YYYY", "%Y"}, {"MONTH", "%B"}, {"HH24", "%H"}, {"HH12", "%I"}, {"IYYY", "%G"},
    {"SSSS", ""},  {"A.D.", ""},   {"B.C.", ""},    {"A.M.", "%p"}, {"P.M.", "%p"}, {"DDD", "%j"},
    {"DAY", "%A"}, {"MON", "%b"},  {"YYY", ""},     {"IYY", ""},    {"YY", "%y"},   {"MM", "%m"},
    {"DD", "%d"},  {"DY", "%a"},   {"HH", "%I"},    {"MI", "%M"},   {"SS", "%S"},   {"MS", "%g"},
    {"US", "%f"},  {"AM", "%p"},   {"PM", "%p"},    {"AD", ""},     {"BC", ""},     {"IW", "%V"},
    {"ID", ""},    {"IY", ""},     {"RM", ""},      {"WW", ""},     {"TZ", "UTC"},  {"OF", "+00"},
    {"CC", ""},    {"Q", ""},      {"D", ""},       {"J", ""},      {"W", ""},      {"I", ""},
    {"Y", ""},
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
    std::string written;      ///< as in the format
    bool is_short = false;    ///< FM before it
    bool is_ordinal = false;  ///< TH behind it
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
        if (upper.compare(at, 2, "TH") == 0) {
            pieces.back().is_ordinal = true;
            at += 2;
        }
        is_short = false;
    }
    return pieces;
}

/// Parts of years, and what is rarely asked for; "" for all others.
std::string rare_part(const Piece& piece, const std::string& moment) {
    const std::string_view part = piece.part->written;
    const bool is_low = std::islower(static_cast<unsigned char>(piece.written[0])) != 0;
    const std::string cased = is_low ? "lower" : "upper";
    if (part == "Y,YYY")
        return fmt::format(
            "(CAST(year({0}) // 1000 AS VARCHAR) || ',' || right(strftime({0}, "
            "'%Y'), 3))",
            moment);
    if (part == "YYY" || part == "Y")
        return fmt::format("right(strftime({}, '%Y'), {})", moment, part.size());
    if (part == "IYY" || part == "IY" || part == "I")
        return fmt::format("right(strftime({}, '%G'), {})", moment, part.size());
    if (part == "AD" || part == "BC")
        return fmt::format("{}(CASE WHEN year({}) > 0 THEN 'AD' ELSE 'BC' END)", cased, moment);
    if (part == "A.D." || part == "B.C.")
        return fmt::format("{}(CASE WHEN year({}) > 0 THEN 'A.D.' ELSE 'B.C.' END)", cased, moment);
    if (part == "SSSS")
        return fmt::format(
            "CAST(CAST(epoch({0}) - epoch(date_trunc('day', {0})) - 0.4999995 AS "
            "INTEGER) AS VARCHAR)",
            moment);
    if (part != "RM") return "";
    const std::string roman =
        fmt::format("{}({}.stroma_roman(month({})))", cased, schema::dialect, moment);
    return piece.is_short ? roman : fmt::format("rpad({}, 4, ' ')", roman);
}

Answer<std::string> part_expression(const Piece& piece, const std::string& moment) {
    const std::string_view part = piece.part->written;
    if (std::string rare = rare_part(piece, moment); !rare.empty()) return rare;
    if (part == "Q") return fmt::format("CAST(quarter({}) AS VARCHAR)", moment);
    if (part == "D") return fmt::format("CAST(dayofweek({}) + 1 AS VARCHAR)", moment);
    if (part == "J")
        return fmt::format("CAST(CAST(julian(CAST({} AS DATE)) AS INTEGER) AS VARCHAR)", moment);
    if (part == "ID") return fmt::format("CAST(isodow({}) AS VARCHAR)", moment);
    if (part == "CC") return fmt::format("lpad(CAST(century({}) AS VARCHAR), 2, '0')", moment);
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

}  // namespace

Answer<std::string> to_char_expression(const std::string& value, std::string_view format) {
    if (is_number_format(format)) return number_expression(value, format);
    const std::string moment = fmt::format("CAST({} AS TIMESTAMP)", value);
    std::string made;
    for (const Piece& piece : pieces_of(format)) {
        if (!made.empty()) made += " || ";
        made += piece.part == nullptr ? quoted_text(piece.literal)
                                      : TRY(part_expression(piece, moment));
        if (piece.is_ordinal)
            made += fmt::format(" || {}.stroma_ordinal(CAST({} AS INTEGER))", schema::dialect,
                                TRY(part_expression(piece, moment)));
    }
    return made.empty() ? "''" : "(" + made + ")";
}

// The text's parts where they are digits alone: what is behind them doesn't count.
Answer<std::optional<std::string>> lenient_date_expression(const std::string& value,
                                                           std::string_view format) {
    std::string pattern = "^\\s*";
    int group = 0, year = 0, month = 0, day = 0;
    for (const Piece& piece : pieces_of(format)) {
        if (piece.part == nullptr) {
            for (const char letter : piece.literal) {
                const bool is_plain = std::isalnum(static_cast<unsigned char>(letter)) != 0;
                if (!is_plain && static_cast<unsigned char>(letter) < 128) pattern += '\\';
                pattern += letter;
            }
            continue;
        }
        const std::string_view part = piece.part->written;
        if (part != "YYYY" && part != "MM" && part != "DD") return std::nullopt;
        ++group;
        (part == "YYYY" ? year : part == "MM" ? month : day) = group;
        pattern += part == "YYYY" ? "([0-9]{4})" : "([0-9]{1,2})";
    }
    if (group != 3 || year * month * day == 0) return std::nullopt;
    const auto part = [&](int number) {
        return fmt::format("regexp_extract(s, {}, {})", quoted_text(pattern), number);
    };
    return fmt::format(
        "list_transform([CAST({0} AS VARCHAR)], lambda s: CASE WHEN regexp_matches(s, {1}) THEN "
        "{2}.stroma_lenient_day({3}, {4}, {5}) WHEN s IS NOT NULL THEN error('invalid date: \"' || "
        "s || '\" is not as {6} says') END)[1]",
        value, quoted_text(pattern), schema::dialect, part(year), part(month), part(day),
        std::string(quoted_text(format)).substr(1, quoted_text(format).size() - 2));
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
