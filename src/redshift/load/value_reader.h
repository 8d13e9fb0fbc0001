#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "redshift/load/record_reader.h"

namespace stroma::redshift {

enum class ValueKind {
    integer,  ///< between `least` and `most`
    real,
    boolean,
    date,       ///< as days since 1970
    timestamp,  ///< as microseconds since 1970; with a zone: UTC
    decimal,    ///< as text with `scale` digits
    text,       ///< at most `length` bytes
    json,
    other,  ///< as text, which the engine reads
};

/// A column that rows are loaded into.
struct LoadColumn {
    std::string name, type;  ///< Redshift's name of the type, for its errors
    ValueKind kind = ValueKind::text;
    std::int64_t least = 0, most = 0;
    unsigned precision = 0, scale = 0;
    std::size_t length = 0;
    bool is_char = false, is_nullable = true, has_zone = false;
};

/// One value of a row on its way.
struct LoadValue {
    bool is_null = false;
    std::int64_t integer = 0;  ///< also days, microseconds, and 0 or 1
    double real = 0;
    std::string_view text;  ///< of the field, or of `held`
    std::string held;
};

/// Reads a field as a value of the column. False where it doesn't fit: says why.
bool read_value(const LoadColumn& column, const Field& field, const CopyOptions& options,
                LoadValue& value, Misfit& misfit);

}  // namespace stroma::redshift
