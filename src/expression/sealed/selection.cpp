#include <algorithm>
#include <cassert>
#include <mutex>

#include "base/threads.h"
#include "expression/output/value_types.h"
#include "expression/sealed/matrix_format.h"
#include "expression/sealed_dataset.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t values_per_read = 1 << 20;
constexpr std::size_t cells_per_count = 256;

bool fits_float32(const MatrixSummary& summary) {
    switch (summary.type) {
        case ValueType::int32:
        case ValueType::int64:
        case ValueType::uint32:
        case ValueType::uint64:
        case ValueType::float64: return summary.whole_numbers && summary.max <= 0x1p24;
        default: return true;
    }
}

/// Whether two genes of the part become one, whose values are then added.
bool adds_up(const SelectionPart& part, std::uint64_t gene_count) {
    std::vector<bool> seen(part.output_gene.empty() ? 0 : gene_count);
    for (const std::int32_t gene : part.output_gene) {
        if (gene < 0) continue;
        if (seen[static_cast<std::size_t>(gene)]) return true;
        seen[static_cast<std::size_t>(gene)] = true;
    }
    return false;
}

ValueType common_type(const std::vector<SelectionPart>& parts, bool any_adds_up) {
    if (parts.empty()) return ValueType::float32;
    const ValueType first = parts[0].matrix->summary().type;
    bool same = true, narrow = true;
    for (const SelectionPart& part : parts) {
        same = same && part.matrix->summary().type == first;
        narrow = narrow && fits_float32(part.matrix->summary());
    }
    // A sum of small integers may be too large for their type.
    const bool keeps = same && (!any_adds_up || is_floating(first));
    return keeps ? first : narrow ? ValueType::float32 : ValueType::float64;
}

void convert(ValueType from, ValueType to, Bytes& values) {
    if (from == to) return;
    const std::size_t size = size_of(from), count = values.size() / size;
    Bytes out(count * size_of(to));
    for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, values.data() + i * size, size);
        const double number = number_of(bits, from);
        if (to == ValueType::float32)
            store(out.data() + i * 4, static_cast<float>(number));
        else
            store(out.data() + i * 8, number);
    }
    values = std::move(out);
}

/// Gives a part's lines their output gene numbers, without the dropped ones; values that come to
/// the same place are added.
class GeneMapping {
public:
    GeneMapping(const std::vector<std::int32_t>& output_gene, ValueType type)
        : output_gene_(output_gene), type_(type), value_size_(size_of(type)) {}

    void apply(LineBlock& block) {
        std::uint64_t kept = 0, begin = 0;
        for (std::size_t line = 0; line + 1 < block.starts.size(); ++line) {
            const std::uint64_t end = block.starts[line + 1];
            apply(block, begin, end, kept);
            block.starts[line + 1] = kept;
            begin = end;
        }
        block.places.resize(kept);
        block.values.resize(kept * value_size_);
    }

private:
    void apply(LineBlock& block, std::uint64_t begin, std::uint64_t end, std::uint64_t& kept) {
        line_.clear();
        for (std::uint64_t i = begin; i < end; ++i)
            if (const std::int32_t gene = output_gene_[block.places[i]]; gene >= 0)
                line_.emplace_back(static_cast<std::uint32_t>(gene), i - begin);
        if (!std::is_sorted(line_.begin(), line_.end())) std::sort(line_.begin(), line_.end());
        values_.assign(block.values.begin() + begin * value_size_,
                       block.values.begin() + end * value_size_);
        const std::uint64_t line_begin = kept;
        for (const auto& [gene, at] : line_) {
            const std::byte* value = values_.data() + at * value_size_;
            if (kept > line_begin && block.places[kept - 1] == gene) {
                add(value, block.values.data() + (kept - 1) * value_size_);
                continue;
            }
            block.places[kept] = gene;
            std::memcpy(block.values.data() + kept * value_size_, value, value_size_);
            ++kept;
        }
    }
    void add(const std::byte* value, std::byte* to) const {
        with_type(type_, [&]<class T>(std::type_identity<T>) {
            T sum{}, more{};
            std::memcpy(&sum, to, sizeof sum);
            std::memcpy(&more, value, sizeof more);
            store(to, static_cast<T>(sum + more));
        });
    }
    const std::vector<std::int32_t>& output_gene_;
    ValueType type_;
    std::size_t value_size_;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> line_;
    Bytes values_;
};

class Selection final : public MatrixSource {
public:
    Selection(std::vector<SelectionPart> parts, std::uint64_t gene_count)
        : parts_(std::move(parts)), gene_count_(gene_count) {
        starts_.push_back(0);
        for (const SelectionPart& part : parts_) {
            assert(part.output_gene.empty() ||
                   part.output_gene.size() == part.matrix->gene_count());
            assert(!part.output_gene.empty() || part.matrix->gene_count() <= gene_count);
            for (const std::int32_t gene : part.output_gene)
                assert(gene < 0 || static_cast<std::uint64_t>(gene) < gene_count);
            starts_.push_back(starts_.back() + part.cells.size());
            adds_up_.push_back(adds_up(part, gene_count));
        }
        type_ = common_type(parts_,
                            std::find(adds_up_.begin(), adds_up_.end(), true) != adds_up_.end());
    }

    std::uint64_t cell_count() const override { return starts_.back(); }
    std::uint64_t gene_count() const override { return gene_count_; }
    ValueType value_type() const override { return type_; }
    Order order() const override { return Order::by_cell; }
    bool was_dense() const override {
        return !parts_.empty() && std::all_of(parts_.begin(), parts_.end(), [](const auto& part) {
            return part.matrix->was_dense();
        });
    }
    bool is_random_access() const override { return true; }

    std::uint64_t lines_per_read() const override {
        double values = 0, cells = 0;
        for (const SelectionPart& part : parts_) {
            values += static_cast<double>(part.matrix->summary().nonzeros);
            cells += static_cast<double>(part.matrix->cell_count());
        }
        const double per_line = cells == 0 ? 1 : values / cells + 1;
        return static_cast<std::uint64_t>(std::max(1.0, double(values_per_read) / per_line));
    }

    std::optional<std::vector<std::uint32_t>> line_lengths() const override {
        std::call_once(counted_, [&] {
            if (auto counted = count_lines()) lengths_ = *std::move(counted);
        });
        return lengths_;
    }

    std::optional<std::uint64_t> nonzero_count() const override {
        const auto lengths = line_lengths();
        if (!lengths) return std::nullopt;
        std::uint64_t count = 0;
        for (const std::uint32_t length : *lengths) count += length;
        return count;
    }

    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        if (first > cell_count() || count > cell_count() - first)
            return fail(ErrorCode::invalid_input,
                        "lines past the end of a selection are asked for");
        out.first_line = first;
        std::size_t part = static_cast<std::size_t>(
            std::upper_bound(starts_.begin(), starts_.end(), first) - starts_.begin() - 1);
        if (count == 0) out = {first, {0}, {}, {}};
        for (std::uint64_t at = first; at < first + count; ++part) {
            const std::uint64_t end = std::min(first + count, starts_[part + 1]);
            if (end == at) continue;
            if (at == first && end == first + count) {
                TRY(read_part(part, at, end, out));
                out.first_line = first;
                return {};
            }
            if (at == first) {
                out.starts.assign(1, 0);
                out.places.clear();
                out.values.clear();
            }
            LineBlock piece;
            TRY(read_part(part, at, end, piece));
            append(piece, out);
            at = end;
        }
        return {};
    }

private:
    Result<void> read_part(std::size_t number, std::uint64_t first, std::uint64_t end,
                           LineBlock& out) const {
        const SelectionPart& part = parts_[number];
        const auto cells = std::span(part.cells).subspan(first - starts_[number], end - first);
        TRY(part.matrix->read_cells(cells, out));
        const ValueType type = part.matrix->summary().type;
        if (adds_up_[number]) {
            convert(type, type_, out.values);
            GeneMapping(part.output_gene, type_).apply(out);
            return {};
        }
        if (!part.output_gene.empty()) GeneMapping(part.output_gene, type).apply(out);
        convert(type, type_, out.values);
        return {};
    }

    static void append(const LineBlock& piece, LineBlock& out) {
        const std::uint64_t base = out.starts.back();
        for (std::size_t i = 1; i < piece.starts.size(); ++i)
            out.starts.push_back(base + piece.starts[i]);
        out.places.insert(out.places.end(), piece.places.begin(), piece.places.end());
        out.values.insert(out.values.end(), piece.values.begin(), piece.values.end());
    }

    Result<std::vector<std::uint32_t>> count_lines() const {
        std::vector<std::uint32_t> lengths(cell_count());
        for (std::size_t number = 0; number < parts_.size(); ++number) {
            const SelectionPart& part = parts_[number];
            std::uint32_t* to = lengths.data() + starts_[number];
            const auto& mapping = part.output_gene;
            const bool drops = std::any_of(mapping.begin(), mapping.end(),
                                           [](std::int32_t gene) { return gene < 0; });
            if (!drops && !adds_up_[number]) {
                const auto all = TRY(part.matrix->cell_lengths());
                for (const std::uint32_t cell : part.cells) {
                    if (cell >= all.size())
                        return fail(ErrorCode::invalid_input, "a cell past the end is asked for");
                    *to++ = all[cell];
                }
                continue;
            }
            TRY(count_kept(part, to));
        }
        return lengths;
    }

    static Result<void> count_kept(const SelectionPart& part, std::uint32_t* lengths) {
        const std::size_t pieces = (part.cells.size() + cells_per_count - 1) / cells_per_count;
        return parallel_for(pieces, [&](std::size_t piece) -> Result<void> {
            const std::size_t first = piece * cells_per_count;
            const std::size_t count = std::min(cells_per_count, part.cells.size() - first);
            thread_local LineBlock block;
            TRY(part.matrix->read_cells(std::span(part.cells).subspan(first, count), block));
            GeneMapping(part.output_gene, part.matrix->summary().type).apply(block);
            for (std::size_t i = 0; i < count; ++i)
                lengths[first + i] =
                    static_cast<std::uint32_t>(block.starts[i + 1] - block.starts[i]);
            return {};
        });
    }

    std::vector<SelectionPart> parts_;
    std::uint64_t gene_count_;
    std::vector<bool> adds_up_;  ///< per part
    ValueType type_ = ValueType::float32;
    std::vector<std::uint64_t> starts_;  ///< first output line of each part, and the end
    mutable std::once_flag counted_;
    mutable std::optional<std::vector<std::uint32_t>> lengths_;
};

}  // namespace

std::unique_ptr<MatrixSource> select_cells(std::vector<SelectionPart> parts,
                                           std::uint64_t gene_count) {
    return std::make_unique<Selection>(std::move(parts), gene_count);
}

}  // namespace stroma::expression
