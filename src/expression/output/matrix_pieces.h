#pragma once

#include <cstdint>
#include <span>

#include "expression/output/matrix_lines.h"

namespace stroma::expression {

/// The stored values [begin, end) of a whole matrix, read by reading the lines they lie in.
struct ValuePiece {
    LineBlock block;
    std::uint64_t begin_in_block = 0, count = 0;
    std::uint64_t shared_lines = 0;  ///< 1 when the first line begins in the piece before

    ByteSpan values(ValueType type) const {
        return ByteSpan(block.values)
            .subspan(begin_in_block * size_of(type), count * size_of(type));
    }
    ByteSpan places() const {
        return std::as_bytes(std::span(block.places).subspan(begin_in_block, count));
    }
};

/// Reads a piece; for formats whose chunks end where they like. `starts` are the matrix's.
Result<void> read_piece(MatrixSource& source, std::span<const std::uint64_t> starts,
                        std::uint64_t begin, std::uint64_t end, ValuePiece& out);

}  // namespace stroma::expression
