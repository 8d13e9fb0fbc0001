#include "expression/sealed/cell_packing.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

namespace stroma::expression {
namespace {

std::string with_id(std::string_view kind, std::uint64_t number, const TextArray* ids) {
    if (ids == nullptr || number >= ids->size()) return fmt::format("{} {}", kind, number);
    return fmt::format("{} {} ('{}')", kind, number, (*ids)[number]);
}

/// Gives each distinct value of a cell a number, smallest bits first.
class Dictionary {
public:
    /// Replaces `codes` by the number of each value and gives the distinct values in order.
    const std::vector<std::uint64_t>& assign(std::span<const std::uint64_t> values,
                                             std::vector<std::uint32_t>& codes) {
        const std::size_t slots = std::bit_ceil(values.size() * 2 + 1);
        keys_.assign(slots, 0);
        numbers_.assign(slots, unused);
        distinct_.clear();
        codes.resize(values.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::size_t slot = find(values[i]);
            if (numbers_[slot] == unused) {
                keys_[slot] = values[i];
                numbers_[slot] = static_cast<std::uint32_t>(distinct_.size());
                distinct_.push_back(values[i]);
            }
            codes[i] = numbers_[slot];
        }
        order_.resize(distinct_.size());
        sorted_ = distinct_;
        std::sort(sorted_.begin(), sorted_.end());
        for (std::size_t i = 0; i < sorted_.size(); ++i)
            order_[numbers_[find(sorted_[i])]] = static_cast<std::uint32_t>(i);
        for (std::uint32_t& code : codes) code = order_[code];
        return sorted_;
    }

private:
    static constexpr std::uint32_t unused = ~0u;
    std::size_t find(std::uint64_t key) const {
        const std::size_t mask = keys_.size() - 1;
        std::size_t slot = (key * 0x9E3779B97F4A7C15u >> 20) & mask;
        while (numbers_[slot] != unused && keys_[slot] != key) slot = (slot + 1) & mask;
        return slot;
    }
    std::vector<std::uint64_t> keys_, distinct_, sorted_;
    std::vector<std::uint32_t> numbers_, order_;
};

/// What a line's values are as codes, when each is its own.
struct OwnCodes {
    bool all = true;  ///< every value is
    std::uint32_t smallest = ~0u, largest = 0;
    std::uint64_t sum = 0;
};

/// Without branches, so that several values are done at once.
template <class T>
OwnCodes own_codes(const T* values, std::size_t count, std::uint32_t* codes) {
    OwnCodes own;
    std::uint32_t others = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const T value = values[i];
        bool fits = false;
        if constexpr (std::is_floating_point_v<T>) {
            using Bits = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
            fits = (std::bit_cast<Bits>(value) >= 0) & (value < T{0x1p31});  // no negative zero
        } else {
            fits = std::cmp_greater_equal(value, 0) & std::cmp_less_equal(value, 0x7FFFFFFF);
        }
        const auto code = static_cast<std::int32_t>(fits ? value : T{0});
        others |= std::uint32_t{!fits} | std::uint32_t{static_cast<T>(code) != value};
        codes[i] = static_cast<std::uint32_t>(code);
        own.smallest = std::min(own.smallest, codes[i]);
        own.largest = std::max(own.largest, codes[i]);
        own.sum += codes[i];
    }
    own.all = others == 0;
    return own;
}

/// Packs the cells of one run; T is the type of the values.
template <class T>
class CellPacker {
public:
    CellPacker(const PackingPlan& plan, LineBlock& cells)
        : plan_(plan),
          cells_(cells),
          values_(cells.values_as<T>()),
          seen_((plan.genes + 63) / 64),
          position_of_rank_(plan.genes),
          code_of_rank_(plan.genes),
          builder_(plan.coding) {
        out_.cells_of_rank.resize(plan.genes);
    }

    Result<PackedCells> pack() {
        const std::uint64_t count = cells_.line_count();
        out_.lengths.reserve(count);
        out_.totals.reserve(count);
        for (std::uint64_t line = 0; line < count; ++line) {
            if (cells_.starts[line + 1] < cells_.starts[line] ||
                cells_.starts[line + 1] > cells_.places.size())
                return refuse(line, "its start and end don't fit the data");
            if (!take_codes(line)) {
                TRY(order(line));
                TRY(describe(line));
            }
            TRY(append(line));
            if (builder_.line_count() == plan_.lines_per_block || line + 1 == count)
                finish_block(line);
        }
        return std::move(out_);
    }

private:
    std::string where(std::uint64_t line, std::string_view what) const {
        return fmt::format("{}, {}: {}", plan_.matrix, cell_text(plan_, cells_.first_line + line),
                           what);
    }
    tl::unexpected<Error> refuse(std::uint64_t line, std::string_view what) const {
        return fail(ErrorCode::invalid_input, where(line, what));
    }

    std::byte* bytes_of(std::uint64_t position) {
        return reinterpret_cast<std::byte*>(values_ + position);
    }

    /// ranks_ and codes_ of a line whose values are their own codes and whose genes come once each,
    /// as nearly all do. False, with nothing done, for others.
    bool take_codes(std::uint64_t line) {
        if (plan_.coding != LineBlockView::Coding::codes) return false;
        const std::uint64_t begin = cells_.starts[line], count = cells_.starts[line + 1] - begin;
        const std::uint32_t* genes = cells_.places.data() + begin;
        line_codes_.resize(count);
        const OwnCodes own = own_codes(values_ + begin, count, line_codes_.data());
        if (!own.all || count == 0) return false;
        if (*std::max_element(genes, genes + count) >= plan_.genes) return false;
        std::uint64_t twice = 0;
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint32_t rank = plan_.rank_of_gene[genes[i]];
            const std::uint64_t bit = std::uint64_t{1} << (rank % 64);
            twice |= seen_[rank / 64] & bit;
            seen_[rank / 64] |= bit;
            code_of_rank_[rank] = line_codes_[i];
        }
        if (twice != 0) {
            std::fill(seen_.begin(), seen_.end(), 0);
            return false;
        }
        ranks_.resize(count);
        codes_.resize(count);
        std::size_t at = 0;
        for (std::size_t word = 0; word < seen_.size(); ++word) {
            for (std::uint64_t bits = seen_[word]; bits != 0; bits &= bits - 1, ++at) {
                const auto rank = static_cast<std::uint32_t>(
                    word * 64 + static_cast<unsigned>(std::countr_zero(bits)));
                ranks_[at] = rank;
                codes_[at] = code_of_rank_[rank];
                ++out_.cells_of_rank[rank];
            }
            seen_[word] = 0;
        }
        own_codes_ = true;
        out_.lengths.push_back(static_cast<std::uint32_t>(count));
        out_.totals.push_back(static_cast<double>(own.sum));
        out_.min = std::min(out_.min, double(own.smallest));
        out_.max = std::max(out_.max, double(own.largest));
        out_.largest = std::max(out_.largest, double(own.largest));
        return true;
    }

    /// Brings the line's entries into rank order: ranks_ and the position of each in the line.
    Result<void> order(std::uint64_t line) {
        const std::uint64_t begin = cells_.starts[line], end = cells_.starts[line + 1];
        for (std::uint64_t i = begin; i < end; ++i) {
            const std::uint32_t gene = cells_.places[i];
            if (gene >= plan_.genes)
                return refuse(
                    line, fmt::format("gene number {} is outside the {} genes", gene, plan_.genes));
            const std::uint32_t rank = plan_.rank_of_gene[gene];
            const std::uint64_t bit = std::uint64_t{1} << (rank % 64);
            if ((seen_[rank / 64] & bit) != 0) {
                if (!plan_.sum_duplicates)
                    return refuse(line, fmt::format("{} occurs twice; ask for duplicates to be "
                                                    "summed, or remove them",
                                                    gene_text(plan_, gene)));
                if (!add_value(plan_.type, bytes_of(position_of_rank_[rank]), bytes_of(i)))
                    return refuse(line, fmt::format("the sum of {} passes its type {}",
                                                    gene_text(plan_, gene), name_of(plan_.type)));
                continue;
            }
            seen_[rank / 64] |= bit;
            position_of_rank_[rank] = i;
        }
        ranks_.clear();
        positions_.clear();
        for (std::size_t word = 0; word < seen_.size(); ++word) {
            for (std::uint64_t bits = seen_[word]; bits != 0; bits &= bits - 1) {
                const auto rank = static_cast<std::uint32_t>(
                    word * 64 + static_cast<unsigned>(std::countr_zero(bits)));
                ranks_.push_back(rank);
                positions_.push_back(position_of_rank_[rank]);
                ++out_.cells_of_rank[rank];
            }
            seen_[word] = 0;
        }
        return {};
    }

    /// Codes of the values that are their own codes, total, smallest, largest.
    Result<void> describe(std::uint64_t line) {
        const std::size_t count = ranks_.size();
        codes_.resize(count);
        own_codes_ = true;
        double total = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const T value = values_[positions_[i]];
            const auto number = static_cast<double>(value);
            const bool small = number >= 0 && number <= 0xFFFFFFFFu && !std::signbit(number);
            codes_[i] = small ? static_cast<std::uint32_t>(number) : 0;
            const bool own = small && static_cast<T>(codes_[i]) == value;
            own_codes_ = own_codes_ && own;
            if (own)
                out_.largest = std::max(out_.largest, number);
            else
                TRY(describe_other(line, i, number));
            total += number;
            out_.min = std::min(out_.min, number);
            out_.max = std::max(out_.max, number);
        }
        out_.lengths.push_back(static_cast<std::uint32_t>(count));
        out_.totals.push_back(total);
        return {};
    }

    Result<void> describe_other(std::uint64_t line, std::size_t i, double number) {
        if (plan_.counts && !(number >= 0 && std::isfinite(number))) {
            const std::uint32_t gene = cells_.places[positions_[i]];
            return refuse(
                line, fmt::format("{} has {}, which is no count", gene_text(plan_, gene), number));
        }
        if (std::isnan(number)) {
            if (out_.missing++ == 0)
                out_.first_missing = where(
                    line,
                    fmt::format("{} has nan", gene_text(plan_, cells_.places[positions_[i]])));
            return {};
        }
        if (plan_.base && std::isinf(number)) {
            const std::uint32_t gene = cells_.places[positions_[i]];
            return refuse(line, fmt::format("{} has {}; its values must be finite: put a number "
                                            "or nothing there",
                                            gene_text(plan_, gene), number));
        }
        if (!(number >= 0 && std::isfinite(number) && std::trunc(number) == number))
            out_.whole = false;
        if (std::isfinite(number)) out_.largest = std::max(out_.largest, std::abs(number));
        return {};
    }

    Result<void> append(std::uint64_t line) {
        if (plan_.coding == LineBlockView::Coding::raw) {
            for (const std::uint64_t position : positions_) {
                const auto* bytes = reinterpret_cast<const std::byte*>(values_ + position);
                raw_.insert(raw_.end(), bytes, bytes + sizeof(T));
            }
            return with_line(builder_.add(ranks_, {}), line);
        }
        std::uint32_t entries = 0;
        if (!own_codes_) {
            bits_.resize(ranks_.size());
            for (std::size_t i = 0; i < bits_.size(); ++i) {
                bits_[i] = 0;
                std::memcpy(&bits_[i], values_ + positions_[i], sizeof(T));
            }
            const auto& distinct = dictionary_.assign(bits_, codes_);
            entries = static_cast<std::uint32_t>(distinct.size());
            for (const std::uint64_t bits : distinct) {
                const auto* bytes = reinterpret_cast<const std::byte*>(&bits);
                dictionary_values_.insert(dictionary_values_.end(), bytes, bytes + sizeof(T));
            }
        }
        dictionary_lengths_.push_back(entries);
        return with_line(builder_.add(ranks_, codes_), line);
    }

    Result<void> with_line(Result<void> done, std::uint64_t line) const {
        if (done) return done;
        return fail(std::move(done.error())
                        .with(fmt::format("{}, {}", plan_.matrix,
                                          cell_text(plan_, cells_.first_line + line))));
    }

    void finish_block(std::uint64_t last_line) {
        PackedCells::Block block;
        block.first_cell = cells_.first_line + last_line + 1 - builder_.line_count();
        if (!dictionary_values_.empty()) {
            const ByteSpan lengths = std::as_bytes(std::span(dictionary_lengths_));
            block.dictionary.assign(lengths.begin(), lengths.end());
            block.dictionary.insert(block.dictionary.end(), dictionary_values_.begin(),
                                    dictionary_values_.end());
        }
        const bool raw = plan_.coding == LineBlockView::Coding::raw;
        block.lines = builder_.finish(raw ? shuffle_and_compress(raw_, sizeof(T)) : Bytes{});
        out_.blocks.push_back(std::move(block));
        dictionary_lengths_.clear();
        dictionary_values_.clear();
        raw_.clear();
    }

    const PackingPlan& plan_;
    LineBlock& cells_;
    T* values_;
    std::vector<std::uint64_t> seen_;  ///< one bit a rank; all zero between lines
    std::vector<std::uint64_t> position_of_rank_;
    std::vector<std::uint32_t> code_of_rank_;
    LineBlockBuilder builder_;
    PackedCells out_;
    std::vector<std::uint32_t> ranks_, codes_, line_codes_, dictionary_lengths_;
    std::vector<std::uint64_t> positions_, bits_;
    Bytes dictionary_values_, raw_;
    Dictionary dictionary_;
    bool own_codes_ = true;
};

template <class T>
Result<PackedCells> pack_as(const PackingPlan& plan, LineBlock& cells) {
    return CellPacker<T>(plan, cells).pack();
}

}  // namespace

std::string cell_text(const PackingPlan& plan, std::uint64_t cell) {
    return with_id("cell", cell, plan.cell_ids);
}
std::string gene_text(const PackingPlan& plan, std::uint64_t gene) {
    return with_id("gene", gene, plan.gene_ids);
}

Result<PackedCells> pack_cells(const PackingPlan& plan, LineBlock& cells) {
    if (cells.values.size() != cells.places.size() * size_of(plan.type))
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{}: cells from {} have {} gene numbers and {} bytes of values",
                        plan.matrix, cells.first_line, cells.places.size(), cells.values.size()));
    switch (plan.type) {
        case ValueType::boolean:
        case ValueType::uint8: return pack_as<std::uint8_t>(plan, cells);
        case ValueType::int8: return pack_as<std::int8_t>(plan, cells);
        case ValueType::int16: return pack_as<std::int16_t>(plan, cells);
        case ValueType::int32: return pack_as<std::int32_t>(plan, cells);
        case ValueType::int64: return pack_as<std::int64_t>(plan, cells);
        case ValueType::uint16: return pack_as<std::uint16_t>(plan, cells);
        case ValueType::uint32: return pack_as<std::uint32_t>(plan, cells);
        case ValueType::uint64: return pack_as<std::uint64_t>(plan, cells);
        case ValueType::float32: return pack_as<float>(plan, cells);
        case ValueType::float64: return pack_as<double>(plan, cells);
    }
    __builtin_unreachable();
}

}  // namespace stroma::expression
