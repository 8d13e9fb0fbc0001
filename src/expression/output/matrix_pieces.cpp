#include "expression/output/matrix_pieces.h"

#include <algorithm>
#include <cassert>

namespace stroma::expression {

Result<void> read_piece(MatrixSource& source, std::span<const std::uint64_t> starts,
                        std::uint64_t begin, std::uint64_t end, ValuePiece& out) {
    assert(begin < end && end <= starts.back());
    // The last line that begins at or before `begin`, and the first that begins at or past `end`.
    const auto first = std::upper_bound(starts.begin(), starts.end(), begin) - 1;
    const auto last = std::lower_bound(first, starts.end(), end);
    const LineRange range{static_cast<std::uint64_t>(first - starts.begin()),
                          static_cast<std::uint64_t>(last - first)};
    TRY(read_range(source, range, starts, out.block));
    out.begin_in_block = begin - *first;
    out.count = end - begin;
    out.shared_lines = *first < begin ? 1 : 0;
    return {};
}

}  // namespace stroma::expression
