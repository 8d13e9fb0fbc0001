#include "expression/sealed/cell_adder.h"

namespace stroma::expression {
namespace {

// Codes above these are rare, in counts and in dictionaries.
constexpr std::uint32_t code_entries_max = 4096;
// Nearly all codes of counts are below this: made ahead, so that most chunks need no look.
constexpr std::uint32_t entries_ahead = 8;

}  // namespace

CellAdder::CellAdder(const StoredMatrix& matrix, Scale scale, const FixedPoint& fixed,
                     const std::vector<double>* totals)
    : matrix_(matrix),
      scale_(scale),
      fixed_(fixed),
      totals_(totals),
      sums_(matrix.gene_count()),
      entries_(code_entries_max),
      made_(code_entries_max) {}

double CellAdder::value_of(std::uint32_t code) const {
    if (dictionary_ == nullptr) return scaled(static_cast<double>(code), scale_, total_);
    const ValueType type = matrix_.record_.summary.type;
    std::uint64_t bits = 0;
    std::memcpy(&bits, dictionary_ + std::size_t{code} * size_of(type), size_of(type));
    return scaled(number_of(bits, type), scale_, total_);
}

FixedSums* CellAdder::direct() {
    if (direct_.empty()) direct_.resize(sums_.size());
    return direct_.data();
}

bool CellAdder::make_entry(std::uint32_t code) {
    FixedSums one;
    one.add(value_of(code), fixed_);
    const std::optional<SumLanes> lanes = lanes_of(one);
    if (!lanes) return false;
    entries_[code] = *lanes;
    made_[code] = table_;
    return true;
}

bool CellAdder::make_entries(const std::uint32_t* codes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        if (codes[i] >= code_entries_max || (made_[codes[i]] != table_ && !make_entry(codes[i])))
            return false;
    return true;
}

/// Begins the table of that cell's entries, unless the last one's serves it too.
void CellAdder::enter(std::uint32_t cell) {
    if (totals_ != nullptr) total_ = (*totals_)[cell];
    const bool own_codes = dictionary_ == nullptr;
    const bool same = own_codes && own_codes_made_ && scale_ != Scale::log_cp10k;
    own_codes_made_ = own_codes;
    if (same) return;
    ++table_;
    if (own_codes)
        for (std::uint32_t code = 0; code < entries_ahead; ++code) make_entry(code);
}

void CellAdder::add_raw(std::uint32_t line) {
    const ValueType type = matrix_.record_.summary.type;
    const std::size_t size = size_of(type);
    const std::byte* value = open_.values.data() + open_.value_starts[line] * size;
    std::uint32_t ranks[LineDecoder::room];
    FixedSums* sums = direct();
    LineDecoder decoder = open_.view.decoder(line, matrix_.gene_count());
    while (const std::size_t count = decoder.next(ranks, nullptr))
        for (std::size_t i = 0; i < count; ++i, value += size) {
            std::uint64_t bits = 0;
            std::memcpy(&bits, value, size);
            sums[ranks[i]].add(scaled(number_of(bits, type), scale_, total_), fixed_);
        }
    damaged_ = decoder.damaged();
}

void CellAdder::add_coded(std::uint32_t line) {
    std::uint32_t ranks[LineDecoder::room], codes[LineDecoder::room];
    LineDecoder decoder = open_.view.decoder(line, matrix_.gene_count());
    while (const std::size_t count = decoder.next(ranks, codes)) {
        if (dictionary_ != nullptr && decoder.code_limit() > dictionary_size_)
            for (std::size_t i = 0; i < count; ++i)
                if (codes[i] >= dictionary_size_) {
                    damaged_ = true;
                    return;
                }
        const bool ahead = dictionary_ == nullptr && decoder.code_limit() <= entries_ahead;
        if (ahead || make_entries(codes, count)) {
            add_lanes(ranks, codes, count, entries_.data(), sums_.data());
            continue;
        }
        FixedSums* sums = direct();
        for (std::size_t i = 0; i < count; ++i) sums[ranks[i]].add(value_of(codes[i]), fixed_);
    }
    damaged_ = decoder.damaged();
}

Result<void> CellAdder::add_cell(std::uint32_t cell) {
    const std::uint32_t line = TRY(matrix_.open_cell(cell, open_));
    dictionary_ = nullptr;
    if (open_.dictionary) {
        const std::uint64_t begin = open_.dictionary_starts[line];
        const std::uint64_t bytes = open_.dictionary_starts[line + 1] - begin;
        if (bytes > 0) dictionary_ = open_.dictionary->bytes().data() + begin;
        dictionary_size_ = bytes / size_of(matrix_.record_.summary.type);
    }
    if (matrix_.record_.coding == LineBlockView::Coding::raw) {
        if (totals_ != nullptr) total_ = (*totals_)[cell];
        add_raw(line);
    } else {
        enter(cell);
        add_coded(line);
    }
    if (damaged_)
        return fail(
            matrix_.container_->damage(*matrix_.by_cell_, open_.number, "a cell is damaged"));
    return {};
}

Result<void> CellAdder::add(std::span<const std::uint32_t> cells) {
    for (const std::uint32_t cell : cells) TRY(add_cell(cell));
    return {};
}

void CellAdder::flush(FixedSums* to) {
    flush_lanes(sums_, to);
    for (std::size_t rank = 0; rank < direct_.size(); ++rank) to[rank] += direct_[rank];
    direct_.clear();
}

}  // namespace stroma::expression
