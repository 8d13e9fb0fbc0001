#include "sql/duckdb/duckdb_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace stroma::sql {

namespace {

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// One type, TRANSACTION, stands for what may be tried again and for what never will succeed: only
// the words tell them apart.
ErrorCode code_of_transaction(std::string_view message) {
    if (contains(message, "No space left")) return ErrorCode::exhausted;
    if (contains(message, "duplicate key") || contains(message, "UNIQUE constraint")) {
        return ErrorCode::already_exists;
    }
    if (contains(message, "onflict")) return ErrorCode::conflict;
    if (contains(message, "read-only")) return ErrorCode::denied;
    return ErrorCode::invalid_input;
}

ErrorCode code_of_io(std::string_view message) {
    if (contains(message, "Could not set lock")) return ErrorCode::unavailable;
    if (contains(message, "No space left") || contains(message, "max_temp_directory_size")) {
        return ErrorCode::exhausted;
    }
    if (contains(message, "orrupt") || contains(message, "checksum")) return ErrorCode::corrupt;
    return ErrorCode::unavailable;
}

ErrorCode code_of(duckdb_error_type type, std::string_view message) {
    switch (type) {
        case DUCKDB_ERROR_TRANSACTION: return code_of_transaction(message);
        case DUCKDB_ERROR_CONSTRAINT:
            return contains(message, "uplicate key") ? ErrorCode::already_exists
                                                     : ErrorCode::invalid_input;
        case DUCKDB_ERROR_INTERRUPT: return ErrorCode::cancelled;
        case DUCKDB_ERROR_OUT_OF_MEMORY: return ErrorCode::exhausted;
        case DUCKDB_ERROR_IO: return code_of_io(message);
        case DUCKDB_ERROR_SERIALIZATION:
        case DUCKDB_ERROR_INTERNAL:
        case DUCKDB_ERROR_FATAL: return ErrorCode::corrupt;
        case DUCKDB_ERROR_PERMISSION: return ErrorCode::denied;
        case DUCKDB_ERROR_NOT_IMPLEMENTED: return ErrorCode::unsupported;
        default: return ErrorCode::invalid_input;
    }
}

struct Place {
    std::size_t line = 0, column = 0;  // counted from 1; 0 is unknown
};

// The engine shows "LINE n: <piece of the line>" and a caret below; a long line is cut on both
// sides with "...".
Place place_in(std::string_view message, std::string_view statement) {
    const auto mark = message.find("\nLINE ");
    if (mark == std::string_view::npos) return {};
    const auto number_at = mark + 6;
    const auto colon = message.find(": ", number_at);
    const auto shown_end = message.find('\n', number_at);
    if (colon == std::string_view::npos || shown_end == std::string_view::npos) return {};
    const auto caret = message.find('^', shown_end);
    if (caret == std::string_view::npos) return {};
    Place place;
    for (const char digit : message.substr(number_at, colon - number_at)) {
        if (digit < '0' || digit > '9') return {};
        place.line = place.line * 10 + static_cast<std::size_t>(digit - '0');
    }
    const std::size_t prefix = colon + 2 - (mark + 1);
    const std::size_t caret_column = caret - shown_end - 1;
    if (caret_column < prefix) return {};
    std::size_t offset = caret_column - prefix;
    std::string_view shown = message.substr(colon + 2, shown_end - colon - 2);
    if (shown.starts_with("...") && offset >= 3) {
        shown.remove_prefix(3);
        if (shown.ends_with("...")) shown.remove_suffix(3);
        const auto at = statement.find(shown);
        if (at == std::string_view::npos) return {};
        const auto line_start = at == 0 ? std::string_view::npos : statement.rfind('\n', at - 1);
        offset = offset - 3 + at - (line_start == std::string_view::npos ? 0 : line_start + 1);
    }
    place.column = offset + 1;
    return place;
}

}  // namespace

Error error_from_duckdb(duckdb_error_type type, std::string_view message,
                        std::string_view statement) {
    if (type == DUCKDB_ERROR_INTERRUPT)
        return Error{ErrorCode::cancelled, "the statement was interrupted"};
    const Place place = place_in(message, statement);
    std::string text(message.substr(0, message.find("\n\nLINE ")));
    if (const auto line = text.find("\nLINE "); line != std::string::npos) text.resize(line);
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (place.column > 0) {
        text += fmt::format(" (line {}, column {})", place.line, place.column);
    }
    return Error{code_of(type, message), std::move(text)};
}

}  // namespace stroma::sql
