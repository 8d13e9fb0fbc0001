#pragma once

#include <cstdint>
#include <string_view>

#include "expression/array.h"
#include "expression/matrix_source.h"

namespace stroma::expression {

/// A number as text. Whole numbers are exact up to 2^53; others are the nearest double.
struct NumberText {
    double value = 0;
    bool is_integer = false;  ///< written without point and exponent
    bool fits_float = false;  ///< a float32 reads back as the same decimal number
};

/// Reads the whole of `text` as a number; false when it isn't one (also when empty), or is a whole
/// number past 2^53, which no type here keeps exactly. "nan" and
/// "inf" are read. A leading '+' and blanks at both ends are allowed.
bool parse_number(std::string_view text, NumberText& number);
/// Digits only.
bool parse_whole(std::string_view text, std::uint64_t& value);

/// What is known of many values: which type keeps them exactly, and what they may be.
struct ValueSurvey {
    bool integers = true, floats = true, whole = true;
    double min = 0, max = 0;

    void add(const NumberText& number);
    void merge(const ValueSurvey& other);
    /// int32 or int64 when all were written as integers, else the smaller float type that keeps
    /// every one.
    ValueType type() const;
    /// counts when whole and not negative, scaled when negative, else normalised.
    Unit unit() const;
};

/// Puts a value, given as double, into bytes as the type has it.
void store_value(std::byte* to, ValueType type, double value);

}  // namespace stroma::expression
