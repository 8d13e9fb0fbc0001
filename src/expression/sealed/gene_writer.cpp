#include <fmt/format.h>

#include <algorithm>

#include "base/threads.h"
#include "base/usual_or_tiny.h"
#include "expression/sealed/line_turning.h"
#include "expression/sealed/matrix_writer.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t values_per_turned_block = usual_or_tiny(16u << 10, 5u);
constexpr std::uint64_t genes_per_block_max = 1024;

/// The blocks by cell of a container that is still being written.
class WrittenCells final : public PackedLines {
public:
    WrittenCells(const MatrixRecord& record, std::vector<BlockEntry> blocks,
                 std::vector<BlockEntry> dictionaries, MappedFile file)
        : record_(record),
          blocks_(std::move(blocks)),
          dictionaries_(std::move(dictionaries)),
          file_(std::move(file)) {}

    std::uint64_t line_count() const override { return record_.cells; }
    std::uint32_t place_limit() const override {
        return static_cast<std::uint32_t>(record_.summary.genes);
    }
    std::uint64_t block_count() const override { return blocks_.size(); }
    Result<OpenLines> open(std::uint64_t block) const override {
        OpenLines open{bytes(blocks_[block]), {}, {}, blocks_[block].first};
        open.view = TRY(LineBlockView::parse(open.bytes));
        if (open.view.coding() == LineBlockView::Coding::raw)
            open.values =
                TRY(decompress_and_unshuffle(open.view.raw_values(), size_of(record_.summary.type),
                                             open.view.values_before(open.view.line_count())));
        return open;
    }
    const std::vector<BlockEntry>& dictionaries() const { return dictionaries_; }
    ByteSpan dictionary(std::uint64_t block) const {
        return file_.bytes().subspan(dictionaries_[block].offset, dictionaries_[block].size);
    }

private:
    BlockBytes bytes(const BlockEntry& entry) const {
        const ByteSpan all = file_.bytes();
        const ByteSpan block = all.subspan(entry.offset, entry.size);
        if (entry.offset + entry.size + packed_slack <= all.size()) return BlockBytes(block);
        Bytes copy(block.begin(), block.end());
        copy.resize(block.size() + packed_slack);
        return BlockBytes(std::move(copy), block.size());
    }
    const MatrixRecord& record_;
    std::vector<BlockEntry> blocks_, dictionaries_;
    MappedFile file_;
};

/// Adds up each gene's values as they pass by.
template <class Payload>
class TotalsWatcher final : public EntryWatcher<Payload> {
public:
    TotalsWatcher(const MatrixRecord& record, const WrittenCells& cells, std::uint32_t begin,
                  FixedSums* totals)
        : record_(record), cells_(cells), begin_(begin), totals_(totals) {}

    Result<void> begin_line(std::uint64_t cell) override {
        values_.clear();
        if (record_.coding == LineBlockView::Coding::raw || cells_.dictionaries().empty())
            return {};
        while (block_ + 1 < cells_.dictionaries().size() &&
               cells_.dictionaries()[block_ + 1].first <= cell)
            enter(block_ + 1);
        if (cell == 0) enter(0);
        const ByteSpan dictionary = cells_.dictionary(block_);
        if (dictionary.empty()) return {};
        const std::uint64_t line = cell - cells_.dictionaries()[block_].first;
        const auto entries = load<std::uint32_t>(dictionary.data() + line * 4);
        const std::size_t size = size_of(record_.summary.type);
        for (std::uint32_t i = 0; i < entries; ++i, offset_ += size) {
            std::uint64_t bits = 0;
            std::memcpy(&bits, dictionary.data() + offset_, size);
            FixedSums one;
            one.add(number_of(bits, record_.summary.type), record_.fixed);
            values_.push_back(one);
        }
        return {};
    }

    void entries(const std::uint32_t* places, const Payload* payloads, std::size_t count) override {
        if (record_.coding == LineBlockView::Coding::raw) {
            for (std::size_t i = 0; i < count; ++i)
                totals_[places[i] - begin_].add(number_of(payloads[i], record_.summary.type),
                                                record_.fixed);
        } else if (!values_.empty()) {
            for (std::size_t i = 0; i < count; ++i)
                totals_[places[i] - begin_] += values_[payloads[i]];
        } else {
            for (std::size_t i = 0; i < count; ++i)
                totals_[places[i] - begin_].add(static_cast<double>(payloads[i]), record_.fixed);
        }
    }

private:
    void enter(std::uint64_t block) {
        block_ = block;
        const std::uint64_t end = block + 1 < cells_.dictionaries().size()
                                      ? cells_.dictionaries()[block + 1].first
                                      : record_.cells;
        offset_ = (end - cells_.dictionaries()[block].first) * 4;
    }
    const MatrixRecord& record_;
    const WrittenCells& cells_;
    std::uint32_t begin_;
    FixedSums* totals_;
    std::uint64_t block_ = 0, offset_ = 0;
    std::vector<FixedSums> values_;
};

/// Whether a gene's codes are its values, whole numbers all: then they are added up when packed.
bool codes_are_values(const MatrixRecord& record, const WrittenCells& cells) {
    return record.coding == LineBlockView::Coding::codes && cells.dictionaries().empty() &&
           record.fixed.is_whole();
}

FixedSums sums_of(std::span<const std::uint32_t> codes) {
    FixedSums sums;
    sums.nonzeros = codes.size();
    std::uint64_t sum = 0, squares = 0;
    std::uint32_t all = 0;
    for (const std::uint32_t code : codes) {
        all |= code;
        sum += code;
        squares += std::uint64_t{code} * code;
    }
    sums.sum = sum;
    sums.squares = squares;
    if (bits_for(all) <= 16) return sums;  // at most 2^31 squares below 2^32
    sums.squares = 0;
    for (const std::uint32_t code : codes) sums.squares += std::uint64_t{code} * code;
    return sums;
}

struct GeneBlock {
    std::uint32_t begin = 0, end = 0;  ///< ranks
    std::uint64_t values = 0;
};

std::vector<GeneBlock> divide(const std::vector<std::uint32_t>& cells_of_rank) {
    std::vector<GeneBlock> blocks;
    GeneBlock block;
    for (std::uint32_t rank = 0; rank < cells_of_rank.size(); ++rank) {
        block.values += cells_of_rank[rank];
        block.end = rank + 1;
        if (block.values >= values_per_turned_block ||
            block.end - block.begin == genes_per_block_max || block.end == cells_of_rank.size()) {
            blocks.push_back(block);
            block = {block.end, block.end, 0};
        }
    }
    return blocks;
}

/// Turns the cells range by range, a few ranges at a time, and packs each gene.
template <class Payload>
class GeneWriter {
public:
    GeneWriter(const TranspositionInput& input, const WrittenCells& cells,
               ContainerWriter& container, const SealOptions& options, const Watch& watch)
        : input_(input),
          record_(*input.record),
          cells_(cells),
          container_(container),
          options_(options),
          watch_(watch),
          codes_are_values_(codes_are_values(record_, cells_)),
          totals_(record_.summary.genes) {}

    Result<std::uint64_t> write() {
        const std::uint32_t section =
            container_.add_section(matrix_section(input_.number, "by_gene"));
        const std::vector<GeneBlock> blocks = divide(input_.cells_of_rank);
        const std::vector<std::size_t> ends = ranges(blocks);
        const std::size_t team = std::min(team_size(), ends.size());
        std::vector<LinePositions> positions(team);
        std::vector<std::unique_ptr<TurnedEntry<Payload>[]>> rooms(team);
        std::vector<std::vector<Bytes>> before;
        std::size_t block = 0;
        const auto append_before = [&]() -> Result<void> {
            for (const auto& part : before)
                for (const Bytes& bytes : part)
                    TRY(container_.append_block(section, blocks[block++].begin, bytes));
            if (watch_.progress)
                watch_.progress(
                    0.5 * double(record_.cells) * (1 + double(block) / double(blocks.size())),
                    double(record_.cells), record_.summary.name + ": genes");
            return {};
        };
        for (std::size_t wave = 0; wave < ends.size(); wave += team) {
            TRY(stop_if_cancelled(watch_));
            std::vector<std::vector<Bytes>> packed(std::min(team, ends.size() - wave));
            // The first writes what the others of the wave before have turned.
            const auto work = [&](std::size_t i) -> Result<void> {
                if (i == 0) return append_before();
                const std::size_t slot = i - 1;
                const std::size_t first = wave + slot == 0 ? 0 : ends[wave + slot - 1];
                const std::span range(blocks.data() + first, ends[wave + slot] - first);
                if (rooms[slot] == nullptr)
                    rooms[slot] =
                        std::make_unique_for_overwrite<TurnedEntry<Payload>[]>(largest_range_);
                packed[slot] = TRY(turn_and_pack(range, positions[slot], rooms[slot].get()));
                return {};
            };
            TRY(parallel_for(packed.size() + 1, work));
            before = std::move(packed);
        }
        TRY(append_before());
        TRY(container_.add_bytes(matrix_section(input_.number, "totals"),
                                 std::as_bytes(std::span(totals_))));
        return container_.stored_bytes(section);
    }

private:
    /// As many threads as the positions they keep leave memory for.
    std::size_t team_size() const {
        const std::uint64_t each = record_.cells * sizeof(LineDecoder::Position) + 1;
        return std::max<std::size_t>(
            1, std::min<std::uint64_t>(thread_count(), options_.memory_bytes / 4 / each));
    }

    /// Where each range of blocks that is turned at once ends.
    std::vector<std::size_t> ranges(const std::vector<GeneBlock>& blocks) {
        const std::size_t team = team_size();
        const std::uint64_t share = record_.summary.nonzeros / team + 1;
        const std::uint64_t most =
            std::min(share, options_.memory_bytes / 2 / team / sizeof(TurnedEntry<Payload>));
        std::vector<std::size_t> ends;
        std::uint64_t values = 0;
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            values += blocks[i].values;
            largest_range_ = std::max(largest_range_, values);
            if (i + 1 == blocks.size() || values + blocks[i + 1].values > most) {
                ends.push_back(i + 1);
                values = 0;
            }
        }
        return ends;
    }

    Result<std::vector<Bytes>> turn_and_pack(std::span<const GeneBlock> blocks,
                                             LinePositions& positions,
                                             TurnedEntry<Payload>* entries) {
        const std::uint32_t begin = blocks.front().begin, end = blocks.back().end;
        std::vector<std::uint64_t> ends(end - begin);
        std::uint64_t at = 0;
        for (std::uint32_t rank = begin; rank < end; ++rank) {
            ends[rank - begin] = at;
            at += input_.cells_of_rank[rank];
        }
        TotalsWatcher<Payload> totals(record_, cells_, begin, totals_.data() + begin);
        TRY(turn_lines<Payload>(cells_, begin, end, positions, ends, entries, at,
                                codes_are_values_ ? nullptr : &totals));
        std::vector<Bytes> packed;
        at = 0;
        for (const GeneBlock& block : blocks) packed.push_back(TRY(pack(block, entries, at)));
        return packed;
    }

    Result<Bytes> pack(const GeneBlock& block, const TurnedEntry<Payload>* entries,
                       std::uint64_t& at) {
        const bool raw = record_.coding == LineBlockView::Coding::raw;
        LineBlockBuilder builder(record_.coding);
        std::vector<std::uint32_t> places, codes;
        Bytes values;
        for (std::uint32_t rank = block.begin; rank < block.end; ++rank) {
            const std::uint32_t count = input_.cells_of_rank[rank];
            places.resize(count);
            codes.resize(raw ? 0 : count);
            for (std::uint32_t i = 0; i < count; ++i) {
                const TurnedEntry<Payload> entry = entries[at + i];
                places[i] = entry.line;
                if (!raw) {
                    codes[i] = static_cast<std::uint32_t>(entry.payload);
                } else {
                    const auto* bytes = reinterpret_cast<const std::byte*>(&entry.payload);
                    values.insert(values.end(), bytes, bytes + sizeof(Payload));
                }
            }
            at += count;
            if (codes_are_values_) totals_[rank] = sums_of(codes);
            TRY_WITH(builder.add(places, codes),
                     fmt::format("{}, gene {}", record_.summary.name, input_.gene_of_rank[rank]));
        }
        return builder.finish(raw ? shuffle_and_compress(values, sizeof(Payload)) : Bytes{});
    }

    const TranspositionInput& input_;
    const MatrixRecord& record_;
    const WrittenCells& cells_;
    ContainerWriter& container_;
    const SealOptions& options_;
    const Watch& watch_;
    bool codes_are_values_;
    std::vector<FixedSums> totals_;  ///< of each rank
    std::uint64_t largest_range_ = 0;
};

}  // namespace

Result<std::uint64_t> write_by_gene(const TranspositionInput& input, ContainerWriter& container,
                                    const File& file, const SealOptions& options,
                                    const Watch& watch) {
    const MatrixRecord& record = *input.record;
    std::vector<BlockEntry> dictionaries;
    if (input.dictionary) dictionaries = container.blocks(*input.dictionary);
    const WrittenCells cells(record, container.blocks(input.by_cell), std::move(dictionaries),
                             TRY(MappedFile::map(file)));
    const auto write = [&](auto payload) -> Result<std::uint64_t> {
        return GeneWriter<decltype(payload)>(input, cells, container, options, watch).write();
    };
    if (record.coding == LineBlockView::Coding::codes) return write(std::uint32_t{});
    switch (size_of(record.summary.type)) {
        case 1: return write(std::uint8_t{});
        case 2: return write(std::uint16_t{});
        case 4: return write(std::uint32_t{});
        default: return write(std::uint64_t{});
    }
}

}  // namespace stroma::expression
