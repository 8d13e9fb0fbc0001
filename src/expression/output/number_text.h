#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "expression/array.h"

namespace stroma::expression {

/// Room that write_number may need.
inline constexpr std::size_t number_text_bytes_max = 32;

/// Writes a value's shortest text that reads back the same and returns the end. Whole numbers have
/// no point; "NaN", "Inf" and "-Inf" are read by pandas, scipy and R alike.
template <class T>
char* write_number(char* to, T value) {
    if constexpr (std::is_same_v<T, bool>) {
        *to = value ? '1' : '0';
        return to + 1;
    } else if constexpr (std::is_floating_point_v<T>) {
        if (value >= 0 && value < T{10} && value == static_cast<T>(static_cast<int>(value)) &&
            !std::signbit(value)) {
            *to = static_cast<char>('0' + static_cast<int>(value));
            return to + 1;
        }
        constexpr T whole_max = std::is_same_v<T, float> ? T{1 << 24} : T{1ll << 53};
        if (value > -whole_max && value < whole_max && value == std::trunc(value) &&
            !(value == 0 && std::signbit(value)))
            return std::to_chars(to, to + number_text_bytes_max, static_cast<std::int64_t>(value))
                .ptr;
        if (std::isnan(value)) return std::string_view("NaN").copy(to, 3) + to;
        if (std::isinf(value)) {
            const std::string_view text = value < 0 ? "-Inf" : "Inf";
            return text.copy(to, text.size()) + to;
        }
        return std::to_chars(to, to + number_text_bytes_max, value).ptr;
    } else {
        if (value >= 0 && value < 10) {
            *to = static_cast<char>('0' + static_cast<int>(value));
            return to + 1;
        }
        return std::to_chars(to, to + number_text_bytes_max, value).ptr;
    }
}

/// Texts of small whole numbers or of gene numbers, made once and copied often.
struct ShortText {
    char text[15];
    std::uint8_t length;
};

/// How a field of a table is guarded. A field with the separator, a quote, a line break or blanks
/// at its ends stands in quotes (RFC 4180). formulas: also one that a spreadsheet would take for a
/// formula (= + - @ tab at its start); its characters stay as they are.
enum class Quoting : std::uint8_t { plain, formulas };
void append_field(std::string& to, std::string_view text, char separator, Quoting quoting);

}  // namespace stroma::expression
