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
    const double* totals = nullptr;    ///< of the cells, when values rank by their share of them
    std::vector<float> narrow_totals;  ///< the same where they are whole and small enough
    double largest_total = 0;
    Scale scale = Scale::as_stored;
    bool whole = false;                  ///< every cell is in one of the sets
    bool negative = false;               ///< some values are below 0
    const Int128* whole_ties = nullptr;  ///< of each gene, where they are known
    Side smaller() const { return cells_a <= cells_b ? Side::a : Side::b; }
    bool are_narrow(std::uint32_t largest_count) const {
        return totals == nullptr ||
               (!narrow_totals.empty() && largest_count * largest_total < narrow_shares_below);
    }
};

struct Taken {
    std::size_t all = 0, few = 0;           ///< values other than 0: of both, of the smaller set
    std::uint64_t dropped = 0, of_few = 0;  ///< values that have no rank
    KeyRange range;                         ///< of them all
};

/// The keys of one gene, and what is counted of them.
template <class Key>
struct Keys {
    std::vector<Key> all, few;
    PairCounter<Key> pairs;
    TieCounter<Key> ties;

    void make_room(std::size_t stored) {
        if (all.size() >= stored) return;
        all.resize(stored);
        few.resize(stored);
    }

    static std::size_t positive(std::span<const Key> keys) {
        return static_cast<std::size_t>(std::count_if(
            keys.begin(), keys.end(), [](const Key key) { return is_positive_key(key); }));
    }

    RankSums sums(const RankQuestion& asked, const Taken& taken, std::uint32_t gene) {
        const bool is_a = asked.smaller() == Side::a;
        const std::span<const Key> both(all.data(), taken.all), smaller(few.data(), taken.few);
        // The smaller set is s, the other one o.
        const std::uint64_t n_s = (is_a ? asked.cells_a : asked.cells_b) - taken.of_few;
        const std::uint64_t n_o =
            (is_a ? asked.cells_b : asked.cells_a) - (taken.dropped - taken.of_few);
        const std::uint64_t zeros_s = n_s - taken.few, zeros_o = n_o - (taken.all - taken.few);
        std::size_t above_s = taken.few, below_o = 0;
        if (asked.negative) {
            above_s = positive(smaller);
            below_o = (taken.all - positive(both)) - (taken.few - above_s);
        }
        pairs.set_smaller(smaller, taken.range);
        // Every pair within the smaller set counts 2 in all, and each key 1 with itself.
        const Int128 twice_u = pairs.twice_above(both) - Int128{taken.few} * taken.few +
                               Int128{zeros_o} * (2 * above_s + zeros_s) +
                               Int128{2 * zeros_s} * below_o;
        RankSums out;
        out.n_a = is_a ? n_s : n_o;
        out.n_b = is_a ? n_o : n_s;
        out.twice_ranks_a = (is_a ? twice_u : Int128{2 * out.n_a} * out.n_b - twice_u) +
                            Int128{out.n_a} * (out.n_a + 1);
        out.ties = asked.whole_ties != nullptr ? asked.whole_ties[gene]
                                               : ties.ties(both) + ties_of_group(zeros_s + zeros_o);
        return out;
    }
};

void make_keys(const RankQuestion& asked, std::span<const std::uint32_t> counts,
               const std::uint32_t* cells, Keys<std::uint64_t>& to, Taken& taken) {
    taken.range = share_keys(counts.data(), cells, counts.size(), asked.totals, to.all.data());
}
void make_keys(const RankQuestion& asked, std::span<const std::uint32_t> counts,
               const std::uint32_t* cells, Keys<std::uint32_t>& to, Taken& taken) {
    if (asked.totals != nullptr) {
        taken.range = share_keys(counts.data(), cells, counts.size(), asked.narrow_totals.data(),
                                 to.all.data());
        return;
    }
    std::copy(counts.begin(), counts.end(), to.all.data());
    taken.range = range_of(to.all.data(), counts.size());
}

/// Ranks one gene at a time, on one thread, in room that is kept from gene to gene.
class GeneRanker {
public:
    RankSums rank(const RankQuestion& asked, const GeneValues& gene) {
        if (gene.counts.size() != gene.cells.size()) {
            wide_.make_room(gene.cells.size());
            const Taken taken = take_values(asked, gene);
            return wide_.sums(asked, taken, gene.gene);
        }
        std::span<const std::uint32_t> cells = gene.cells, counts = gene.counts;
        const KeyRange range = range_of(counts.data(), counts.size());
        if (!asked.whole || range.lowest == 0) {
            const std::size_t kept = keep_asked(asked, gene);
            cells = std::span(cells_).first(kept);
            counts = std::span(counts_).first(kept);
        }
        if (asked.are_narrow(static_cast<std::uint32_t>(range.highest)))
            return rank_counts(asked, gene.gene, cells, counts, narrow_);
        return rank_counts(asked, gene.gene, cells, counts, wide_);
    }

private:
    /// Makes the keys of both sets, and takes those of the smaller one once more.
    template <class Key>
    static RankSums rank_counts(const RankQuestion& asked, std::uint32_t gene,
                                std::span<const std::uint32_t> cells,
                                std::span<const std::uint32_t> counts, Keys<Key>& keys) {
        keys.make_room(cells.size());
        Taken taken;
        make_keys(asked, counts, cells.data(), keys, taken);
        taken.all = cells.size();
        const std::uint64_t* is_few = asked.is_smaller.data();
        const Key* all = keys.all.data();
        Key* few = keys.few.data();
        std::size_t count = 0;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            few[count] = all[i];
            count += is_few[cells[i] / 64] >> (cells[i] % 64) & 1;
        }
        taken.few = count;
        return keys.sums(asked, taken, gene);
    }

    /// The counts above 0 of the cells that are in a set; how many there are.
    std::size_t keep_asked(const RankQuestion& asked, const GeneValues& gene) {
        if (cells_.size() < gene.cells.size()) {
            cells_.resize(gene.cells.size());
            counts_.resize(gene.cells.size());
        }
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
            wide_.all[out.all++] = rank_key(value);
            if (side == smaller) wide_.few[out.few++] = rank_key(value);
        }
        out.range = range_of(wide_.all.data(), out.all);
        return out;
    }

    Keys<std::uint32_t> narrow_;
    Keys<std::uint64_t> wide_;
    std::vector<std::uint32_t> cells_, counts_;
};

/// Totals as floats, where each is whole and no larger than a float tells from the next.
std::vector<float> narrow(std::span<const double> totals) {
    std::vector<float> out(totals.begin(), totals.end());
    for (const double total : totals)
        if (!(total >= 0 && total < narrow_shares_below && total == std::floor(total))) return {};
    return out;
}

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
    if (!totals.empty()) {
        asked.totals = totals.data();
        asked.narrow_totals = narrow(totals);
        asked.largest_total = *std::max_element(totals.begin(), totals.end());
    }
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
