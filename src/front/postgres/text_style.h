#pragma once

#include <string>
#include <string_view>

#include "sql/database.h"

namespace stroma::front::postgres {

/// How a session wants to read dates, intervals and bytes as text.
struct TextStyle {
    enum class Dates { iso, postgres, sql, german };
    Dates dates = Dates::iso;
    bool is_day_first = false;  ///< in the forms that aren't ISO's
    std::string intervals = "postgres";
    bool escapes_bytes = false;  ///< bytea_output = escape

    /// Whether values look as append_text() writes them.
    bool is_usual() const {
        return dates == Dates::iso && intervals == "postgres" && !escapes_bytes;
    }
};

/// By the settings DateStyle ("ISO, MDY"), IntervalStyle and bytea_output.
TextStyle text_style(std::string_view date_style, std::string_view interval_style,
                     std::string_view bytea_output);

/// append_text() in that style.
void append_styled(std::string& out, const sql::Value& value, std::uint32_t type,
                   const TextStyle& style);

}  // namespace stroma::front::postgres
