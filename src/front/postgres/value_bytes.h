#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sql/database.h"

// Values as clients write and read them: as text, and in the binary formats of the types that
// drivers ask for that way. Types are named by PostgreSQL's oids.

namespace stroma::front::postgres {

namespace oid {
inline constexpr std::uint32_t boolean = 16, bytea = 17, character = 18, name = 19, int8 = 20,
                               int2 = 21, int2vector = 22, int4 = 23, text = 25, object = 26,
                               xid = 28, oidvector = 30, json = 114, float4 = 700, float8 = 701,
                               bpchar = 1042, varchar = 1043, date = 1082, time = 1083,
                               timestamp = 1114, timestamptz = 1184, interval = 1186, timetz = 1266,
                               numeric = 1700, uuid = 2950, jsonb = 3802;
}

/// Whether the type has a binary form here, in both directions.
bool has_binary(std::uint32_t type);

/// Whether the binary form of its values is their text.
bool is_text(std::uint32_t type);

/// Appends the value as text; not for null.
void append_text(std::string& out, const sql::Value& value, std::uint32_t type);
/// Appends it in the type's binary form. errors  unsupported  the type has none here
///                                               invalid_input  the text isn't one of that type
Result<void> append_binary(std::string& out, const sql::Value& value, std::uint32_t type);

/// A parameter's value: numbers and booleans as such, all else as text that the engine casts.
/// errors  invalid_input  no such value    corrupt  a text that isn't UTF-8
Result<sql::Value> value_from_text(std::uint32_t type, std::string_view text);
/// errors  unsupported  the type has no binary form here    invalid_input  wrong bytes
///         corrupt  a text that isn't UTF-8
Result<sql::Value> value_from_binary(std::uint32_t type, std::string_view bytes);

}  // namespace stroma::front::postgres
