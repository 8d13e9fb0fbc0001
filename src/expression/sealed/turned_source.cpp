#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <numeric>

#include "base/usual_or_tiny.h"
#include "expression/sealed/line_turning.h"
#include "expression/sealed/matrix_writer.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t values_per_scratch_block = usual_or_tiny(64u << 10, 7u);

/// Genes packed one behind the other in a scratch file, or in memory where there is none.
class GeneSpool final : public PackedLines {
public:
    GeneSpool(std::uint64_t genes, std::uint64_t cells, ValueType type, File* scratch)
        : genes_(genes), cells_(cells), type_(type), scratch_(scratch) {
        if (scratch_ != nullptr && !scratch_->is_open()) scratch_ = nullptr;
        if (scratch_ != nullptr) size_ = scratch_->size().value_or(0);
    }

    Result<void> append(std::uint64_t first_gene, Bytes block) {
        block.resize(block.size() + packed_slack);
        spots_.push_back({size_, block.size(), first_gene});
        if (scratch_ != nullptr)
            TRY(scratch_->write_at(size_, block));
        else
            memory_.push_back(std::move(block));
        size_ += spots_.back().size;
        return {};
    }

    std::uint64_t line_count() const override { return genes_; }
    std::uint32_t place_limit() const override { return static_cast<std::uint32_t>(cells_); }
    std::uint64_t block_count() const override { return spots_.size(); }
    Result<OpenLines> open(std::uint64_t block) const override {
        const Spot& spot = spots_[block];
        OpenLines open{BlockBytes(ByteSpan{}), {}, {}, spot.first};
        if (memory_.empty()) {
            Bytes bytes(spot.size);
            TRY(scratch_->read_at(spot.offset, bytes));
            open.bytes = BlockBytes(std::move(bytes), spot.size - packed_slack);
        } else {
            open.bytes = BlockBytes(ByteSpan(memory_[block]).first(spot.size - packed_slack));
        }
        open.view = TRY(LineBlockView::parse(open.bytes));
        const ByteSpan values = open.view.raw_values();
        open.values.assign(values.begin(), values.end());
        return open;
    }
    std::size_t value_size() const { return size_of(type_); }

private:
    struct Spot {
        std::uint64_t offset, size, first;
    };
    std::uint64_t genes_, cells_;
    ValueType type_;
    File* scratch_;
    std::uint64_t size_ = 0;
    std::vector<Spot> spots_;
    std::vector<Bytes> memory_;
};

/// Reads genes, checks and orders each, and packs them into a spool.
class GeneSpooler {
public:
    GeneSpooler(MatrixSource& source, const SealOptions& options)
        : source_(source),
          options_(options),
          value_size_(size_of(source.value_type())),
          spool_(std::make_unique<GeneSpool>(source.gene_count(), source.cell_count(),
                                             source.value_type(), options.scratch)),
          lengths_(source.cell_count()),
          builder_(LineBlockView::Coding::raw) {}

    Result<void> run(const Watch& watch) {
        const std::uint64_t genes = source_.gene_count();
        const std::uint64_t step = std::max<std::uint64_t>(1, source_.lines_per_read());
        for (std::uint64_t first = 0; first < genes;) {
            TRY(stop_if_cancelled(watch));
            LineBlock lines;
            TRY(source_.read_lines(first, std::min(step, genes - first), lines));
            if (lines.line_count() == 0)
                return fail(ErrorCode::invalid_input,
                            fmt::format("the matrix ended after {} of {} genes", first, genes));
            for (std::uint64_t i = 0; i < lines.line_count(); ++i) TRY(add(first + i, lines, i));
            first += lines.line_count();
        }
        return finish_block();
    }

    std::unique_ptr<GeneSpool> take_spool() { return std::move(spool_); }
    std::vector<std::uint32_t> take_lengths() { return std::move(lengths_); }

private:
    Result<void> add(std::uint64_t gene, LineBlock& lines, std::uint64_t line) {
        const std::uint64_t begin = lines.starts[line], end = lines.starts[line + 1];
        if (end < begin || end > lines.places.size() ||
            lines.values.size() != lines.places.size() * value_size_)
            return fail(ErrorCode::invalid_input,
                        fmt::format("gene {}: its start and end don't fit the data", gene));
        order_.resize(end - begin);
        std::iota(order_.begin(), order_.end(), begin);
        const auto& places = lines.places;
        if (!std::is_sorted(places.begin() + begin, places.begin() + end))
            std::stable_sort(order_.begin(), order_.end(),
                             [&](auto a, auto b) { return places[a] < places[b]; });
        places_.clear();
        for (const std::uint64_t at : order_) {
            const std::uint32_t cell = places[at];
            if (cell >= source_.cell_count())
                return fail(ErrorCode::invalid_input,
                            fmt::format("gene {}: cell number {} is outside the {} cells", gene,
                                        cell, source_.cell_count()));
            const std::byte* value = lines.values.data() + at * value_size_;
            if (!places_.empty() && places_.back() == cell) {
                TRY(add_duplicate(gene, cell, value));
                continue;
            }
            places_.push_back(cell);
            values_.insert(values_.end(), value, value + value_size_);
            ++lengths_[cell];
        }
        TRY_WITH(builder_.add(places_, {}), fmt::format("gene {}", gene));
        if (values_.size() >= values_per_scratch_block * value_size_ ||
            builder_.line_count() >= 1024)
            TRY(finish_block());
        return {};
    }

    Result<void> add_duplicate(std::uint64_t gene, std::uint32_t cell, const std::byte* value) {
        if (!options_.sum_duplicates)
            return fail(ErrorCode::invalid_input,
                        fmt::format("cell {} occurs twice in gene {}; ask for duplicates to be "
                                    "summed, or remove them",
                                    cell, gene));
        if (!add_value(source_.value_type(), values_.data() + values_.size() - value_size_, value))
            return fail(ErrorCode::invalid_input,
                        fmt::format("the sum of cell {}, gene {} passes its type {}", cell, gene,
                                    name_of(source_.value_type())));
        return {};
    }

    Result<void> finish_block() {
        if (builder_.line_count() == 0) return {};
        const std::uint64_t first = packed_;
        packed_ += builder_.line_count();
        TRY(spool_->append(first, builder_.finish(values_)));
        values_.clear();
        return {};
    }

    MatrixSource& source_;
    const SealOptions& options_;
    std::size_t value_size_;
    std::unique_ptr<GeneSpool> spool_;
    std::vector<std::uint32_t> lengths_;  ///< of each cell
    LineBlockBuilder builder_;
    Bytes values_;
    std::vector<std::uint32_t> places_;
    std::vector<std::uint64_t> order_;
    std::uint64_t packed_ = 0;
};

class TurnedSource final : public MatrixSource {
public:
    TurnedSource(MatrixSource& by_gene, std::unique_ptr<GeneSpool> spool,
                 std::vector<std::uint32_t> lengths, std::uint64_t memory_bytes)
        : by_gene_(by_gene), spool_(std::move(spool)), lengths_(std::move(lengths)) {
        const std::uint64_t values =
            std::accumulate(lengths_.begin(), lengths_.end(), std::uint64_t{0});
        const double per_line = double(values) / double(lengths_.size() + 1) + 1;
        lines_per_read_ =
            static_cast<std::uint64_t>(std::max(1.0, double(memory_bytes) / 4 / (per_line * 24)));
    }
    std::uint64_t cell_count() const override { return by_gene_.cell_count(); }
    std::uint64_t gene_count() const override { return by_gene_.gene_count(); }
    ValueType value_type() const override { return by_gene_.value_type(); }
    Order order() const override { return Order::by_cell; }
    bool was_dense() const override { return by_gene_.was_dense(); }
    bool is_random_access() const override { return false; }
    std::uint64_t lines_per_read() const override { return lines_per_read_; }

    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        switch (spool_->value_size()) {
            case 1: return read<std::uint8_t>(first, count, out);
            case 2: return read<std::uint16_t>(first, count, out);
            case 4: return read<std::uint32_t>(first, count, out);
            default: return read<std::uint64_t>(first, count, out);
        }
    }

private:
    template <class Payload>
    Result<void> read(std::uint64_t first, std::uint64_t count, LineBlock& out) {
        out.first_line = first;
        out.starts.assign(1, 0);
        for (std::uint64_t i = 0; i < count; ++i)
            out.starts.push_back(out.starts.back() + lengths_[first + i]);
        const std::uint64_t values = out.starts.back();
        std::vector<std::uint64_t> ends(out.starts.begin(), out.starts.end() - 1);
        const auto entries = std::make_unique_for_overwrite<TurnedEntry<Payload>[]>(values);
        TRY(turn_lines<Payload>(*spool_, static_cast<std::uint32_t>(first),
                                static_cast<std::uint32_t>(first + count), positions_, ends,
                                entries.get(), values, nullptr));
        out.places.resize(values);
        out.values.resize(values * sizeof(Payload));
        for (std::uint64_t i = 0; i < values; ++i) {
            out.places[i] = entries[i].line;
            store(out.values.data() + i * sizeof(Payload), entries[i].payload);
        }
        return {};
    }

    MatrixSource& by_gene_;
    std::unique_ptr<GeneSpool> spool_;
    std::vector<std::uint32_t> lengths_;
    std::uint64_t lines_per_read_ = 1;
    LinePositions positions_;
};

}  // namespace

Result<std::unique_ptr<MatrixSource>> turned_by_cell(MatrixSource& by_gene,
                                                     const SealOptions& options,
                                                     const Watch& watch) {
    GeneSpooler spooler(by_gene, options);
    TRY(spooler.run(watch));
    return std::make_unique<TurnedSource>(by_gene, spooler.take_spool(), spooler.take_lengths(),
                                          options.memory_bytes);
}

}  // namespace stroma::expression
