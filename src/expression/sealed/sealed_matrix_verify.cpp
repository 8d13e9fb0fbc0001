#include <fmt/format.h>

#include <atomic>
#include <bit>

#include "base/threads.h"
#include "expression/sealed/sealed_matrix.h"

namespace stroma::expression {
namespace {

/// One value at one place, spread over 64 bits, so that sums over any order can be compared.
std::uint64_t mixed(std::uint64_t cell, std::uint64_t rank, std::uint64_t bits) {
    std::uint64_t hash = cell * 0x9E3779B97F4A7C15u ^ std::rotl(rank * 0xC2B2AE3D27D4EB4Fu, 31);
    hash = (hash ^ bits) * 0xFF51AFD7ED558CCDu;
    hash ^= hash >> 32;
    hash *= 0xC4CEB9FE1A85EC53u;
    return hash ^ hash >> 29;
}

Result<void> stop_verifying_if_cancelled(const Watch& watch) {
    if (watch.cancelled && watch.cancelled())
        return fail(ErrorCode::cancelled, "verifying was stopped");
    return {};
}

}  // namespace

Result<std::uint64_t> StoredMatrix::hash_of_block(std::uint64_t block,
                                                  const std::vector<std::uint32_t>& lengths,
                                                  const std::vector<double>& totals) const {
    OpenBlock open;
    TRY(open_cells(block, open));
    const std::size_t size = size_of(record_.summary.type);
    std::uint64_t hash = 0;
    std::uint32_t ranks[LineDecoder::room], codes[LineDecoder::room];
    const auto damaged = [&](std::string_view what) {
        return fail(container_->damage(*by_cell_, block, what));
    };
    const bool raw = record_.coding == LineBlockView::Coding::raw;
    for (std::uint32_t line = 0; line < open.view.line_count(); ++line) {
        const std::uint64_t cell = open.first_line + line;
        const std::byte* values =
            raw ? open.values.data() + open.value_starts[line] * size : nullptr;
        std::uint64_t entries = 0;
        if (open.dictionary) {
            values = open.dictionary->bytes().data() + open.dictionary_starts[line];
            entries = (open.dictionary_starts[line + 1] - open.dictionary_starts[line]) / size;
        }
        if (open.view.length(line) != lengths[cell]) return damaged("a cell's length is another");
        double total = 0;
        std::uint64_t position = 0;
        LineDecoder decoder = open.view.decoder(line, gene_count());
        while (const std::size_t count = decoder.next(ranks, raw ? nullptr : codes))
            for (std::size_t i = 0; i < count; ++i, ++position) {
                std::uint64_t bits = 0;
                if (raw || entries > 0) {
                    const std::uint64_t at = raw ? position : codes[i];
                    if (!raw && at >= entries) return damaged("a code is outside its dictionary");
                    std::memcpy(&bits, values + at * size, size);
                } else {
                    bits = bits_of_code(codes[i], record_.summary.type);
                }
                total += number_of(bits, record_.summary.type);
                hash += mixed(cell, ranks[i], bits);
            }
        if (decoder.damaged()) return damaged("a cell is damaged");
        if (std::bit_cast<std::uint64_t>(total) != std::bit_cast<std::uint64_t>(totals[cell]) &&
            total == total)
            return damaged("a cell's total is another");
    }
    return hash;
}

Result<std::uint64_t> StoredMatrix::hash_of_cells(const Watch& watch) const {
    const auto lengths = TRY(cell_lengths());
    const auto totals = TRY(cell_totals());
    std::atomic<std::uint64_t> hash{0};
    const Result<void> done =
        parallel_for(by_cell_->block_count, [&](std::size_t block) -> Result<void> {
            if (block % 256 == 0) TRY(stop_verifying_if_cancelled(watch));
            hash += TRY(hash_of_block(block, lengths, totals));
            return {};
        });
    TRY(done);
    return hash;
}

Result<std::uint64_t> StoredMatrix::hash_of_genes(const Watch& watch) const {
    const auto totals = TRY(stored_totals());
    if (dictionary_ != nullptr) TRY(dictionaries());
    const std::size_t size = size_of(record_.summary.type);
    std::atomic<std::uint64_t> hash{0};
    constexpr std::uint32_t genes_at_once = 64;
    const std::uint64_t pieces = (record_.summary.genes + genes_at_once - 1) / genes_at_once;
    const Result<void> done = parallel_for(pieces, [&](std::size_t piece) -> Result<void> {
        TRY(stop_verifying_if_cancelled(watch));
        GeneLine line;
        std::uint64_t sum = 0;
        const auto all = dictionary_ == nullptr ? nullptr : TRY(dictionaries());
        const auto end = std::min<std::uint64_t>(gene_count(), (piece + 1) * genes_at_once);
        for (std::uint64_t rank = piece * genes_at_once; rank < end; ++rank) {
            TRY(read_line(gene_of_rank_[rank], line));
            FixedSums found;
            for (std::size_t i = 0; i < line.cells.size(); ++i) {
                const std::uint32_t cell = line.cells[i];
                std::uint64_t bits = 0;
                if (record_.coding == LineBlockView::Coding::raw) {
                    std::memcpy(&bits, line.values.data() + i * size, size);
                } else if (all != nullptr && all->starts[cell] != all->starts[cell + 1]) {
                    const std::uint64_t at = all->starts[cell] + line.codes[i];
                    if (at >= all->starts[cell + 1])
                        return fail(container_->damage(*by_gene_, by_gene_->block_of(rank),
                                                       "a code is outside its dictionary"));
                    std::memcpy(&bits, all->values.data() + at * size, size);
                } else {
                    bits = bits_of_code(line.codes[i], record_.summary.type);
                }
                found.add(number_of(bits, record_.summary.type), record_.fixed);
                sum += mixed(cell, rank, bits);
            }
            const FixedSums& stored = totals[rank];
            if (found.sum != stored.sum || found.squares != stored.squares ||
                found.nonzeros != stored.nonzeros || found.nonfinite != stored.nonfinite)
                return fail(container_->damage(*by_gene_, by_gene_->block_of(rank),
                                               "a gene's totals are others"));
        }
        hash += sum;
        return {};
    });
    TRY(done);
    return hash;
}

Result<void> StoredMatrix::verify(const Watch& watch) const {
    const std::uint64_t by_cell = TRY(hash_of_cells(watch));
    const std::uint64_t by_gene = TRY(hash_of_genes(watch));
    if (by_cell != by_gene)
        return fail(ErrorCode::corrupt,
                    fmt::format("sealed dataset '{}', {}: the two orders hold different values",
                                container_->name(), record_.summary.name));
    return {};
}

}  // namespace stroma::expression
