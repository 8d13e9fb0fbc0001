#include "expression/text/triplets.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <span>

namespace stroma::expression {
namespace {

struct Place {
    std::uint32_t place;
    double value;
};

/// One line under construction in an output block.
void put_line(std::vector<Place>& line, ValueType type, LineBlock& out) {
    const auto before = [](const Place& a, const Place& b) { return a.place < b.place; };
    if (!std::is_sorted(line.begin(), line.end(), before))
        std::stable_sort(line.begin(), line.end(), before);
    const std::size_t width = size_of(type);
    std::size_t at = out.values.size();
    out.values.resize(at + line.size() * width);
    for (const Place& entry : line) {
        out.places.push_back(entry.place);
        store_value(out.values.data() + at, type, entry.value);
        at += width;
    }
    out.starts.push_back(out.places.size());
    line.clear();
}

class TripletSource final : public MatrixSource {
public:
    TripletSource(std::unique_ptr<TripletReader> reader, TripletSurvey survey, std::uint64_t cells,
                  std::uint64_t genes, std::uint64_t memory_bytes)
        : reader_(std::move(reader)),
          order_(survey.rises_by_cell || !survey.rises_by_gene ? Order::by_cell : Order::by_gene),
          is_sorted_(survey.rises_by_cell || survey.rises_by_gene),
          type_(survey.values.type()),
          cells_(cells),
          genes_(genes),
          nonzeros_(survey.count),
          entries_max_(std::max<std::uint64_t>(memory_bytes / sizeof(Triplet) / 2, 1)) {
        lengths_ =
            order_ == Order::by_cell ? std::move(survey.per_cell) : std::move(survey.per_gene);
        lengths_.resize(line_count());
    }
    std::uint64_t cell_count() const override { return cells_; }
    std::uint64_t gene_count() const override { return genes_; }
    ValueType value_type() const override { return type_; }
    Order order() const override { return order_; }
    std::optional<std::uint64_t> nonzero_count() const override { return nonzeros_; }
    std::optional<std::vector<std::uint32_t>> line_lengths() const override { return lengths_; }
    bool is_random_access() const override { return false; }
    std::uint64_t lines_per_read() const override {
        const std::uint64_t mean = nonzeros_ / std::max<std::uint64_t>(line_count(), 1) + 1;
        return std::clamp<std::uint64_t>((1u << 20) / mean, 1, 65536);
    }

    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        assert(first + count <= line_count());
        if (first == 0 && next_line_ != 0) TRY(start_over());
        assert(first == next_line_);
        out.first_line = first;
        out.starts.assign(1, 0);
        out.places.clear();
        out.values.clear();
        for (std::uint64_t line = first; line < first + count; ++line) {
            TRY(is_sorted_ ? stream_line(line) : gathered_line(line));
            if (line_.size() != lengths_[line])
                return fail(ErrorCode::invalid_input, "the file changed while it was read");
            put_line(line_, type_, out);
        }
        next_line_ = first + count;
        return {};
    }

private:
    std::uint32_t line_of(const Triplet& t) const {
        return order_ == Order::by_cell ? t.cell : t.gene;
    }
    std::uint32_t place_of(const Triplet& t) const {
        return order_ == Order::by_cell ? t.gene : t.cell;
    }
    Result<void> start_over() {
        next_line_ = 0;
        block_.clear();
        at_ = 0;
        range_first_ = range_end_ = 0;
        return reader_->rewind();
    }
    Result<void> stream_line(std::uint64_t line) {
        for (std::uint32_t left = lengths_[line]; left > 0; --left) {
            if (at_ == block_.size()) {
                at_ = 0;
                block_.clear();
                if (!TRY(reader_->next(block_))) return {};
                if (block_.empty()) {
                    ++left;
                    continue;
                }
            }
            if (line_of(block_[at_]) != line) return {};
            line_.push_back({place_of(block_[at_]), block_[at_].value});
            ++at_;
        }
        return {};
    }
    Result<void> gathered_line(std::uint64_t line) {
        if (line >= range_end_) TRY(gather(line));
        const std::uint64_t begin = range_starts_[line - range_first_];
        const std::uint64_t end = range_starts_[line - range_first_ + 1];
        line_.assign(gathered_.begin() + static_cast<std::ptrdiff_t>(begin),
                     gathered_.begin() + static_cast<std::ptrdiff_t>(end));
        return {};
    }
    /// Reads the file once more and keeps the lines from `first` on that fit into memory.
    Result<void> gather(std::uint64_t first) {
        range_first_ = range_end_ = first;
        range_starts_.assign(1, 0);
        while (
            range_end_ < line_count() &&
            (range_end_ == first || range_starts_.back() + lengths_[range_end_] <= entries_max_)) {
            range_starts_.push_back(range_starts_.back() + lengths_[range_end_]);
            ++range_end_;
        }
        gathered_.resize(range_starts_.back());
        std::vector<std::uint64_t> next(range_starts_.begin(), range_starts_.end() - 1);
        TRY(reader_->rewind());
        while (TRY(reader_->next(block_)))
            for (const Triplet& t : block_) {
                const std::uint64_t line = line_of(t);
                if (line < range_first_ || line >= range_end_) continue;
                std::uint64_t& to = next[line - range_first_];
                if (to == range_starts_[line - range_first_ + 1])
                    return fail(ErrorCode::invalid_input, "the file changed while it was read");
                gathered_[to++] = {place_of(t), t.value};
            }
        return {};
    }

    std::unique_ptr<TripletReader> reader_;
    Order order_;
    bool is_sorted_;
    ValueType type_;
    std::uint64_t cells_, genes_, nonzeros_, entries_max_;
    std::vector<std::uint32_t> lengths_;
    std::uint64_t next_line_ = 0;
    std::vector<Triplet> block_;
    std::size_t at_ = 0;
    std::vector<Place> line_;
    std::uint64_t range_first_ = 0, range_end_ = 0;
    std::vector<std::uint64_t> range_starts_;
    std::vector<Place> gathered_;
};

void count_one(std::vector<std::uint32_t>& counts, std::uint32_t number) {
    if (number >= counts.size()) counts.resize(std::size_t{number} + 1);
    ++counts[number];
}

}  // namespace

void TripletSurvey::add(const std::vector<Triplet>& triplets) {
    for (const Triplet& t : triplets) {
        count_one(per_cell, t.cell);
        count_one(per_gene, t.gene);
        rises_by_cell &= t.cell >= last_cell_;
        rises_by_gene &= t.gene >= last_gene_;
        last_cell_ = t.cell;
        last_gene_ = t.gene;
    }
    count += triplets.size();
}

std::unique_ptr<MatrixSource> source_of_triplets(std::unique_ptr<TripletReader> reader,
                                                 TripletSurvey survey, std::uint64_t cells,
                                                 std::uint64_t genes, std::uint64_t memory_bytes) {
    return std::make_unique<TripletSource>(std::move(reader), std::move(survey), cells, genes,
                                           memory_bytes);
}

}  // namespace stroma::expression
