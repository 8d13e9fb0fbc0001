#include "cluster/principal_components.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/threads.h"
#include "cluster/random.h"

namespace stroma::cluster {
namespace {

constexpr std::uint32_t oversampling = 10;
constexpr std::size_t blocks = 16;  // fixed, so that sums don't depend on the threads
constexpr int rounds_max = 40;
constexpr double settled = 1e-7;  // change of the eigenvalues' sum between two rounds

/// A matrix of few columns, row-major.
struct Tall {
    std::size_t rows = 0, columns = 0;
    std::vector<double> values;
    Tall(std::size_t its_rows, std::size_t its_columns)
        : rows(its_rows), columns(its_columns), values(its_rows * its_columns) {}
    double& at(std::size_t row, std::size_t column) { return values[row * columns + column]; }
    double at(std::size_t row, std::size_t column) const { return values[row * columns + column]; }
};

/// Makes the columns orthonormal, by Gram and Schmidt twice; one that vanishes becomes 0.
void orthonormalise(Tall& tall) {
    for (std::size_t column = 0; column < tall.columns; ++column) {
        for (int pass = 0; pass < 2; ++pass)
            for (std::size_t before = 0; before < column; ++before) {
                double product = 0;
                for (std::size_t row = 0; row < tall.rows; ++row)
                    product += tall.at(row, column) * tall.at(row, before);
                for (std::size_t row = 0; row < tall.rows; ++row)
                    tall.at(row, column) -= product * tall.at(row, before);
            }
        double squares = 0;
        for (std::size_t row = 0; row < tall.rows; ++row)
            squares += tall.at(row, column) * tall.at(row, column);
        const double factor = squares > 1e-300 ? 1 / std::sqrt(squares) : 0;
        for (std::size_t row = 0; row < tall.rows; ++row) tall.at(row, column) *= factor;
    }
}

/// One rotation of Jacobi's, which makes symmetric(p, q) zero.
void rotate(Tall& symmetric, Tall& vectors, std::size_t p, std::size_t q) {
    const double off = symmetric.at(p, q);
    const double theta = (symmetric.at(q, q) - symmetric.at(p, p)) / (2 * off);
    const double t = (theta >= 0 ? 1.0 : -1.0) / (std::abs(theta) + std::sqrt(theta * theta + 1));
    const double c = 1 / std::sqrt(t * t + 1), s = t * c;
    const std::size_t size = symmetric.rows;
    for (std::size_t k = 0; k < size; ++k) {
        const double a = symmetric.at(k, p), b = symmetric.at(k, q);
        symmetric.at(k, p) = c * a - s * b;
        symmetric.at(k, q) = s * a + c * b;
    }
    for (std::size_t k = 0; k < size; ++k) {
        const double a = symmetric.at(p, k), b = symmetric.at(q, k);
        symmetric.at(p, k) = c * a - s * b;
        symmetric.at(q, k) = s * a + c * b;
        const double d = vectors.at(k, p), e = vectors.at(k, q);
        vectors.at(k, p) = c * d - s * e;
        vectors.at(k, q) = s * d + c * e;
    }
}

/// Eigenvalues, falling, and eigenvectors in columns; `symmetric` is used up.
std::vector<double> eigen_of(Tall& symmetric, Tall& vectors) {
    const std::size_t size = symmetric.rows;
    for (std::size_t i = 0; i < size; ++i) vectors.at(i, i) = 1;
    for (int sweep = 0; sweep < 60; ++sweep) {
        double off = 0, diagonal = 0;
        for (std::size_t p = 0; p < size; ++p) {
            diagonal += symmetric.at(p, p) * symmetric.at(p, p);
            for (std::size_t q = p + 1; q < size; ++q)
                off += symmetric.at(p, q) * symmetric.at(p, q);
        }
        if (off <= 1e-28 * diagonal || off == 0) break;
        for (std::size_t p = 0; p < size; ++p)
            for (std::size_t q = p + 1; q < size; ++q)
                if (symmetric.at(p, q) != 0) rotate(symmetric, vectors, p, q);
    }
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return symmetric.at(a, a) > symmetric.at(b, b);
    });
    const Tall unsorted = vectors;
    std::vector<double> eigenvalues;
    for (std::size_t i = 0; i < size; ++i) {
        eigenvalues.push_back(symmetric.at(order[i], order[i]));
        for (std::size_t k = 0; k < size; ++k) vectors.at(k, i) = unsorted.at(k, order[i]);
    }
    return eigenvalues;
}

/// The centred rows against a few directions, many times over.
class Covariance {
public:
    explicit Covariance(const PreparedCells& cells) : cells_(cells) {}

    /// What row `row` gives in each of the directions.
    void project(std::size_t row, const std::vector<float>& directions, std::size_t columns,
                 const std::vector<float>& offset, float* to) const {
        for (std::size_t c = 0; c < columns; ++c) to[c] = -offset[c];
        for (std::uint64_t i = cells_.rows.starts[row]; i < cells_.rows.starts[row + 1]; ++i) {
            const float value = cells_.rows.values[i];
            const float* direction = directions.data() + cells_.rows.places[i] * columns;
            for (std::size_t c = 0; c < columns; ++c) to[c] += value * direction[c];
        }
    }
    std::vector<float> offset_of(const std::vector<float>& directions, std::size_t columns) const {
        std::vector<double> sums(columns);
        for (std::size_t gene = 0; gene < cells_.means.size(); ++gene)
            for (std::size_t c = 0; c < columns; ++c)
                sums[c] += static_cast<double>(cells_.means[gene]) *
                           static_cast<double>(directions[gene * columns + c]);
        return {sums.begin(), sums.end()};
    }
    std::pair<std::size_t, std::size_t> block(std::size_t number) const {
        const std::size_t rows = cells_.rows.row_count();
        return {rows * number / blocks, rows * (number + 1) / blocks};
    }
    /// The scatter matrix (centred rows transposed, times themselves) times the directions.
    Result<Tall> times(const Tall& directions) const {
        const std::size_t columns = directions.columns;
        const std::vector<float> narrow(directions.values.begin(), directions.values.end());
        const std::vector<float> offset = offset_of(narrow, columns);
        std::vector<Tall> parts(blocks, Tall(directions.rows, columns));
        std::vector<std::vector<double>> sums(blocks, std::vector<double>(columns));
        TRY(parallel_for(blocks, [&](std::size_t number) -> Result<void> {
            std::vector<float> projected(columns);
            const auto [first, end] = block(number);
            for (std::size_t row = first; row < end; ++row) {
                project(row, narrow, columns, offset, projected.data());
                for (std::size_t c = 0; c < columns; ++c)
                    sums[number][c] += static_cast<double>(projected[c]);
                spread(row, projected, parts[number]);
            }
            return {};
        }));
        Tall all(directions.rows, columns);
        std::vector<double> sum(columns);
        for (std::size_t number = 0; number < blocks; ++number) {
            for (std::size_t i = 0; i < all.values.size(); ++i)
                all.values[i] += parts[number].values[i];
            for (std::size_t c = 0; c < columns; ++c) sum[c] += sums[number][c];
        }
        for (std::size_t gene = 0; gene < all.rows; ++gene)
            for (std::size_t c = 0; c < columns; ++c)
                all.at(gene, c) -= static_cast<double>(cells_.means[gene]) * sum[c];
        return all;
    }

private:
    void spread(std::size_t row, const std::vector<float>& projected, Tall& part) const {
        const std::size_t columns = part.columns;
        for (std::uint64_t i = cells_.rows.starts[row]; i < cells_.rows.starts[row + 1]; ++i) {
            const auto value = static_cast<double>(cells_.rows.values[i]);
            double* to = part.values.data() + cells_.rows.places[i] * columns;
            for (std::size_t c = 0; c < columns; ++c)
                to[c] += value * static_cast<double>(projected[c]);
        }
    }
    const PreparedCells& cells_;
};

double total_variance_of(const PreparedCells& cells) {
    double squares = 0, means = 0;
    for (const float value : cells.rows.values)
        squares += static_cast<double>(value) * static_cast<double>(value);
    for (const float mean : cells.means)
        means += static_cast<double>(mean) * static_cast<double>(mean);
    const auto rows = static_cast<double>(cells.rows.row_count());
    return (squares - rows * means) / (rows - 1);
}

/// tall × square, the first `columns` of it.
Tall product(const Tall& tall, const Tall& square, std::size_t columns) {
    Tall made(tall.rows, columns);
    for (std::size_t row = 0; row < tall.rows; ++row)
        for (std::size_t k = 0; k < tall.columns; ++k)
            for (std::size_t c = 0; c < columns; ++c)
                made.at(row, c) += tall.at(row, k) * square.at(k, c);
    return made;
}

void fix_signs(Tall& loadings) {
    for (std::size_t c = 0; c < loadings.columns; ++c) {
        double largest = 0;
        for (std::size_t row = 0; row < loadings.rows; ++row)
            if (std::abs(loadings.at(row, c)) > std::abs(largest) * (1 + 1e-9))
                largest = loadings.at(row, c);
        for (std::size_t row = 0; largest < 0 && row < loadings.rows; ++row)
            loadings.at(row, c) = -loadings.at(row, c);
    }
}

/// The directions of most variance, and how much each has.
Result<Tall> find_directions(const Covariance& covariance, std::size_t genes, std::uint32_t count,
                             std::uint64_t seed, const Steps& steps,
                             std::vector<double>& eigenvalues) {
    const std::size_t columns = std::min<std::size_t>(genes, count + oversampling);
    Tall directions(genes, columns);
    Random random(seed);
    for (double& value : directions.values) value = random.normal();
    orthonormalise(directions);
    double before = 0;
    for (int round = 0;; ++round) {
        TRY(steps.at("principal components", round, rounds_max));
        Tall next = TRY(covariance.times(directions));
        Tall inner(columns, columns), vectors(columns, columns);
        for (std::size_t a = 0; a < columns; ++a)
            for (std::size_t b = 0; b < columns; ++b)
                for (std::size_t row = 0; row < genes; ++row)
                    inner.at(a, b) += directions.at(row, a) * next.at(row, b);
        for (std::size_t a = 0; a < columns; ++a)
            for (std::size_t b = 0; b < a; ++b)
                inner.at(a, b) = inner.at(b, a) = (inner.at(a, b) + inner.at(b, a)) / 2;
        eigenvalues = eigen_of(inner, vectors);
        const double sum = std::accumulate(eigenvalues.begin(), eigenvalues.begin() + count, 0.0);
        if (round + 1 == rounds_max || columns == genes ||
            std::abs(sum - before) <= settled * sum) {
            Tall loadings = product(directions, vectors, count);
            fix_signs(loadings);
            return loadings;
        }
        before = sum;
        directions = std::move(next);
        orthonormalise(directions);
    }
}

}  // namespace

Result<PrincipalComponents> principal_components(const PreparedCells& cells, std::uint32_t count,
                                                 std::uint64_t seed, const Steps& steps) {
    const std::size_t rows = cells.rows.row_count(), genes = cells.means.size();
    if (count == 0 || rows <= count || genes < count)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} cells of {} genes have no {} components", rows, genes, count));
    const Covariance covariance(cells);
    std::vector<double> eigenvalues;
    const Tall loadings = TRY(find_directions(covariance, genes, count, seed, steps, eigenvalues));
    PrincipalComponents made;
    made.count = count;
    made.total_variance = total_variance_of(cells);
    for (std::uint32_t i = 0; i < count; ++i)
        made.variances.push_back(std::max(eigenvalues[i], 0.0) / static_cast<double>(rows - 1));
    made.loadings.assign(loadings.values.begin(), loadings.values.end());
    const std::vector<float> offset = covariance.offset_of(made.loadings, count);
    made.scores.resize(rows * count);
    TRY(parallel_for(blocks, [&](std::size_t number) -> Result<void> {
        const auto [first, end] = covariance.block(number);
        for (std::size_t row = first; row < end; ++row)
            covariance.project(row, made.loadings, count, offset, made.scores.data() + row * count);
        return {};
    }));
    return made;
}

}  // namespace stroma::cluster
