#include <fmt/format.h>

#include <algorithm>

#include "redshift/table_statements.h"

namespace stroma::redshift {
namespace {

constexpr int rank_bits = 8;  ///< of each column of an interleaved key

/// Bits of each column's rank, the first column's first, taken in turn: a place on the z-curve.
/// Ranks, not values: so that every column splits its rows evenly, whatever its distribution.
std::string interleaved_order(const std::vector<std::string>& sort) {
    const std::size_t count = sort.size();
    const int bits = std::min(rank_bits, 62 / static_cast<int>(count));
    std::string sum;
    for (int bit = bits - 1; bit >= 0; --bit)
        for (std::size_t column = 0; column < count; ++column) {
            const std::size_t place = static_cast<std::size_t>(bit) * count + (count - 1 - column);
            // In parentheses each: a shift binds less than a sum.
            sum += fmt::format("{}(((((ntile({}) OVER (ORDER BY {})) - 1) >> {}) & 1) << {})",
                               sum.empty() ? "" : " + ", 1 << bits, quoted_name(sort[column]), bit,
                               place);
        }
    return sum;
}

}  // namespace

std::string sort_order(const TableAttributes& attributes, const std::vector<TableColumn>& columns,
                       [[maybe_unused]] const std::string& relation) {
    std::vector<std::string> sort;
    for (const std::string& name : attributes.sort)
        if (std::any_of(columns.begin(), columns.end(),
                        [&](const TableColumn& column) { return column.name == name; }))
            sort.push_back(name);
    if (sort.empty()) return "";
    if (attributes.is_interleaved && sort.size() > 1) return interleaved_order(sort);
    std::string order;
    for (const std::string& name : sort) order += (order.empty() ? "" : ", ") + quoted_name(name);
    return order;
}

}  // namespace stroma::redshift
