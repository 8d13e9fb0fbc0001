#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <numeric>

#include "base/threads.h"
#include "expression/sealed/pace.h"
#include "expression/sealed/sealed_matrix.h"

namespace stroma::expression {

Result<void> StoredMatrix::read_line(std::uint32_t gene, GeneLine& line) const {
    TRY(check_gene(gene));
    const std::uint32_t rank = rank_of_gene_[gene];
    const std::uint64_t block = by_gene_->block_of(rank);
    OpenBlock open;
    open.bytes = TRY(container_->read_block(*by_gene_, block));
    TRY(open_lines(*by_gene_, block, gene_count(), open));
    open.number = block;
    return decode_gene(rank, open, line);
}

Result<void> StoredMatrix::decode_gene(std::uint32_t rank, const OpenBlock& open,
                                       GeneLine& line) const {
    const auto damaged = [&] {
        return fail(container_->damage(*by_gene_, open.number,
                                       fmt::format("gene {} is damaged", gene_of_rank_[rank])));
    };
    if (rank < open.first_line || rank - open.first_line >= open.view.line_count())
        return damaged();
    const auto number = static_cast<std::uint32_t>(rank - open.first_line);
    const std::uint32_t length = open.view.length(number);
    const bool raw = record_.coding == LineBlockView::Coding::raw;
    line.cells.resize(length + unpacked_slack);
    line.codes.resize(raw ? 0 : length + unpacked_slack);
    if (!decode_line(open.view.line(number), length, static_cast<std::uint32_t>(record_.cells),
                     !raw, line.cells.data(), raw ? nullptr : line.codes.data()))
        return damaged();
    line.cells.resize(length);
    if (!raw) {
        line.codes.resize(length);
        return {};
    }
    const std::size_t size = size_of(record_.summary.type);
    const std::byte* from = open.values.data() + open.value_starts[number] * size;
    line.values.assign(from, from + length * size);
    return {};
}

Result<std::shared_ptr<const Dictionaries>> StoredMatrix::dictionaries() const {
    const std::lock_guard lock(mutex_);
    if (dictionaries_ != nullptr) return dictionaries_;
    auto all = std::make_shared<Dictionaries>();
    const std::size_t size = size_of(record_.summary.type);
    all->starts.assign(1, 0);
    for (std::uint64_t i = 0; i < dictionary_->block_count; ++i) {
        const std::uint64_t first = dictionary_->entry(i).first;
        const std::uint64_t end =
            i + 1 < dictionary_->block_count ? dictionary_->entry(i + 1).first : record_.cells;
        const auto damaged = [&] {
            return fail(container_->damage(*dictionary_, i, "its sizes don't fit its cells"));
        };
        if (first + 1 != all->starts.size() || end < first || end > record_.cells) return damaged();
        const BlockBytes block = TRY(container_->read_block(*dictionary_, i));
        const ByteSpan bytes = block;
        const std::uint64_t head = bytes.empty() ? 0 : (end - first) * 4;
        if (bytes.size() < head) return damaged();
        std::uint64_t entries = 0;
        for (std::uint64_t cell = 0; cell < end - first; ++cell) {
            if (!bytes.empty()) entries += load<std::uint32_t>(bytes.data() + cell * 4);
            all->starts.push_back(all->values.size() / size + entries);
        }
        if (bytes.size() != head + entries * size) return damaged();
        all->values.insert(all->values.end(), bytes.begin() + head, bytes.end());
    }
    if (all->starts.size() != record_.cells + 1)
        return fail(container_->damage(*dictionary_, 0, "it has not as many cells as the matrix"));
    dictionaries_ = std::move(all);
    return dictionaries_;
}

/// Calls use(i, cell, bits) for each value of a gene.
template <class Use>
Result<void> StoredMatrix::for_each_of_gene(std::uint32_t gene, Use&& use) const {
    thread_local GeneLine line;
    TRY(read_line(gene, line));
    return for_each_of_line(gene, line, std::forward<Use>(use));
}

template <class Use>
Result<void> StoredMatrix::for_each_of_line(std::uint32_t gene, const GeneLine& line,
                                            Use&& use) const {
    const ValueType type = record_.summary.type;
    const std::size_t size = size_of(type);
    if (record_.coding == LineBlockView::Coding::raw) {
        for (std::size_t i = 0; i < line.cells.size(); ++i) {
            std::uint64_t bits = 0;
            std::memcpy(&bits, line.values.data() + i * size, size);
            use(i, line.cells[i], number_of(bits, type));
        }
    } else if (are_codes_values()) {
        for (std::size_t i = 0; i < line.cells.size(); ++i)
            use(i, line.cells[i], static_cast<double>(line.codes[i]));
    } else {
        const auto all = TRY(dictionaries());
        for (std::size_t i = 0; i < line.cells.size(); ++i) {
            const std::uint32_t cell = line.cells[i];
            const std::uint64_t start = all->starts[cell], end = all->starts[cell + 1];
            if (start == end) {
                use(i, cell, static_cast<double>(line.codes[i]));
                continue;
            }
            if (line.codes[i] >= end - start)
                return fail(container_->damage(*by_gene_, by_gene_->block_of(rank_of_gene_[gene]),
                                               fmt::format("gene {} is damaged", gene)));
            std::uint64_t bits = 0;
            std::memcpy(&bits, all->values.data() + (start + line.codes[i]) * size, size);
            use(i, cell, number_of(bits, type));
        }
    }
    return {};
}

Result<void> StoredMatrix::scan_genes(std::span<const std::uint32_t> genes,
                                      const std::function<Result<void>(const GeneValues&)>& use,
                                      const Watch& watch) const {
    std::vector<std::uint32_t> ranks(genes.empty() ? gene_count() : genes.size());
    std::iota(ranks.begin(), ranks.end(), 0u);
    for (std::size_t i = 0; i < genes.size(); ++i) {
        TRY(check_gene(genes[i]));
        ranks[i] = rank_of_gene_[genes[i]];
    }
    if (!genes.empty()) std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    std::vector<std::size_t> pieces{0};  // where each block's ranks begin
    for (std::size_t i = 1; i < ranks.size(); ++i)
        if (by_gene_->block_of(ranks[i]) != by_gene_->block_of(ranks[i - 1])) pieces.push_back(i);
    pieces.push_back(ranks.size());
    if (ranks.empty()) return {};
    Pace pace(watch, pieces.size() - 1, "genes");
    return parallel_for(pieces.size() - 1, [&](std::size_t piece) -> Result<void> {
        TRY(pace.begin_piece());
        const std::span mine =
            std::span(ranks).subspan(pieces[piece], pieces[piece + 1] - pieces[piece]);
        thread_local GeneLine line;
        thread_local std::vector<double> values;
        const std::uint64_t block = by_gene_->block_of(mine.front());
        OpenBlock open;
        open.bytes = TRY(container_->read_block(*by_gene_, block));
        TRY(open_lines(*by_gene_, block, gene_count(), open));
        open.number = block;
        for (const std::uint32_t rank : mine) {
            const std::uint32_t gene = gene_of_rank_[rank];
            TRY(decode_gene(rank, open, line));
            if (are_codes_values()) {
                TRY(use({gene, line.cells, line.codes, {}}));
                continue;
            }
            values.resize(line.cells.size());
            TRY(for_each_of_line(gene, line, [&](std::size_t i, std::uint32_t, double value) {
                values[i] = value;
            }));
            TRY(use({gene, line.cells, {}, values}));
        }
        return {};
    });
}

Result<void> StoredMatrix::read_gene(std::uint32_t gene, GeneColumn& out) const {
    out.cells.clear();
    out.values.clear();
    return for_each_of_gene(gene, [&](std::size_t, std::uint32_t cell, double value) {
        out.cells.push_back(cell);
        out.values.push_back(value);
    });
}

Result<void> StoredMatrix::read_gene_dense(std::uint32_t gene, std::span<float> out) const {
    assert(out.size() == record_.cells);
    std::fill(out.begin(), out.end(), 0.0f);
    return for_each_of_gene(gene, [&](std::size_t, std::uint32_t cell, double value) {
        out[cell] = static_cast<float>(value);
    });
}

Result<void> StoredMatrix::read_gene_set_mean(std::span<const std::uint32_t> genes,
                                              std::span<float> out) const {
    assert(out.size() == record_.cells);
    std::vector<double> sums(record_.cells);
    for (const std::uint32_t gene : genes)
        TRY(for_each_of_gene(
            gene, [&](std::size_t, std::uint32_t cell, double value) { sums[cell] += value; }));
    const double share = genes.empty() ? 0 : 1 / static_cast<double>(genes.size());
    for (std::size_t i = 0; i < sums.size(); ++i) out[i] = static_cast<float>(sums[i] * share);
    return {};
}

}  // namespace stroma::expression
