#include "cluster/prepared_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/threads.h"

namespace stroma::cluster {
namespace {

using expression::Array;
using expression::ExactSums;
using expression::LineBlock;
using expression::Scale;
using expression::SealedMatrix;

constexpr std::size_t bin_count = 20;
constexpr std::size_t cells_at_once = 4096;
constexpr double never = -std::numeric_limits<double>::infinity();

struct Moments {
    std::vector<double> mean, variance;
    bool has_negative = false;
};

Moments moments_of(const ExactSums& sums) {
    Moments moments;
    const auto cells = static_cast<double>(sums.cells);
    for (const auto& gene : sums.genes) {
        const double mean = gene.sum_of(sums.fixed) / cells;
        const double squares = gene.squares_of(sums.fixed) / cells;
        moments.mean.push_back(mean);
        moments.variance.push_back(
            gene.nonfinite > 0 ? 0 : (squares - mean * mean) * cells / std::max(cells - 1, 1.0));
        moments.has_negative = moments.has_negative || mean < 0;
    }
    return moments;
}

/// Each gene's place among those of alike means.
void within_bins(const std::vector<double>& means, std::vector<double>& spread) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (std::size_t i = 0; i < spread.size(); ++i)
        if (spread[i] != never) {
            low = std::min(low, std::log1p(means[i]));
            high = std::max(high, std::log1p(means[i]));
        }
    const auto bin_of = [&](std::size_t gene) {
        const double share = high > low ? (std::log1p(means[gene]) - low) / (high - low) : 0;
        return std::min(bin_count - 1, static_cast<std::size_t>(share * bin_count));
    };
    std::vector<double> count(bin_count), sum(bin_count), squares(bin_count);
    for (std::size_t i = 0; i < spread.size(); ++i)
        if (spread[i] != never) {
            count[bin_of(i)] += 1;
            sum[bin_of(i)] += spread[i];
            squares[bin_of(i)] += spread[i] * spread[i];
        }
    for (std::size_t i = 0; i < spread.size(); ++i) {
        if (spread[i] == never) continue;
        const std::size_t bin = bin_of(i);
        const double mean = sum[bin] / count[bin];
        const double variance =
            count[bin] > 1 ? (squares[bin] - count[bin] * mean * mean) / (count[bin] - 1) : 0;
        // A gene alone in its bin has nothing to differ from.
        spread[i] = variance > 0 ? (spread[i] - mean) / std::sqrt(variance) : 0;
    }
}

/// The chosen columns of some cells.
Result<SparseRows> read_piece(const SealedMatrix& matrix, std::span<const std::uint32_t> cells,
                              const std::vector<std::int32_t>& column_of,
                              const std::vector<double>& totals, Scale scale) {
    LineBlock block;
    TRY(matrix.read_cells(cells, block));
    Array values{matrix.summary().type, {block.places.size()}, std::move(block.values)};
    SparseRows rows;
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
        for (std::uint64_t i = block.starts[cell]; i < block.starts[cell + 1]; ++i) {
            const std::int32_t column = column_of[block.places[i]];
            if (column < 0) continue;
            const double total = totals.empty() ? 0 : totals[cells[cell]];
            const double value = expression::scaled(values.number(i), scale, total);
            if (value == 0 || !std::isfinite(value)) continue;
            rows.places.push_back(static_cast<std::uint32_t>(column));
            rows.values.push_back(static_cast<float>(value));
        }
        rows.starts.push_back(rows.places.size());
    }
    return rows;
}

void append(SparseRows& rows, const SparseRows& more) {
    const std::uint64_t before = rows.places.size();
    rows.places.insert(rows.places.end(), more.places.begin(), more.places.end());
    rows.values.insert(rows.values.end(), more.values.begin(), more.values.end());
    for (std::size_t i = 1; i < more.starts.size(); ++i)
        rows.starts.push_back(before + more.starts[i]);
}

std::vector<std::uint32_t> most_variable(const std::vector<double>& variability,
                                         std::uint32_t count) {
    std::vector<std::uint32_t> genes;
    for (std::uint32_t i = 0; i < variability.size(); ++i)
        if (variability[i] != never) genes.push_back(i);
    if (genes.size() > count) {
        std::stable_sort(genes.begin(), genes.end(), [&](std::uint32_t a, std::uint32_t b) {
            return variability[a] > variability[b];
        });
        genes.resize(count);
        std::sort(genes.begin(), genes.end());
    }
    return genes;
}

}  // namespace

std::vector<double> gene_variability(const ExactSums& sums) {
    const Moments moments = moments_of(sums);
    std::vector<double> spread(moments.mean.size(), never);
    for (std::size_t i = 0; i < spread.size(); ++i) {
        const double variance = moments.variance[i];
        if (!(variance > 1e-12)) continue;
        if (moments.has_negative)
            spread[i] = variance;
        else if (moments.mean[i] > 0)
            spread[i] = std::log(variance / moments.mean[i]);
    }
    if (!moments.has_negative) within_bins(moments.mean, spread);
    return spread;
}

PreparedCells prepared(SparseRows rows, std::vector<std::uint32_t> genes) {
    PreparedCells made{std::move(rows), std::move(genes), {}};
    std::vector<double> sums(made.rows.columns);
    for (std::size_t i = 0; i < made.rows.places.size(); ++i)
        sums[made.rows.places[i]] += static_cast<double>(made.rows.values[i]);
    const auto cells = static_cast<double>(std::max<std::size_t>(made.rows.row_count(), 1));
    for (const double sum : sums) made.means.push_back(static_cast<float>(sum / cells));
    return made;
}

Result<PreparedCells> prepare_cells(const SealedMatrix& matrix,
                                    std::span<const std::uint32_t> cells, Scale scale,
                                    std::uint32_t gene_count, const Steps& steps) {
    constexpr std::string_view choosing = "choosing genes", reading = "reading cells";
    TRY(steps.at(choosing, 0, 1));
    const std::span<const std::uint32_t> groups[] = {cells};
    const auto sums = TRY(matrix.exact_sums(groups, scale, {{}, steps.cancelled}));
    std::vector<std::uint32_t> genes = most_variable(gene_variability(sums[0]), gene_count);
    if (genes.size() < 2)
        return fail(ErrorCode::invalid_input, "fewer than two genes vary among these cells");
    std::vector<std::int32_t> column_of(matrix.gene_count(), -1);
    for (std::size_t i = 0; i < genes.size(); ++i)
        column_of[genes[i]] = static_cast<std::int32_t>(i);
    const auto totals =
        scale == Scale::log_cp10k ? TRY(matrix.cell_totals()) : std::vector<double>{};

    SparseRows rows;
    rows.columns = static_cast<std::uint32_t>(genes.size());
    const std::size_t pieces = (cells.size() + cells_at_once - 1) / cells_at_once;
    const std::size_t at_once = std::max<std::size_t>(thread_count(), 1);
    for (std::size_t first = 0; first < pieces; first += at_once) {
        TRY(steps.at(reading, static_cast<double>(first), static_cast<double>(pieces)));
        std::vector<SparseRows> read(std::min(at_once, pieces - first));
        const auto read_one = [&](std::size_t i) -> Result<void> {
            const std::size_t begin = (first + i) * cells_at_once;
            const auto piece = cells.subspan(begin, std::min(cells_at_once, cells.size() - begin));
            read[i] = TRY(read_piece(matrix, piece, column_of, totals, scale));
            return {};
        };
        TRY(parallel_for(read.size(), read_one));
        for (const SparseRows& piece : read) append(rows, piece);
        if (rows.places.size() > prepared_values_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("{} cells with {} genes hold more than {} values; take fewer "
                                    "cells or genes",
                                    cells.size(), genes.size(), prepared_values_max));
    }
    return prepared(std::move(rows), std::move(genes));
}

}  // namespace stroma::cluster
