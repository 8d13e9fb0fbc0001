#include "expression/sealed/line_codec.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace stroma::expression {
namespace {

// A chunk's two header bytes: the gaps' width; the codes' width and, in the two highest bits,
// what is added to each code.
enum Base : unsigned { base_zero = 0, base_one = 1, base_stored = 2 };
constexpr std::size_t header_size = 2;
constexpr std::size_t block_header_size = 16;
constexpr std::size_t table_entry_size = 8;

std::size_t chunk_count(std::size_t count) {
    return (count + values_per_chunk - 1) / values_per_chunk;
}

void append_packed(const std::uint32_t* values, std::size_t count, unsigned width, Bytes& out) {
    const std::size_t at = out.size();
    out.resize(at + packed_size(count, width));
    pack_bits(values, count, width, out.data() + at);
}

/// Appends the codes of one chunk and returns their header byte.
std::byte append_codes(std::span<const std::uint32_t> codes, Bytes& out) {
    std::uint32_t smallest = ~0u, largest = 0;
    for (const std::uint32_t code : codes) {
        smallest = std::min(smallest, code);
        largest = std::max(largest, code);
    }
    const auto width_with = [&](std::uint32_t base) { return bits_for(largest - base); };
    unsigned kind = smallest == 0 ? base_zero : base_one;
    const std::size_t plain = packed_size(codes.size(), width_with(kind));
    if (packed_size(codes.size(), width_with(smallest)) + 4 < plain) kind = base_stored;
    const std::uint32_t base = kind == base_stored ? smallest : kind;
    if (kind == base_stored) {
        out.resize(out.size() + 4);
        store(out.data() + out.size() - 4, base);
    }
    std::uint32_t rebased[values_per_chunk];
    for (std::size_t i = 0; i < codes.size(); ++i) rebased[i] = codes[i] - base;
    append_packed(rebased, codes.size(), width_with(base), out);
    return static_cast<std::byte>(width_with(base) | kind << 6);
}

}  // namespace

Result<void> append_line(std::span<const std::uint32_t> places,
                         std::span<const std::uint32_t> codes, Bytes& out) {
    assert(codes.empty() || codes.size() == places.size());
    const std::size_t begin = out.size();
    const bool with_codes = !codes.empty();
    out.resize(begin + chunk_count(places.size()) * header_size);
    std::uint32_t before = ~0u;
    std::uint32_t gaps[values_per_chunk];
    for (std::size_t first = 0; first < places.size(); first += values_per_chunk) {
        const std::size_t count = std::min(values_per_chunk, places.size() - first);
        const std::uint32_t* at = places.data() + first;
        std::uint32_t all = gaps[0] = at[0] - before - 1;
        for (std::size_t i = 1; i < count; ++i) {
            gaps[i] = at[i] - at[i - 1] - 1;
            all |= gaps[i];
        }
        // A place that doesn't rise makes a gap that no number of places below 2^31 has.
        assert(bits_for(all) < 32);
        before = at[count - 1];
        const std::size_t header = begin + first / values_per_chunk * header_size;
        out[header] = static_cast<std::byte>(bits_for(all));
        append_packed(gaps, count, bits_for(all), out);
        if (with_codes) {
            const std::byte code_header = append_codes(codes.subspan(first, count), out);
            out[header + 1] = code_header;
        }
    }
    if (out.size() - begin > std::numeric_limits<std::uint32_t>::max())
        return fail(ErrorCode::exhausted, "a line needs more than 4 GiB");
    return {};
}

LineDecoder::LineDecoder(ByteSpan line, std::uint32_t count, std::uint32_t place_limit,
                         bool with_codes)
    : headers_(line.data()),
      header_(line.data()),
      remaining_(count),
      place_limit_(place_limit),
      with_codes_(with_codes) {
    const std::size_t headers = chunk_count(count) * header_size;
    if (headers > line.size()) {
        damage();
        return;
    }
    first_data_ = data_ = line.data() + headers;
    end_ = line.data() + line.size();
}

LineDecoder::Position LineDecoder::position() const {
    return {
        static_cast<std::uint32_t>(data_ - first_data_),
        static_cast<std::uint32_t>((header_ - headers_) / static_cast<std::ptrdiff_t>(header_size)),
        before_};
}

void LineDecoder::resume(const Position& position) {
    if (damaged_) return;
    data_ = first_data_ + position.data;
    header_ = headers_ + position.chunk * header_size;
    before_ = position.before;
    remaining_ -= static_cast<std::uint32_t>(
        std::min<std::uint64_t>(remaining_, std::uint64_t{position.chunk} * values_per_chunk));
}

std::size_t LineDecoder::next(std::uint32_t* places, std::uint32_t* codes) {
    if (remaining_ == 0) return 0;
    const std::size_t count = std::min<std::size_t>(remaining_, values_per_chunk);
    const unsigned gap_width = static_cast<unsigned>(header_[0]);
    const unsigned code_width = static_cast<unsigned>(header_[1]) & 63;
    const unsigned base_kind = static_cast<unsigned>(header_[1]) >> 6;
    const std::size_t gap_bytes = packed_size(count, gap_width);
    std::size_t chunk_bytes = gap_bytes;
    if (with_codes_)
        chunk_bytes += packed_size(count, code_width) + (base_kind == base_stored ? 4 : 0);
    if (gap_width > 31 || code_width > 32 || chunk_bytes > static_cast<std::size_t>(end_ - data_))
        return damage();
    // Up to 24 bits a gap, a chunk's places can't pass 2^32, so the last one tells for all.
    unpack_places(data_, count, gap_width, before_, places);
    if (gap_width > 24)
        for (std::size_t i = 1; i < count; ++i)
            if (places[i] <= places[i - 1]) return damage();
    if (places[count - 1] >= place_limit_ || (before_ != ~0u && places[0] <= before_))
        return damage();
    if (with_codes_ && codes != nullptr) {
        const std::byte* from = data_ + gap_bytes;
        std::uint32_t base = base_kind;
        if (base_kind == base_stored) {
            base = load<std::uint32_t>(from);
            from += 4;
        }
        unpack_bits(from, count, code_width, base, codes);
        // A base and a code that pass 2^32 together are damage; they come round to small codes.
        code_limit_ = std::uint64_t{base} + (std::uint64_t{1} << code_width);
    }
    before_ = places[count - 1];
    data_ += chunk_bytes;
    header_ += header_size;
    remaining_ -= static_cast<std::uint32_t>(count);
    if (remaining_ == 0 && data_ != end_) return damage();
    return count;
}

bool decode_line(ByteSpan line, std::uint32_t count, std::uint32_t place_limit, bool with_codes,
                 std::uint32_t* places, std::uint32_t* codes) {
    LineDecoder decoder(line, count, place_limit, with_codes);
    while (const std::size_t got = decoder.next(places, codes)) {
        places += got;
        if (codes != nullptr) codes += got;
    }
    return !decoder.damaged();
}

Result<LineBlockView> LineBlockView::parse(ByteSpan block) {
    const auto damaged = [](const char* what) { return fail(ErrorCode::corrupt, what); };
    if (block.size() < block_header_size) return damaged("a block of lines without its header");
    LineBlockView view;
    view.line_count_ = load<std::uint32_t>(block.data());
    const auto coding = static_cast<std::uint8_t>(block[4]);
    if (coding > 1) return damaged("a block of lines with an unknown coding");
    view.coding_ = static_cast<Coding>(coding);
    const auto raw_size = load<std::uint64_t>(block.data() + 8);
    const std::uint64_t table_size = std::uint64_t{view.line_count_} * table_entry_size;
    const std::uint64_t after_header = block.size() - block_header_size;
    if (table_size > after_header || raw_size > after_header - table_size)
        return damaged("a block of lines that is shorter than its tables");
    view.table_ = block.data() + block_header_size;
    view.lines_ =
        block.subspan(block_header_size + table_size, after_header - table_size - raw_size);
    view.raw_values_ = block.last(raw_size);
    std::uint32_t before = 0;
    for (std::uint32_t i = 0; i < view.line_count_; ++i) {
        const auto end = load<std::uint32_t>(view.table_ + i * table_entry_size + 4);
        if (end < before || end > view.lines_.size())
            return damaged("a block of lines whose ends fall");
        const std::size_t length = load<std::uint32_t>(view.table_ + i * table_entry_size);
        if (chunk_count(length) * header_size > end - before)
            return damaged("a block of lines that is shorter than its lines");
        before = end;
    }
    if (before != view.lines_.size()) return damaged("a block of lines that is too long");
    return view;
}

std::uint32_t LineBlockView::length(std::uint32_t line) const {
    assert(line < line_count_);
    return load<std::uint32_t>(table_ + line * table_entry_size);
}

ByteSpan LineBlockView::line(std::uint32_t line) const {
    assert(line < line_count_);
    const std::byte* entry = table_ + line * table_entry_size;
    const std::uint32_t begin = line == 0 ? 0 : load<std::uint32_t>(entry - 4);
    return lines_.subspan(begin, load<std::uint32_t>(entry + 4) - begin);
}

std::uint64_t LineBlockView::values_before(std::uint32_t line) const {
    std::uint64_t count = 0;
    for (std::uint32_t i = 0; i < line; ++i) count += length(i);
    return count;
}

Result<void> LineBlockBuilder::add(std::span<const std::uint32_t> places,
                                   std::span<const std::uint32_t> codes) {
    TRY(append_line(places, codes, lines_));
    if (lines_.size() > std::numeric_limits<std::uint32_t>::max())
        return fail(ErrorCode::exhausted, "a block of lines needs more than 4 GiB");
    lengths_.push_back(static_cast<std::uint32_t>(places.size()));
    ends_.push_back(static_cast<std::uint32_t>(lines_.size()));
    return {};
}

Bytes LineBlockBuilder::finish(ByteSpan raw_values) {
    Bytes block(block_header_size + lengths_.size() * table_entry_size);
    block.reserve(block.size() + lines_.size() + raw_values.size());
    store(block.data(), static_cast<std::uint32_t>(lengths_.size()));
    block[4] = static_cast<std::byte>(coding_);
    store(block.data() + 8, static_cast<std::uint64_t>(raw_values.size()));
    for (std::size_t i = 0; i < lengths_.size(); ++i) {
        std::byte* entry = block.data() + block_header_size + i * table_entry_size;
        store(entry, lengths_[i]);
        store(entry + 4, ends_[i]);
    }
    block.insert(block.end(), lines_.begin(), lines_.end());
    block.insert(block.end(), raw_values.begin(), raw_values.end());
    lengths_.clear();
    ends_.clear();
    lines_.clear();
    return block;
}

}  // namespace stroma::expression
