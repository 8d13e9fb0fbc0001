#include "expression/compare/cell_sets.h"

#include <fmt/format.h>

#include <algorithm>

namespace stroma::expression {
namespace {

Result<void> mark(std::vector<Side>& sides, std::span<const std::uint32_t> cells, Side side) {
    for (const std::uint32_t cell : cells) {
        if (cell >= sides.size())
            return fail(ErrorCode::invalid_input,
                        fmt::format("there are {} cells; there is no cell {}", sides.size(), cell));
        if (sides[cell] == side)
            return fail(ErrorCode::invalid_input,
                        fmt::format("cell {} is twice in one set of the comparison", cell));
        if (sides[cell] != Side::neither)
            return fail(ErrorCode::invalid_input,
                        fmt::format("cell {} is in both sets: take it out of one, the tests are of "
                                    "independent cells",
                                    cell));
        sides[cell] = side;
    }
    return {};
}

Result<void> check_size(std::string_view name, std::size_t cells, std::uint64_t cells_min) {
    if (cells >= cells_min) return {};
    return fail(ErrorCode::invalid_input,
                fmt::format("set {} has {} {}; a comparison needs at least {}", name, cells,
                            cells == 1 ? "cell" : "cells", cells_min));
}

}  // namespace

Result<CellSets> cell_sets(std::uint64_t cell_count, std::span<const std::uint32_t> a,
                           std::optional<std::span<const std::uint32_t>> b,
                           std::uint64_t cells_min) {
    CellSets sets;
    sets.sides.assign(cell_count, b ? Side::neither : Side::b);
    if (b) {
        TRY(mark(sets.sides, a, Side::a));
        TRY(mark(sets.sides, *b, Side::b));
    } else {
        std::vector<Side> alone(cell_count, Side::neither);
        TRY(mark(alone, a, Side::a));
        for (const std::uint32_t cell : a) sets.sides[cell] = Side::a;
    }
    for (std::uint32_t cell = 0; cell < cell_count; ++cell) {
        const Side side = sets.sides[cell];
        (side == Side::a ? sets.a : side == Side::b ? sets.b : sets.neither).push_back(cell);
    }
    TRY(check_size("A", sets.a.size(), std::max<std::uint64_t>(cells_min, 2)));
    TRY(check_size("B", sets.b.size(), std::max<std::uint64_t>(cells_min, 2)));
    return sets;
}

Result<SideSums> side_sums(const SealedMatrix& matrix, const CellSets& sets, Scale scale,
                           const Watch& watch) {
    const auto read = [&](const auto& one, const auto& other) {
        const std::span<const std::uint32_t> groups[] = {one, other};
        return matrix.exact_sums(groups, scale, watch);
    };
    const std::size_t largest = std::max({sets.a.size(), sets.b.size(), sets.neither.size()});
    if (sets.neither.size() == largest) {
        auto sums = TRY(read(sets.a, sets.b));
        return SideSums{std::move(sums[0]), std::move(sums[1])};
    }
    const bool whole_of_a = sets.a.size() == largest;
    auto sums = TRY(read(whole_of_a ? sets.b : sets.a, sets.neither));
    ExactSums rest = TRY(matrix.exact_totals(scale, watch));
    rest -= sums[0];
    rest -= sums[1];
    if (whole_of_a) return SideSums{std::move(rest), std::move(sums[0])};
    return SideSums{std::move(sums[0]), std::move(rest)};
}

}  // namespace stroma::expression
