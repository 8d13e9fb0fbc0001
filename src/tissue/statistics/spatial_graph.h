#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace stroma::tissue {

/// Places of cells: x and y of each, in whatever unit lengths are said in.
struct Places {
    std::vector<double> x, y;
    std::size_t count() const { return x.size(); }
};

/// Who is a neighbour of whom: each cell's neighbours, without itself, rising. Directed.
struct SpatialGraph {
    std::vector<std::uint64_t> starts{0};
    std::vector<std::uint32_t> nodes;
    std::size_t node_count() const { return starts.size() - 1; }
    std::size_t edge_count() const { return nodes.size(); }
};

/// Cells sorted into squares, for questions about what is near.
class PlaceGrid {
public:
    PlaceGrid(const Places& places, double side);
    /// Calls use(cell) for each cell in the squares that touch that box.
    template <class Use>
    void within(double x0, double y0, double x1, double y1, const Use& use) const;
    double side() const { return side_; }
    double x0() const { return x0_; }
    double y0() const { return y0_; }
    std::int64_t columns() const { return columns_; }
    std::int64_t rows() const { return rows_; }
    std::span<const std::uint32_t> in_square(std::int64_t column, std::int64_t row) const {
        const std::size_t at = static_cast<std::size_t>(row * columns_ + column);
        return std::span(cells_).subspan(starts_[at], starts_[at + 1] - starts_[at]);
    }
    std::int64_t column_of(double x) const;
    std::int64_t row_of(double y) const;

private:
    double side_, x0_ = 0, y0_ = 0;
    std::int64_t columns_ = 1, rows_ = 1;
    std::vector<std::uint64_t> starts_;
    std::vector<std::uint32_t> cells_;
};

template <class Use>
void PlaceGrid::within(double x0, double y0, double x1, double y1, const Use& use) const {
    for (std::int64_t row = row_of(y0); row <= row_of(y1); ++row)
        for (std::int64_t column = column_of(x0); column <= column_of(x1); ++column)
            for (const std::uint32_t cell : in_square(column, row)) use(cell);
}

/// The nearest `count` of each cell; of equally near ones the smaller numbers. Fewer cells than
/// that: all others.
SpatialGraph nearest_graph(const Places& places, std::uint32_t count);
/// All within that distance, it included. errors  exhausted  more than 2^31 neighbours in all
Result<SpatialGraph> radius_graph(const Places& places, double radius);
/// Edges of the Delaunay triangulation that are no longer than `longest` (0: any), both ways.
/// Places are rounded to 2^-26 of the larger side before; of cells at one place the first has the
/// edges, and the others none.
/// Source: Guibas, Stolfi 1985, with exact predicates.
SpatialGraph delaunay_graph(const Places& places, double longest);

}  // namespace stroma::tissue
