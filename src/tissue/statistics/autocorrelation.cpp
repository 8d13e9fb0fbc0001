#include "tissue/statistics/autocorrelation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/threads.h"
#include "tissue/statistics/samples.h"

namespace stroma::tissue {
namespace {

/// Each edge's weight by the cell that it starts from, and what the variances need of all.
struct Weights {
    std::vector<double> of_cells;
    double s0 = 0, s1 = 0, s2 = 0;
};

Weights weights_of(const SpatialGraph& graph, bool by_row) {
    Weights out;
    const std::size_t cells = graph.node_count();
    std::vector<double> sums(cells);  // of a cell's edges, out and in
    for (std::size_t from = 0; from < cells; ++from) {
        const auto edges = static_cast<double>(graph.starts[from + 1] - graph.starts[from]);
        out.of_cells.push_back(by_row && edges > 0 ? 1 / edges : 1);
        out.s0 += edges * out.of_cells[from];
        sums[from] += edges * out.of_cells[from];
    }
    // S1 = Σ (w_ij + w_ji)² / 2 = Σ w² + Σ w_ij w_ji, over directed edges.
    for (std::uint32_t from = 0; from < cells; ++from)
        for (std::uint64_t e = graph.starts[from]; e < graph.starts[from + 1]; ++e) {
            const std::uint32_t to = graph.nodes[e];
            const double weight = out.of_cells[from];
            sums[to] += weight;
            const auto begin = graph.nodes.begin();
            const bool is_mutual =
                std::binary_search(begin + static_cast<std::ptrdiff_t>(graph.starts[to]),
                                   begin + static_cast<std::ptrdiff_t>(graph.starts[to + 1]), from);
            out.s1 += weight * weight + (is_mutual ? weight * out.of_cells[to] : 0);
        }
    for (const double sum : sums) out.s2 += sum * sum;
    return out;
}

Autocorrelation of_column(const SpatialGraph& graph, const Weights& weights,
                          const std::vector<double>& values) {
    const std::size_t cells = values.size();
    const auto n = static_cast<double>(cells);
    double mean = 0, squares = 0;
    for (const double value : values) mean += value;
    mean /= n;
    for (const double value : values) squares += (value - mean) * (value - mean);
    double alike = 0, apart = 0;
    for (std::size_t from = 0; from < cells; ++from) {
        double near = 0, far = 0;
        for (std::uint64_t e = graph.starts[from]; e < graph.starts[from + 1]; ++e) {
            const double other = values[graph.nodes[e]];
            near += other - mean;
            far += (values[from] - other) * (values[from] - other);
        }
        alike += weights.of_cells[from] * (values[from] - mean) * near;
        apart += weights.of_cells[from] * far;
    }
    const double s0 = weights.s0, s1 = weights.s1, s2 = weights.s2;
    Autocorrelation made;
    const bool is_known = squares > 0 && s0 > 0 && n > 2;
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    made.moran = is_known ? n / s0 * alike / squares : none;
    made.moran_mean = -1 / (n - 1);
    made.moran_sd = std::sqrt((n * n * s1 - n * s2 + 3 * s0 * s0) / ((n * n - 1) * s0 * s0) -
                              made.moran_mean * made.moran_mean);
    made.moran_z = (made.moran - made.moran_mean) / made.moran_sd;
    made.moran_p = normal_two_sided(made.moran_z);
    made.geary = is_known ? (n - 1) * apart / (2 * s0 * squares) : none;
    made.geary_sd = std::sqrt(((2 * s1 + s2) * (n - 1) - 4 * s0 * s0) / (2 * (n + 1) * s0 * s0));
    made.geary_z = (made.geary - 1) / made.geary_sd;
    made.geary_p = normal_two_sided(made.geary_z);
    return made;
}

}  // namespace

std::vector<Autocorrelation> autocorrelation(const SpatialGraph& graph,
                                             std::span<const float> values, std::size_t columns,
                                             bool by_row) {
    const Weights weights = weights_of(graph, by_row);
    std::vector<Autocorrelation> out(columns);
    static_cast<void>(parallel_for(columns, [&](std::size_t column) -> Result<void> {
        std::vector<double> own(graph.node_count());
        for (std::size_t cell = 0; cell < own.size(); ++cell)
            own[cell] = static_cast<double>(values[cell * columns + column]);
        out[column] = of_column(graph, weights, own);
        return {};
    }));
    return out;
}

}  // namespace stroma::tissue
