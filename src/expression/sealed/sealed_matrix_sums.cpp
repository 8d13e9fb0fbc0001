#include <fmt/format.h>

#include <algorithm>

#include "base/threads.h"
#include "expression/sealed/sealed_matrix.h"

namespace stroma::expression {

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

GeneSums StoredMatrix::in_gene_order(const std::vector<FixedSums>& by_rank,
                                     std::uint64_t cells) const {
    GeneSums out;
    out.cells = cells;
    out.sum.resize(by_rank.size());
    out.sum_of_squares.resize(by_rank.size());
    out.nonzeros.resize(by_rank.size());
    for (std::size_t rank = 0; rank < by_rank.size(); ++rank) {
        const std::uint32_t gene = gene_of_rank_[rank];
        out.sum[gene] = by_rank[rank].sum_of(record_.fixed);
        out.sum_of_squares[gene] = by_rank[rank].squares_of(record_.fixed);
        out.nonzeros[gene] = by_rank[rank].nonzeros;
    }
    return out;
}

Result<GeneSums> StoredMatrix::totals() const {
    return in_gene_order(TRY(stored_totals()), record_.cells);
}

Result<GeneSums> StoredMatrix::sums(std::span<const std::uint32_t> cells) const {
    std::vector<std::uint32_t> sorted(cells.begin(), cells.end());
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
        return fail(ErrorCode::invalid_input, fmt::format("cell {} is asked for twice", *twice));
    // Squares and sums of that many small counts fit 64 bits.
    const bool small =
        dictionary_ == nullptr && record_.coding == LineBlockView::Coding::codes &&
        record_.fixed.is_whole() && record_.largest < 0x1p31 &&
        record_.largest * record_.largest * static_cast<double>(cells.size()) < 0x1p62;
    const std::size_t parts = std::clamp<std::size_t>(sorted.size() / 256, 1, thread_count());
    std::vector<std::vector<FixedSums>> partial(parts);
    const Result<void> done = parallel_for(parts, [&](std::size_t part) -> Result<void> {
        partial[part].resize(record_.summary.genes);
        const std::size_t begin = sorted.size() * part / parts;
        const std::size_t end = sorted.size() * (part + 1) / parts;
        const auto mine = std::span(sorted).subspan(begin, end - begin);
        return small ? add_small_counts(mine, partial[part]) : add_cells(mine, partial[part]);
    });
    TRY(done);
    for (std::size_t part = 1; part < parts; ++part)
        for (std::size_t rank = 0; rank < partial[0].size(); ++rank) {
            partial[0][rank].sum += partial[part][rank].sum;
            partial[0][rank].squares += partial[part][rank].squares;
            partial[0][rank].nonzeros += partial[part][rank].nonzeros;
            partial[0][rank].nonfinite += partial[part][rank].nonfinite;
        }
    return in_gene_order(partial[0], cells.size());
}

Result<void> StoredMatrix::add_small_counts(std::span<const std::uint32_t> cells,
                                            std::vector<FixedSums>& to) const {
    struct Small {
        std::uint64_t sum = 0, squares = 0, nonzeros = 0;
    };
    std::vector<Small> sums(to.size());
    OpenBlock open;
    std::uint32_t ranks[LineDecoder::room], codes[LineDecoder::room];
    for (const std::uint32_t cell : cells) {
        const std::uint32_t line = TRY(open_cell(cell, open));
        LineDecoder decoder = open.view.decoder(line, gene_count());
        while (const std::size_t count = decoder.next(ranks, codes))
            for (std::size_t i = 0; i < count; ++i) {
                Small& sum = sums[ranks[i]];
                const std::uint64_t code = codes[i];
                sum.sum += code;
                sum.squares += code * code;
                ++sum.nonzeros;
            }
        if (decoder.damaged())
            return fail(container_->damage(*by_cell_, open.number, "a cell is damaged"));
    }
    for (std::size_t rank = 0; rank < to.size(); ++rank) {
        to[rank].sum += sums[rank].sum;
        to[rank].squares += sums[rank].squares;
        to[rank].nonzeros += sums[rank].nonzeros;
    }
    return {};
}

Result<void> StoredMatrix::add_cells(std::span<const std::uint32_t> cells,
                                     std::vector<FixedSums>& to) const {
    const ValueType type = record_.summary.type;
    const std::size_t size = size_of(type);
    const bool raw = record_.coding == LineBlockView::Coding::raw;
    OpenBlock open;
    std::vector<FixedSums> entries;
    std::uint32_t ranks[LineDecoder::room], codes[LineDecoder::room];
    const auto one = [&](const std::byte* from) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, from, size);
        FixedSums sums;
        sums.add(number_of(bits, type), record_.fixed);
        return sums;
    };
    for (const std::uint32_t cell : cells) {
        const std::uint32_t line = TRY(open_cell(cell, open));
        entries.clear();
        if (open.dictionary)
            for (std::uint64_t at = open.dictionary_starts[line];
                 at < open.dictionary_starts[line + 1]; at += size)
                entries.push_back(one(open.dictionary->bytes().data() + at));
        const std::byte* value =
            raw ? open.values.data() + open.value_starts[line] * size : nullptr;
        LineDecoder decoder = open.view.decoder(line, gene_count());
        bool fits = true;
        while (const std::size_t count = decoder.next(ranks, raw ? nullptr : codes))
            for (std::size_t i = 0; i < count; ++i) {
                FixedSums& sum = to[ranks[i]];
                if (entries.empty() && !raw) {
                    sum.add(static_cast<double>(codes[i]), record_.fixed);
                    continue;
                }
                fits = fits && (raw || codes[i] < entries.size());
                if (!fits) break;
                const FixedSums more = raw ? one(value) : entries[codes[i]];
                if (raw) value += size;
                sum.sum += more.sum;
                sum.squares += more.squares;
                sum.nonzeros += more.nonzeros;
                sum.nonfinite += more.nonfinite;
            }
        if (!fits || decoder.damaged())
            return fail(container_->damage(*by_cell_, open.number, "a cell is damaged"));
    }
    return {};
}

}  // namespace stroma::expression
