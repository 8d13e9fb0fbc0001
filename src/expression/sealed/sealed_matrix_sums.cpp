#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/threads.h"
#include "expression/sealed/cell_adder.h"
#include "expression/sealed/pace.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t sums_bytes_max = std::uint64_t{1} << 30;

GeneSums in_doubles(const ExactSums& exact) {
    GeneSums out;
    out.cells = exact.cells;
    for (const FixedSums& sums : exact.genes) {
        out.sum.push_back(sums.sum_of(exact.fixed));
        out.sum_of_squares.push_back(sums.squares_of(exact.fixed));
        out.nonzeros.push_back(sums.nonzeros);
    }
    return out;
}

Result<std::vector<std::uint32_t>> sorted_group(std::span<const std::uint32_t> cells) {
    std::vector<std::uint32_t> sorted(cells.begin(), cells.end());
    if (!std::is_sorted(sorted.begin(), sorted.end())) std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
        return fail(ErrorCode::invalid_input, fmt::format("cell {} is asked for twice", *twice));
    return sorted;
}

/// Cells of one group that one thread adds at once.
struct Slice {
    std::size_t group = 0;
    std::span<const std::uint32_t> cells;
};

std::vector<Slice> slices_of(const std::vector<std::vector<std::uint32_t>>& groups) {
    std::size_t cells = 0;
    for (const auto& group : groups) cells += group.size();
    const std::size_t length =
        std::clamp<std::size_t>(cells / (thread_count() * 4), 64, cells_per_flush);
    std::vector<Slice> slices;
    for (std::size_t group = 0; group < groups.size(); ++group)
        for (std::size_t at = 0; at < groups[group].size(); at += length)
            slices.push_back(
                {group, std::span(groups[group])
                            .subspan(at, std::min(length, groups[group].size() - at))});
    return slices;
}

}  // namespace

Result<std::uint64_t> StoredMatrix::decode_cells() const {
    OpenBlock open;
    std::uint64_t sum = 0;
    std::uint32_t ranks[LineDecoder::room], codes[LineDecoder::room];
    const bool raw = record_.coding == LineBlockView::Coding::raw;
    for (std::uint64_t block = 0; block < by_cell_->block_count; ++block) {
        TRY(open_cells(block, open));
        for (std::uint32_t line = 0; line < open.view.line_count(); ++line) {
            LineDecoder decoder = open.view.decoder(line, gene_count());
            while (const std::size_t count = decoder.next(ranks, raw ? nullptr : codes))
                sum += ranks[count - 1] + (raw ? 0 : codes[count - 1]);
        }
    }
    return sum;
}

double scaled(double value, Scale scale, double cell_total) {
    switch (scale) {
        case Scale::as_stored: return value;
        case Scale::log1p: return std::log1p(value);
        // 0 stays 0 in a cell without any count.
        case Scale::log_cp10k: return value == 0 ? 0 : std::log1p(value * 1e4 / cell_total);
    }
    __builtin_unreachable();
}

ExactSums StoredMatrix::in_gene_order(std::span<const FixedSums> by_rank, std::uint64_t cells,
                                      const FixedPoint& fixed) const {
    ExactSums out{cells, fixed, std::vector<FixedSums>(by_rank.size())};
    for (std::size_t rank = 0; rank < by_rank.size(); ++rank)
        out.genes[gene_of_rank_[rank]] = by_rank[rank];
    return out;
}

Result<FixedPoint> StoredMatrix::fixed_point(Scale scale) const {
    const MatrixSummary& summary = record_.summary;
    switch (scale) {
        case Scale::as_stored: return record_.fixed;
        // ln(1 + v) of a double above -1 is above -37.
        case Scale::log1p:
            return FixedPoint::for_values(
                std::max(std::log1p(record_.largest), summary.min < 0 ? 37.0 : 0.0), false);
        case Scale::log_cp10k: break;
    }
    if (summary.min < 0)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} holds negative values: it can't be normalised as counts",
                                summary.name));
    return FixedPoint::for_values(std::log1p(1e4), false);
}

Result<std::shared_ptr<const std::vector<double>>> StoredMatrix::kept_cell_totals() const {
    const std::lock_guard lock(mutex_);
    if (cell_totals_ == nullptr)
        cell_totals_ = std::make_shared<const std::vector<double>>(TRY(cell_totals()));
    return cell_totals_;
}

Result<std::vector<ExactSums>> StoredMatrix::exact_sums(
    std::span<const std::span<const std::uint32_t>> groups, Scale scale, const Watch& watch) const {
    const FixedPoint fixed = TRY(fixed_point(scale));
    const std::uint64_t genes = record_.summary.genes;
    if (groups.size() > sums_bytes_max / sizeof(FixedSums) / std::max<std::uint64_t>(genes, 1))
        return fail(ErrorCode::exhausted,
                    fmt::format("sums of {} groups of cells over {} genes need more than 1 GiB",
                                groups.size(), genes));
    std::vector<std::vector<std::uint32_t>> sorted;
    for (const auto& group : groups) {
        sorted.push_back(TRY(sorted_group(group)));
        if (!group.empty()) TRY(check_cell(sorted.back().back()));
    }
    const auto totals = scale == Scale::log_cp10k ? TRY(kept_cell_totals()) : nullptr;
    const std::vector<Slice> slices = slices_of(sorted);
    std::vector<std::vector<FixedSums>> by_rank(groups.size(), std::vector<FixedSums>(genes));
    std::vector<std::unique_ptr<CellAdder>> idle;
    std::mutex mutex;
    Pace pace(watch, slices.size(), "cells");
    const Result<void> done = parallel_for(slices.size(), [&](std::size_t i) -> Result<void> {
        TRY(pace.begin_piece());
        std::unique_ptr<CellAdder> adder;
        {
            const std::lock_guard lock(mutex);
            if (!idle.empty()) {
                adder = std::move(idle.back());
                idle.pop_back();
            }
        }
        if (adder == nullptr)
            adder = std::make_unique<CellAdder>(*this, scale, fixed, totals.get());
        TRY(adder->add(slices[i].cells));
        const std::lock_guard lock(mutex);
        adder->flush(by_rank[slices[i].group].data());
        idle.push_back(std::move(adder));
        return {};
    });
    TRY(done);
    std::vector<ExactSums> out;
    for (std::size_t group = 0; group < groups.size(); ++group)
        out.push_back(in_gene_order(by_rank[group], groups[group].size(), fixed));
    return out;
}

Result<ExactSums> StoredMatrix::sums_of_whole(Scale scale, const Watch& watch) const {
    if (scale == Scale::as_stored)
        return in_gene_order(TRY(stored_totals()), record_.cells, record_.fixed);
    std::vector<std::uint32_t> all(record_.cells);
    std::iota(all.begin(), all.end(), 0u);
    const std::span<const std::uint32_t> group = all;
    return std::move(TRY(exact_sums(std::span(&group, 1), scale, watch))[0]);
}

Result<ExactSums> StoredMatrix::exact_totals(Scale scale, const Watch& watch) const {
    const std::lock_guard lock(totals_mutex_);
    std::optional<ExactSums>& kept = whole_sums_[static_cast<std::size_t>(scale)];
    if (!kept) kept = TRY(sums_of_whole(scale, watch));
    return *kept;
}

std::shared_ptr<const std::vector<Int128>> StoredMatrix::kept_ties(Scale scale) const {
    const std::lock_guard lock(mutex_);
    return whole_ties_[static_cast<std::size_t>(scale)];
}

void StoredMatrix::keep_ties(Scale scale, std::vector<Int128> ties) const {
    auto kept = std::make_shared<const std::vector<Int128>>(std::move(ties));
    const std::lock_guard lock(mutex_);
    whole_ties_[static_cast<std::size_t>(scale)] = std::move(kept);
}

Result<GeneSums> StoredMatrix::totals() const {
    return in_doubles(TRY(exact_totals(Scale::as_stored, {})));
}

Result<GeneSums> StoredMatrix::sums(std::span<const std::uint32_t> cells) const {
    return in_doubles(TRY(exact_sums(std::span(&cells, 1), Scale::as_stored, {}))[0]);
}

Result<std::vector<ExactSums>> SealedMatrix::exact_sums(
    std::span<const std::span<const std::uint32_t>>, Scale, const Watch&) const {
    return fail(ErrorCode::unsupported, "this matrix has no exact sums");
}
Result<FixedPoint> SealedMatrix::fixed_point(Scale) const {
    return fail(ErrorCode::unsupported, "this matrix has no exact sums");
}
Result<ExactSums> SealedMatrix::exact_totals(Scale, const Watch&) const {
    return fail(ErrorCode::unsupported, "this matrix has no exact sums");
}
Result<void> SealedMatrix::scan_genes(std::span<const std::uint32_t>,
                                      const std::function<Result<void>(const GeneValues&)>&,
                                      const Watch&) const {
    return fail(ErrorCode::unsupported, "this matrix can't be scanned by gene");
}

}  // namespace stroma::expression
