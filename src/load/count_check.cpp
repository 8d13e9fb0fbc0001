#include "load/count_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace stroma::loading {
namespace {

constexpr std::array<std::string_view, 5> count_columns = {"n_counts", "total_counts", "n_umis",
                                                           "total_umis", "nCount_RNA"};

/// Sums are often kept as 32-bit floats.
bool agree(double said, double found) {
    return std::abs(said - found) <= 1e-4 * std::max(1.0, std::abs(found));
}

}  // namespace

std::optional<std::string> count_difference(const expression::Frame& obs,
                                            std::span<const double> totals) {
    for (const std::string_view name : count_columns) {
        const expression::Column* column = obs.find(name);
        if (column == nullptr || !column->is_numeric() || column->size() != totals.size()) continue;
        const auto& said = std::get<expression::Array>(column->values);
        std::size_t different = 0, first = 0;
        for (std::size_t i = 0; i < totals.size(); ++i) {
            if (column->is_missing(i) || agree(said.number(i), totals[i])) continue;
            if (different++ == 0) first = i;
        }
        if (different == 0 || different > totals.size() / 2) continue;
        return fmt::format(
            "obs/{} differs from the sums of X in {} of {} cells, first in cell {} ('{}': {} is "
            "said, X holds {}); look whether the file is damaged",
            name, different, totals.size(), first, obs.index[first], said.number(first),
            totals[first]);
    }
    return std::nullopt;
}

}  // namespace stroma::loading
