#include "expression/text/triplets.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/threads.h"

namespace stroma::expression {
namespace {

/// Numbers of a block at rest: each in `width` bytes; a run is two numbers, what and how often.
struct StoredColumn {
    std::uint64_t offset = 0;  ///< in its block
    std::uint32_t width = 0;
    std::uint64_t count = 0;  ///< numbers stored
    bool is_runs = false;
};

struct StoredBlock {
    std::uint64_t first = 0, count = 0;  ///< lines
    std::uint64_t at = 0;                ///< in the scratch file
    Bytes bytes;                         ///< without a scratch file
    StoredColumn cells, genes, values;
    bool is_integral = true;  ///< values are int32, else float64
};

template <class Narrow>
void narrow_into(std::span<const std::uint32_t> numbers, std::byte* to) {
    for (std::size_t i = 0; i < numbers.size(); ++i)
        store(to + i * sizeof(Narrow), static_cast<Narrow>(numbers[i]));
}

StoredColumn append_column(std::span<const std::uint32_t> numbers, Bytes& out) {
    std::uint32_t all = 0;
    for (const std::uint32_t number : numbers) all |= number;
    StoredColumn column{out.size(), all < 256 ? 1u : all < 65536 ? 2u : 4u, numbers.size(), false};
    out.resize(out.size() + column.width * numbers.size());
    std::byte* to = out.data() + column.offset;
    if (column.width == 1)
        narrow_into<std::uint8_t>(numbers, to);
    else if (column.width == 2)
        narrow_into<std::uint16_t>(numbers, to);
    else
        std::memcpy(to, numbers.data(), numbers.size_bytes());
    return column;
}

template <class Narrow>
void widen_from(const std::byte* from, std::span<std::uint32_t> numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = load<Narrow>(from + i * sizeof(Narrow));
}

/// What is known of the lines seen so far along one axis.
struct Axis {
    std::vector<std::uint32_t> lengths;  ///< lines of each number, unless scattered
    bool is_scattered = false;           ///< neighbours mostly differ: not counted
    bool rises = true;
    std::uint32_t last = 0;

    void count(std::span<const std::uint32_t> runs) {
        for (std::size_t i = 0; i < runs.size(); i += 2) {
            if (runs[i] >= lengths.size()) lengths.resize(std::size_t{runs[i]} + 1);
            lengths[runs[i]] += runs[i + 1];
        }
    }
};

/// One axis of one block: its runs, or nothing where they would take more room than its numbers.
struct AxisPart {
    std::vector<std::uint32_t> runs;
    bool rises = true;
    std::uint32_t first = 0, last = 0;

    void add(std::uint32_t number, std::uint32_t count) {
        if (runs.empty()) first = number;
        rises &= runs.empty() || number >= last;
        last = number;
        if (!runs.empty() && runs[runs.size() - 2] == number)
            runs.back() += count;
        else
            runs.insert(runs.end(), {number, count});
    }
};

void join(Axis& axis, const AxisPart& part) {
    axis.rises &= part.rises && part.first >= axis.last;
    axis.last = part.last;
    axis.is_scattered |= part.runs.empty();
    axis.count(part.runs);
}

void convert(std::span<const double> from, ValueType type, std::byte* to) {
    for (std::size_t i = 0; i < from.size(); ++i)
        store_value(to + i * size_of(type), type, from[i]);
}

}  // namespace

void TripletBlock::widen() {
    numbers_.assign(integers_.begin(), integers_.end());
    integers_.clear();
}

void TripletBlock::add_value(const NumberText& number) {
    survey_.add(number);
    using Integer = std::numeric_limits<std::int32_t>;
    const bool fits =
        number.is_integer && number.value >= Integer::min() && number.value <= Integer::max();
    if (is_integral() && fits) return integers_.push_back(static_cast<std::int32_t>(number.value));
    if (is_integral()) widen();
    numbers_.push_back(number.value);
}

void TripletBlock::add_small_integers(std::span<const std::int32_t> values) {
    if (values.empty()) return;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    survey_.add({static_cast<double>(*least), true, true});
    survey_.add({static_cast<double>(*most), true, true});
    if (is_integral())
        integers_.insert(integers_.end(), values.begin(), values.end());
    else
        numbers_.insert(numbers_.end(), values.begin(), values.end());
}

void TripletBlock::clear() {
    cells.clear();
    genes.clear();
    integers_.clear();
    numbers_.clear();
    survey_ = {};
}

/// The blocks of a spool and what they tell together.
class SpooledTriplets {
public:
    explicit SpooledTriplets(File* file) : scratch(file) {
        if (scratch != nullptr && !scratch->is_open()) scratch = nullptr;
        if (scratch != nullptr) end = scratch->size().value_or(0);
    }

    struct Encoded {
        StoredBlock block;
        AxisPart cells, genes;
        ValueSurvey survey;
    };

    Result<Encoded> encode(const TripletBlock& block) {
        Encoded out;
        if (block.size() == 0) return out;
        out.survey = block.survey();
        Bytes bytes;
        for (const auto& run : block.cells) out.cells.add(run.cell, run.count);
        std::vector<std::uint32_t> cell_of_line;
        if (out.cells.runs.size() > block.size()) {
            out.cells.runs.clear();
            for (const auto& run : block.cells)
                cell_of_line.insert(cell_of_line.end(), run.count, run.cell);
        }
        out.block.cells = append_axis(out.cells.runs, cell_of_line, bytes);
        survey_genes(block.genes, out.genes);
        out.block.genes = append_axis(out.genes.runs, block.genes, bytes);
        out.block.is_integral = block.is_integral();
        if (block.is_integral()) {
            const auto integers = block.integers();
            out.block.values = append_column(
                {reinterpret_cast<const std::uint32_t*>(integers.data()), integers.size()}, bytes);
        } else {
            const ByteSpan numbers = std::as_bytes(block.numbers());
            out.block.values = {bytes.size(), 8, block.size(), false};
            bytes.insert(bytes.end(), numbers.begin(), numbers.end());
        }
        out.block.count = block.size();
        if (scratch == nullptr) {
            out.block.bytes = std::move(bytes);
            return out;
        }
        out.block.at = end.fetch_add(bytes.size());
        TRY(scratch->write_at(out.block.at, bytes));
        return out;
    }

    static StoredColumn append_axis(std::span<const std::uint32_t> runs,
                                    std::span<const std::uint32_t> numbers, Bytes& bytes) {
        StoredColumn column = append_column(runs.empty() ? numbers : runs, bytes);
        column.is_runs = !runs.empty();
        return column;
    }

    static void survey_genes(std::span<const std::uint32_t> genes, AxisPart& part) {
        std::size_t changes = 0, falls = 0;
        for (std::size_t i = 1; i < genes.size(); ++i) {
            changes += genes[i] != genes[i - 1] ? 1 : 0;
            falls += genes[i] < genes[i - 1] ? 1 : 0;
        }
        if (2 * (changes + 1) <= genes.size())
            for (const std::uint32_t gene : genes) part.add(gene, 1);
        part.rises = falls == 0;
        part.first = genes.front();
        part.last = genes.back();
    }

    /// Numbers [first, first + out.size()) of a column that isn't runs.
    Result<void> read_numbers(const StoredBlock& block, const StoredColumn& column,
                              std::uint64_t first, std::span<std::uint32_t> out) const {
        Bytes raw(out.size() * column.width);
        TRY(read_bytes(block, column.offset + first * column.width, raw));
        if (column.width == 1)
            widen_from<std::uint8_t>(raw.data(), out);
        else if (column.width == 2)
            widen_from<std::uint16_t>(raw.data(), out);
        else
            std::memcpy(out.data(), raw.data(), raw.size());
        return {};
    }

    Result<void> read_bytes(const StoredBlock& block, std::uint64_t offset,
                            std::span<std::byte> out) const {
        if (!block.bytes.empty()) {
            std::memcpy(out.data(), block.bytes.data() + offset, out.size());
            return {};
        }
        return scratch->read_at(block.at + offset, out);
    }

    /// Cells or genes of lines [first, first + out.size()) of a block.
    Result<void> read_axis(const StoredBlock& block, const StoredColumn& column,
                           std::uint64_t first, std::span<std::uint32_t> out) const {
        if (!column.is_runs) return read_numbers(block, column, first, out);
        std::vector<std::uint32_t> runs(column.count);
        TRY(read_numbers(block, column, 0, runs));
        std::uint64_t line = 0, done = 0;
        for (std::size_t i = 0; i < runs.size() && done < out.size(); i += 2) {
            line += runs[i + 1];
            while (first + done < line && done < out.size()) out[done++] = runs[i];
        }
        return {};
    }

    /// Values of lines [first, first + count) of a block as the type has them.
    Result<void> read_values(const StoredBlock& block, std::uint64_t first, std::uint64_t count,
                             ValueType type, std::byte* out) const {
        if (!block.is_integral) {
            std::vector<double> numbers(count);
            TRY(read_bytes(block, block.values.offset + first * sizeof(double),
                           std::as_writable_bytes(std::span(numbers))));
            convert(numbers, type, out);
            return {};
        }
        if (type == ValueType::int32)
            return read_numbers(block, block.values, first,
                                {reinterpret_cast<std::uint32_t*>(out), count});
        std::vector<std::uint32_t> bits(count);
        TRY(read_numbers(block, block.values, first, bits));
        const auto* integers = reinterpret_cast<const std::int32_t*>(bits.data());
        convert(std::vector<double>(integers, integers + count), type, out);
        return {};
    }

    /// Lines of each number along one axis, read again.
    Result<std::vector<std::uint32_t>> count(StoredColumn StoredBlock::*axis,
                                             std::uint64_t size) const {
        std::vector<std::uint32_t> lengths(size), numbers;
        for (const StoredBlock& block : blocks) {
            numbers.resize(block.count);
            TRY(read_axis(block, block.*axis, 0, numbers));
            for (const std::uint32_t number : numbers) ++lengths[number];
        }
        return lengths;
    }

    Result<void> gather(std::uint64_t first, std::uint64_t end_cell,
                        std::span<const std::uint32_t> lengths, TripletBlock& out) const;
    Result<void> add(std::size_t count,
                     const std::function<const TripletBlock&(std::size_t)>& block);
    Result<void> sort_by_cell(std::span<const std::uint32_t> lengths, std::uint64_t memory_bytes);

    File* scratch;
    std::atomic<std::uint64_t> end{0};  ///< of the scratch file
    std::vector<StoredBlock> blocks;
    std::uint64_t line_count = 0;
    Axis cells, genes;
    ValueSurvey survey;
};

/// The lines of cells [first, end_cell), by cell.
Result<void> SpooledTriplets::gather(std::uint64_t first, std::uint64_t end_cell,
                                     std::span<const std::uint32_t> lengths,
                                     TripletBlock& out) const {
    std::vector<std::uint64_t> next(end_cell - first);
    std::uint64_t total = 0;
    for (std::uint64_t cell = first; cell < end_cell; ++cell) {
        next[cell - first] = total;
        total += lengths[cell];
        if (lengths[cell] > 0)
            out.cells.push_back({static_cast<std::uint32_t>(cell), lengths[cell]});
    }
    out.genes.resize(total);
    std::vector<double> sorted(total), values;
    std::vector<std::uint32_t> of_cell, of_gene;
    for (const StoredBlock& block : blocks) {
        of_cell.resize(block.count);
        of_gene.resize(block.count);
        values.resize(block.count);
        TRY(read_axis(block, block.cells, 0, of_cell));
        TRY(read_axis(block, block.genes, 0, of_gene));
        TRY(read_values(block, 0, block.count, ValueType::float64,
                        reinterpret_cast<std::byte*>(values.data())));
        for (std::uint64_t i = 0; i < block.count; ++i) {
            if (of_cell[i] < first || of_cell[i] >= end_cell) continue;
            const std::uint64_t to = next[of_cell[i] - first]++;
            out.genes[to] = of_gene[i];
            sorted[to] = values[i];
        }
    }
    for (const double value : sorted) out.add_value({value, survey.integers, survey.floats});
    return {};
}

Result<void> SpooledTriplets::sort_by_cell(std::span<const std::uint32_t> lengths,
                                           std::uint64_t memory_bytes) {
    const std::uint64_t most =
        std::max<std::uint64_t>(1, memory_bytes / thread_count() / (2 * sizeof(double) + 16));
    std::vector<std::uint64_t> ends;  // of the ranges of cells that are gathered at once
    std::uint64_t lines = 0;
    for (std::uint64_t cell = 0; cell < lengths.size(); ++cell) {
        if (lines > 0 && lines + lengths[cell] > most) {
            ends.push_back(cell);
            lines = 0;
        }
        lines += lengths[cell];
    }
    ends.push_back(lengths.size());
    SpooledTriplets sorted(scratch);
    sorted.end = end.load();
    for (std::size_t wave = 0; wave < ends.size(); wave += thread_count()) {
        std::vector<TripletBlock> parts(std::min(thread_count(), ends.size() - wave));
        TRY(parallel_for(parts.size(), [&](std::size_t i) {
            const std::uint64_t first = wave + i == 0 ? 0 : ends[wave + i - 1];
            return gather(first, ends[wave + i], lengths, parts[i]);
        }));
        TRY(sorted.add(parts.size(),
                       [&](std::size_t i) -> const TripletBlock& { return parts[i]; }));
    }
    blocks = std::move(sorted.blocks);
    return {};
}

Result<void> SpooledTriplets::add(std::size_t count,
                                  const std::function<const TripletBlock&(std::size_t)>& block) {
    std::vector<Encoded> encoded(count);
    const auto encode_one = [&](std::size_t i) -> Result<void> {
        encoded[i] = TRY(encode(block(i)));
        return {};
    };
    TRY(parallel_for(count, encode_one));
    for (Encoded& part : encoded) {
        if (part.block.count == 0) continue;
        join(cells, part.cells);
        join(genes, part.genes);
        survey.merge(part.survey);
        part.block.first = line_count;
        line_count += part.block.count;
        blocks.push_back(std::move(part.block));
    }
    return {};
}

namespace {

/// Lines that lie one behind the other in a spool.
class SpooledSource final : public MatrixSource {
public:
    SpooledSource(std::unique_ptr<SpooledTriplets> spool, Order order, std::uint64_t cells,
                  std::uint64_t genes, std::vector<std::uint32_t> lengths)
        : spool_(std::move(spool)),
          order_(order),
          type_(spool_->survey.type()),
          cells_(cells),
          genes_(genes),
          lengths_(std::move(lengths)),
          starts_(line_count() + 1) {
        std::partial_sum(lengths_.begin(), lengths_.end(), starts_.begin() + 1,
                         [](std::uint64_t sum, std::uint64_t length) { return sum + length; });
    }
    std::uint64_t cell_count() const override { return cells_; }
    std::uint64_t gene_count() const override { return genes_; }
    ValueType value_type() const override { return type_; }
    Order order() const override { return order_; }
    std::optional<std::uint64_t> nonzero_count() const override { return starts_.back(); }
    std::optional<std::vector<std::uint32_t>> line_lengths() const override { return lengths_; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override {
        const std::uint64_t mean = starts_.back() / std::max<std::uint64_t>(line_count(), 1) + 1;
        return std::clamp<std::uint64_t>((1u << 19) / mean, 1, 65536);
    }

    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        assert(first + count <= line_count());
        const std::uint64_t begin = starts_[first], end = starts_[first + count];
        out.first_line = first;
        out.starts.resize(count + 1);
        for (std::uint64_t i = 0; i <= count; ++i) out.starts[i] = starts_[first + i] - begin;
        out.places.resize(end - begin);
        out.values.resize((end - begin) * size_of(type_));
        const auto& blocks = spool_->blocks;
        auto block = std::upper_bound(blocks.begin(), blocks.end(), begin,
                                      [](auto at, const auto& b) { return at < b.first; });
        for (std::uint64_t at = begin; at < end;) {
            const auto& from = *(block++ - 1);
            const std::uint64_t skip = at - from.first;
            const std::uint64_t some = std::min(from.count - skip, end - at);
            TRY(spool_->read_axis(from, order_ == Order::by_cell ? from.genes : from.cells, skip,
                                  {out.places.data() + (at - begin), some}));
            TRY(spool_->read_values(from, skip, some, type_,
                                    out.values.data() + (at - begin) * size_of(type_)));
            at += some;
        }
        return {};
    }

private:
    std::unique_ptr<SpooledTriplets> spool_;
    Order order_;
    ValueType type_;
    std::uint64_t cells_, genes_;
    std::vector<std::uint32_t> lengths_;
    std::vector<std::uint64_t> starts_;
};

}  // namespace

TripletSpool::TripletSpool(File* scratch) : spooled_(std::make_unique<SpooledTriplets>(scratch)) {}
TripletSpool::TripletSpool(TripletSpool&&) noexcept = default;
TripletSpool::~TripletSpool() = default;

const ValueSurvey& TripletSpool::survey() const { return spooled_->survey; }

Result<void> TripletSpool::add(std::size_t count,
                               const std::function<const TripletBlock&(std::size_t)>& block) {
    return spooled_->add(count, block);
}

Result<std::unique_ptr<MatrixSource>> TripletSpool::finish(std::uint64_t cells, std::uint64_t genes,
                                                           std::uint64_t memory_bytes) && {
    SpooledTriplets& spooled = *spooled_;
    const bool by_gene = spooled.genes.rises && !spooled.cells.rises;
    Axis& axis = by_gene ? spooled.genes : spooled.cells;
    std::vector<std::uint32_t> lengths = std::move(axis.lengths);
    lengths.resize(by_gene ? genes : cells);
    if (axis.is_scattered)
        lengths =
            TRY(spooled.count(by_gene ? &StoredBlock::genes : &StoredBlock::cells, lengths.size()));
    if (!axis.rises) TRY(spooled.sort_by_cell(lengths, memory_bytes));
    return std::make_unique<SpooledSource>(std::move(spooled_),
                                           by_gene ? Order::by_gene : Order::by_cell, cells, genes,
                                           std::move(lengths));
}

}  // namespace stroma::expression
