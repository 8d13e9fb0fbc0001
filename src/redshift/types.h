#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

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
constexpr std::uint32_t boolean = 16, bytea = 17, character = 18, name = 19, int8 = 20, int2 = 21,
                        int2vector = 22, int4 = 23, text = 25, object = 26, xid = 28,
                        oidvector = 30, json = 114, float4 = 700, float8 = 701, bpchar = 1042,
                        varchar = 1043, date = 1082, time = 1083, timestamp = 1114,
                        timestamptz = 1184, interval = 1186, timetz = 1266, numeric = 1700,
                        uuid = 2950, super = 4000;
}

/// Types of arrays and of their elements, as pg_type has them.
inline constexpr std::pair<std::uint32_t, std::uint32_t> array_types[] = {
    {199, oid::json},     {1000, oid::boolean}, {1001, oid::bytea},       {1002, oid::character},
    {1003, oid::name},    {1005, oid::int2},    {1007, oid::int4},        {1009, oid::text},
    {1014, oid::bpchar},  {1015, oid::varchar}, {1016, oid::int8},        {1021, oid::float4},
    {1022, oid::float8},  {1011, oid::xid},     {1028, oid::object},      {1115, oid::timestamp},
    {1182, oid::date},    {1183, oid::time},    {1185, oid::timestamptz}, {1187, oid::interval},
    {1231, oid::numeric}, {1270, oid::timetz},  {2951, oid::uuid},        {3807, 3802}};

/// The type of an array's elements; 0 when the type is no array.
constexpr std::uint32_t element_of(std::uint32_t type) {
    for (const auto& [array, element] : array_types)
        if (array == type) return element;
    return 0;
}
/// The array's type; of texts when there is none of such elements: every value has a text.
constexpr std::uint32_t array_of(std::uint32_t type) {
    for (const auto& [array, element] : array_types)
        if (element == type) return array;
    return 1009;
}

/// Reads a type at tokens[at], and moves `at` behind it. A type that isn't known is taken as it
/// stands (an enum of the user's, one of the engine's).
Answer<TypeName> read_type(std::span<const Token> tokens, std::size_t& at);
/// The type that a declared name ("character varying(20)") means.
Answer<TypeName> type_named(std::string_view declared);
/// What an answer's column of that engine type is to a client.
Column column_of(std::string name, std::string_view engine_type);
/// The type of a column of pg_catalog, where the engine has none of its own for it: name, "char",
/// xid, vectors. 0: what column_of tells.
std::uint32_t catalog_type(std::string_view column, std::string_view engine_type);
/// PostgreSQL's name of the type with that oid, as regtype shows it: "integer", "text[]".
std::string type_name_of(std::uint32_t oid);
/// The engine's type for a client's oid; "" where there is none.
std::string engine_type_of(std::uint32_t oid);

}  // namespace stroma::redshift
