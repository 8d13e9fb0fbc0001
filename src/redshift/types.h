#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "redshift/lexer.h"
#include "redshift/session.h"

namespace stroma::redshift {

/// A type as SQL names it, and what stands for it in the engine.
struct TypeName {
    std::string engine;    ///< "DECIMAL(18,3)"
    std::string declared;  ///< as Redshift's catalog tells it: "character varying(20)"
    std::uint32_t oid = 1043;
    std::int32_t typmod = -1;
    std::size_t length = 0;  ///< of char and varchar, in bytes; 0 elsewhere
};

namespace oid {
constexpr std::uint32_t boolean = 16, bytea = 17, int8 = 20, int2 = 21, int4 = 23, text = 25,
                        json = 114, float4 = 700, float8 = 701, bpchar = 1042, varchar = 1043,
                        date = 1082, time = 1083, timestamp = 1114, timestamptz = 1184,
                        interval = 1186, timetz = 1266, numeric = 1700, uuid = 2950, super = 4000;
}

/// Reads a type at tokens[at], and moves `at` behind it. A type that isn't known is taken as it
/// stands (an enum of the user's, one of the engine's).
Answer<TypeName> read_type(std::span<const Token> tokens, std::size_t& at);
/// The type that a declared name ("character varying(20)") means.
Answer<TypeName> type_named(std::string_view declared);
/// What an answer's column of that engine type is to a client.
Column column_of(std::string name, std::string_view engine_type);
/// The engine's type for a client's oid; "" where there is none.
std::string_view engine_type_of(std::uint32_t oid);

}  // namespace stroma::redshift
