#include "expression/compare/rank_test.h"

#include <algorithm>
#include <cmath>

#include "expression/kernels/rank_keys.h"

namespace stroma::expression {
namespace {

/// What is the same for every gene of one comparison.
struct RankQuestion {
    std::span<const Side> sides;
    std::vector<std::uint64_t> is_smaller;  ///< a bit a cell, which fit the nearest cache
    std::uint64_t cells_a = 0, cells_b = 0;
    const double* totals = nullptr;  ///< of the cells, when values rank by their share of them
    Scale scale = Scale::as_stored;
    bool whole = false;                  ///< every cell is in one of the sets
    bool negative = false;               ///< some values are below 0
    const Int128* whole_ties = nullptr;  ///< of each gene, where they are known
    Side smaller() const { return cells_a <= cells_b ? Side::a : Side::b; }
};

/// Ranks one gene at a time, on one thread, in room that is kept from gene to gene.
class GeneRanker {
public:
    RankSums rank(const RankQuestion& asked, const GeneValues& gene) {
        const std::size_t stored = gene.cells.size();
        if (all_.size() < stored) {
            all_.resize(stored);
            few_.resize(stored);
            cells_.resize(stored);
            counts_.resize(stored);
        }
        const bool counts = gene.counts.size() == stored;
        const Taken taken = counts ? take_counts(asked, gene) : take_values(asked, gene);
        return sums(asked, taken, gene.gene);
    }

private:
    struct Taken {
        std::size_t all = 0, few = 0;  ///< values other than 0: of both, of the smaller set
        std::uint64_t dropped = 0, of_few = 0;  ///< values that have no rank
        KeyRange range;                         ///< of them all
    };

    /// Collects the keys of both sets, and those of the smaller one once more.
    Taken take_counts(const RankQuestion& asked, const GeneValues& gene) {
        const std::uint32_t *cells = gene.cells.data(), *counts = gene.counts.data();
        std::size_t taken = gene.cells.size();
        if (!asked.whole) {
            taken = keep_asked(asked, gene);
            cells = cells_.data();
            counts = counts_.data();
        }
        Taken out;
        out.range = make_keys(asked, counts, cells, taken);
        if (out.range.lowest <= (asked.totals != nullptr ? rank_key(0) : 0)) {  // stored zeros
            taken = keep_asked(asked, gene);
            cells = cells_.data();
            out.range = make_keys(asked, counts_.data(), cells, taken);
        }
        out.all = taken;
        const std::uint64_t* is_few = asked.is_smaller.data();
        const std::uint64_t* all = all_.data();
        std::uint64_t* few = few_.data();
        for (std::size_t i = 0; i < taken; ++i) {
            few[out.few] = all[i];
            out.few += is_few[cells[i] / 64] >> (cells[i] % 64) & 1;
        }
        return out;
    }

    KeyRange make_keys(const RankQuestion& asked, const std::uint32_t* counts,
                       const std::uint32_t* cells, std::size_t count) {
        if (asked.totals != nullptr)
            return share_keys(counts, cells, count, asked.totals, all_.data());
        std::copy(counts, counts + count, all_.data());
        return range_of(all_.data(), count);
    }

    /// The counts above 0 of the cells that are in a set; how many there are.
    std::size_t keep_asked(const RankQuestion& asked, const GeneValues& gene) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < gene.cells.size(); ++i) {
            cells_[kept] = gene.cells[i];
            counts_[kept] = gene.counts[i];
            kept += (gene.counts[i] != 0) & (asked.sides[gene.cells[i]] != Side::neither);
        }
        return kept;
    }

    Taken take_values(const RankQuestion& asked, const GeneValues& gene) {
        const Side smaller = asked.smaller();
        Taken out;
        for (std::size_t i = 0; i < gene.cells.size(); ++i) {
            const std::uint32_t cell = gene.cells[i];
            const Side side = asked.sides[cell];
            const double stored = gene.values[i];
            const double value = asked.totals != nullptr ? stored / asked.totals[cell] : stored;
            if (side == Side::neither || stored == 0 || value == 0) continue;
            // As their logarithms rank: what has none is left out.
            if (!std::isfinite(value) || (asked.scale == Scale::log1p && value <= -1)) {
                ++out.dropped;
                out.of_few += side == smaller;
                continue;
            }
            all_[out.all++] = rank_key(value);
            if (side == smaller) few_[out.few++] = rank_key(value);
        }
        out.range = range_of(all_.data(), out.all);
        return out;
    }

    RankSums sums(const RankQuestion& asked, const Taken& taken, std::uint32_t gene) {
        const bool is_a = asked.smaller() == Side::a;
        const std::span all(all_.data(), taken.all), few(few_.data(), taken.few);
        // The smaller set is s, the other one o.
        const std::uint64_t n_s = (is_a ? asked.cells_a : asked.cells_b) - taken.of_few;
        const std::uint64_t n_o =
            (is_a ? asked.cells_b : asked.cells_a) - (taken.dropped - taken.of_few);
        const std::uint64_t zeros_s = n_s - taken.few, zeros_o = n_o - (taken.all - taken.few);
        std::size_t above_s = taken.few, below_o = 0;
        if (asked.negative) {
            above_s = positive(few);
            below_o = (taken.all - positive(all)) - (taken.few - above_s);
        }
        pairs_.set_smaller(few, taken.range);
        // Every pair within the smaller set counts 2 in all, and each key 1 with itself.
        const Int128 twice_u = pairs_.twice_above(all) - Int128{taken.few} * taken.few +
                               Int128{zeros_o} * (2 * above_s + zeros_s) +
                               Int128{2 * zeros_s} * below_o;
        RankSums out;
        out.n_a = is_a ? n_s : n_o;
        out.n_b = is_a ? n_o : n_s;
        out.twice_ranks_a = (is_a ? twice_u : Int128{2 * out.n_a} * out.n_b - twice_u) +
                            Int128{out.n_a} * (out.n_a + 1);
        out.ties = asked.whole_ties != nullptr ? asked.whole_ties[gene]
                                               : ties_.ties(all) + ties_of_group(zeros_s + zeros_o);
        return out;
    }

    static std::size_t positive(std::span<const std::uint64_t> keys) {
        return static_cast<std::size_t>(std::count_if(keys.begin(), keys.end(), is_positive_key));
    }

    std::vector<std::uint64_t> all_, few_;
    std::vector<std::uint32_t> cells_, counts_;
    PairCounter pairs_;
    TieCounter ties_;
};

}  // namespace

Result<std::vector<RankSums>> rank_sums(const SealedMatrix& matrix, std::span<const Side> sides,
                                        Scale scale, const Watch& watch) {
    RankQuestion asked;
    asked.sides = sides;
    asked.cells_a = static_cast<std::uint64_t>(std::count(sides.begin(), sides.end(), Side::a));
    asked.cells_b = static_cast<std::uint64_t>(std::count(sides.begin(), sides.end(), Side::b));
    asked.is_smaller.resize(sides.size() / 64 + 1);
    for (std::size_t cell = 0; cell < sides.size(); ++cell)
        asked.is_smaller[cell / 64] |= std::uint64_t{sides[cell] == asked.smaller()} << (cell % 64);
    asked.scale = scale;
    asked.negative = matrix.summary().min < 0;
    std::vector<double> totals;
    if (scale == Scale::log_cp10k) totals = TRY(matrix.cell_totals());
    if (!totals.empty()) asked.totals = totals.data();
    asked.whole = asked.cells_a + asked.cells_b == sides.size();
    const auto kept = asked.whole ? matrix.kept_ties(scale) : nullptr;
    if (kept != nullptr) asked.whole_ties = kept->data();

    std::vector<RankSums> sums(matrix.gene_count());
    const Result<void> done = matrix.scan_genes(
        {},
        [&](const GeneValues& gene) -> Result<void> {
            // Its buffers are kept from gene to gene; all else is this comparison's.
            thread_local GeneRanker ranker;
            sums[gene.gene] = ranker.rank(asked, gene);
            return {};
        },
        watch);
    TRY(done);
    if (asked.whole && kept == nullptr) {
        std::vector<Int128> ties;
        for (const RankSums& one : sums) ties.push_back(one.ties);
        matrix.keep_ties(scale, std::move(ties));
    }
    return sums;
}

}  // namespace stroma::expression
