#include "expression/compare/rank_test.h"

#include <algorithm>
#include <cmath>

namespace stroma::expression {
namespace {

struct Counts {
    std::uint64_t a = 0, b = 0;
};

/// One gene at a time, on one thread.
class GeneRanker {
public:
    GeneRanker(std::span<const Side> sides, const Counts& cells, const double* totals, Scale scale,
               RankSample& sample)
        : sides_(sides), cells_(cells), totals_(totals), scale_(scale), sample_(sample) {}

    /// For finite values of at least 0: no value needs a look of its own.
    RankSample::Sums rank_counts(const GeneValues& gene) {
        sample_.clear();
        std::uint64_t* keys = sample_.positive_room(gene.cells.size());
        std::size_t count = 0;
        Counts stored;
        for (std::size_t i = 0; i < gene.cells.size(); ++i) {
            const std::uint32_t cell = gene.cells[i];
            const Side side = sides_[cell];
            const double value =
                totals_ == nullptr ? gene.values[i] : gene.values[i] / totals_[cell];
            const bool counts = side != Side::neither && gene.values[i] > 0;
            keys[count] = RankSample::key(value, side == Side::b);
            count += counts;
            stored.a += counts && side == Side::a;
        }
        stored.b = count - stored.a;
        sample_.set_positive_count(count);
        return sample_.sums(cells_.a - stored.a, cells_.b - stored.b);
    }

    RankSample::Sums rank_any(const GeneValues& gene) {
        sample_.clear();
        Counts taken;
        for (std::size_t i = 0; i < gene.cells.size(); ++i) {
            const Side side = sides_[gene.cells[i]];
            if (side == Side::neither) continue;
            const double stored = gene.values[i];
            const double value = totals_ == nullptr ? stored : stored / totals_[gene.cells[i]];
            if (stored == 0 || value == 0) continue;
            ++(side == Side::a ? taken.a : taken.b);
            // As their logarithms rank: what has none is left out.
            if (!std::isfinite(value) || (scale_ == Scale::log1p && value <= -1)) continue;
            sample_.add(value, side == Side::b);
        }
        return sample_.sums(cells_.a - taken.a, cells_.b - taken.b);
    }

private:
    std::span<const Side> sides_;
    Counts cells_;
    const double* totals_;
    Scale scale_;
    RankSample& sample_;
};

}  // namespace

Result<std::vector<RankSample::Sums>> rank_sums(const SealedMatrix& matrix,
                                                std::span<const Side> sides, Scale scale,
                                                const Watch& watch) {
    Counts cells;
    cells.a = static_cast<std::uint64_t>(std::count(sides.begin(), sides.end(), Side::a));
    cells.b = static_cast<std::uint64_t>(std::count(sides.begin(), sides.end(), Side::b));
    std::vector<double> totals;
    if (scale == Scale::log_cp10k) totals = TRY(matrix.cell_totals());
    const double* shares = totals.empty() ? nullptr : totals.data();
    const bool counts = matrix.summary().whole_numbers;
    std::vector<RankSample::Sums> sums(matrix.gene_count());
    const Result<void> done = matrix.scan_genes(
        {},
        [&](const GeneValues& gene) -> Result<void> {
            // Its buffers are kept from gene to gene; all else is this comparison's.
            thread_local RankSample sample;
            GeneRanker ranker(sides, cells, shares, scale, sample);
            sums[gene.gene] = counts ? ranker.rank_counts(gene) : ranker.rank_any(gene);
            return {};
        },
        watch);
    TRY(done);
    return sums;
}

}  // namespace stroma::expression
