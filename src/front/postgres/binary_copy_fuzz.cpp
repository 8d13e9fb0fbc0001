#include <cassert>
#include <cstddef>
#include <cstdint>

#include "front/postgres/binary_copy.h"
#include "front/postgres/value_bytes.h"

using namespace stroma::front::postgres;

/// The first byte says of which types the columns are and in how large pieces the rest comes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::vector<std::vector<std::uint32_t>> tables = {
        {oid::int4, oid::varchar},
        {oid::numeric, oid::timestamp, oid::date, oid::boolean},
        {oid::bytea, oid::uuid, oid::float8, oid::int2, oid::timestamptz, oid::time},
        {1007, 1009, oid::jsonb, oid::float4, oid::int8}};
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t piece = data[0] / 4 + std::size_t{1};
    const auto& types = tables[data[0] % 4];
    BinaryRows whole(types), pieces(types);
    std::string lines, lines_of_pieces;
    const bool works = whole.take(bytes, lines).has_value();
    bool all_work = true;
    for (std::size_t at = 0; at < bytes.size() && all_work; at += piece)
        all_work = pieces.take(bytes.substr(at, piece), lines_of_pieces).has_value();
    // However the bytes are cut, the rows are the same.
    if (works != all_work || (works && lines != lines_of_pieces)) __builtin_trap();
    if (works && whole.finish().has_value() != pieces.finish().has_value()) __builtin_trap();
    return 0;
}
