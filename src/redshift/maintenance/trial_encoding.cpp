#include "redshift/maintenance/trial_encoding.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <set>
#include <unordered_set>

namespace stroma::redshift {
namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20, length_bytes = 4;

/// The difference, as far as 64 bits can hold it: wrapped ones come out wide, as they should.
std::uint64_t difference(std::int64_t a, std::int64_t b) {
    return static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b);
}

std::size_t bits_of(std::uint64_t value) { return static_cast<std::size_t>(std::bit_width(value)); }

/// Signed as unsigned, so that small ones of both signs need few bits.
std::uint64_t zigzag(std::uint64_t value) {
    return (value << 1) ^ (value >> 63 != 0 ? ~std::uint64_t{0} : 0);
}

/// Whether a signed number of so many bits holds the value.
bool fits(std::uint64_t value, unsigned bits) {
    const auto number = static_cast<std::int64_t>(value);
    const std::int64_t most = (std::int64_t{1} << (bits - 1)) - 1;
    return number <= most && number >= -most - 1;
}

/// Each value as its difference to the one before, in `bytes`; those that don't fit are kept whole
/// behind a mark.
std::uint64_t bytes_by_delta(const std::vector<std::int64_t>& values, std::size_t width,
                             std::size_t bytes) {
    std::uint64_t total = width;
    for (std::size_t at = 1; at < values.size(); ++at) {
        // The least number of the range is the mark.
        const std::uint64_t delta = difference(values[at], values[at - 1]);
        const bool is_mark =
            static_cast<std::int64_t>(delta) == -(std::int64_t{1} << (8 * bytes - 1));
        const bool is_short = fits(delta, static_cast<unsigned>(8 * bytes)) && !is_mark;
        total += is_short ? bytes : bytes + width;
    }
    return total;
}

/// Each value in `bytes` where it fits, else as it is; a bit for each says which.
std::uint64_t bytes_by_mostly(const std::vector<std::int64_t>& values, std::size_t width,
                              std::size_t bytes) {
    std::uint64_t total = (values.size() + 7) / 8;
    for (const std::int64_t value : values)
        total += fits(static_cast<std::uint64_t>(value), static_cast<unsigned>(8 * bytes)) ? bytes
                                                                                           : width;
    return total;
}

std::uint64_t bytes_by_groups(const std::vector<std::int64_t>& values, std::size_t width) {
    constexpr std::size_t group_values = 64, bits_byte = 1;
    std::uint64_t total = 0;
    for (std::size_t from = 0; from < values.size(); from += group_values) {
        const std::size_t to = std::min(from + group_values, values.size());
        const auto [least, most] = std::minmax_element(values.begin() + static_cast<long>(from),
                                                       values.begin() + static_cast<long>(to));
        const std::size_t by_least = bits_of(difference(*most, *least));
        std::size_t by_last = 0;
        for (std::size_t at = from + 1; at < to; ++at)
            by_last = std::max(by_last, bits_of(zigzag(difference(values[at], values[at - 1]))));
        total += width + bits_byte + ((to - from) * std::min(by_least, by_last) + 7) / 8;
    }
    return total;
}

std::uint64_t bytes_by_zstd(std::string_view raw) {
    std::string packed(ZSTD_compressBound(raw.size()), '\0');
    const std::size_t size = ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), 3);
    return ZSTD_isError(size) != 0 ? raw.size() : size;
}

}  // namespace

void EncodingTrial::add(std::int64_t value) {
    wholes_.push_back(value);
    std::array<char, 8> bytes{};
    std::memcpy(bytes.data(), &value, 8);
    values_.emplace_back(bytes.data(), width_);
    raw_ += values_.back();
    if (raw_.size() >= block_bytes) end_block();
}

void EncodingTrial::add(double value) {
    std::array<char, 8> bytes{};
    const auto narrow = static_cast<float>(value);
    if (width_ == sizeof(narrow))
        std::memcpy(bytes.data(), &narrow, sizeof(narrow));
    else
        std::memcpy(bytes.data(), &value, sizeof(value));
    values_.emplace_back(bytes.data(), width_);
    raw_ += values_.back();
    if (raw_.size() >= block_bytes) end_block();
}

void EncodingTrial::add(std::string_view value) {
    values_.emplace_back(value);
    raw_ += value;
    if (raw_.size() + length_bytes * values_.size() >= block_bytes) end_block();
}

void EncodingTrial::count(std::string_view encoding, std::uint64_t bytes) {
    for (Size& size : sizes_)
        if (size.encoding == encoding) {
            size.bytes += bytes;
            return;
        }
    sizes_.push_back({std::string(encoding), bytes});
}

// Up to 256 values of a block have a code of a byte; the others stand as they are behind one.
std::uint64_t EncodingTrial::bytes_by_dictionary() const {
    const std::size_t extra = kind_ == EncodedKind::text ? length_bytes : 0;
    std::unordered_set<std::string_view> known;
    std::uint64_t total = 0;
    for (const std::string& value : values_) {
        ++total;
        if (known.contains(value)) continue;
        total += value.size() + extra;
        if (known.size() < 256) known.insert(value);
    }
    return total;
}

// Words of a block, in the order in which they come, have codes; what has none stands as it is.
std::uint64_t EncodingTrial::bytes_by_words(std::size_t words_max, std::size_t code_bytes) const {
    std::unordered_set<std::string_view> known;
    std::uint64_t total = 0;
    for (const std::string& value : values_) {
        total += length_bytes;
        const std::string_view text = value;
        for (std::size_t from = 0; from < text.size();) {
            const std::size_t to = std::min(text.find(' ', from), text.size());
            const std::string_view word = text.substr(from, to - from);
            from = to + 1;
            total += code_bytes;
            if (known.contains(word)) continue;
            total += word.size() + 1;
            if (known.size() < words_max) known.insert(word);
        }
    }
    return total;
}

std::uint64_t EncodingTrial::bytes_by_runs() const {
    const std::size_t extra = kind_ == EncodedKind::text ? length_bytes : 0;
    std::uint64_t total = 0;
    for (std::size_t from = 0; from < values_.size();) {
        std::size_t to = from + 1;
        while (to < values_.size() && to - from < 255 && values_[to] == values_[from]) ++to;
        total += values_[from].size() + extra + 1;  // a byte says how often
        from = to;
    }
    return total;
}

void EncodingTrial::count_wholes() {
    for (const std::size_t bytes : {1, 2, 4}) {
        if (bytes >= width_) break;
        count("mostly" + std::to_string(8 * bytes), bytes_by_mostly(wholes_, width_, bytes));
        if (bytes == 1) count("delta", bytes_by_delta(wholes_, width_, bytes));
        if (bytes == 2) count("delta32k", bytes_by_delta(wholes_, width_, bytes));
    }
    count("az64", bytes_by_groups(wholes_, width_));
}

void EncodingTrial::count_texts() {
    count("text255", bytes_by_words(245, 1));
    count("text32k", bytes_by_words(32'768, 2));
}

void EncodingTrial::end_block() {
    if (values_.empty()) return;
    const bool is_text = kind_ == EncodedKind::text;
    const std::uint64_t lengths = is_text ? length_bytes * values_.size() : 0;
    count("raw", raw_.size() + lengths);
    count("runlength", bytes_by_runs());
    if (kind_ == EncodedKind::whole) count_wholes();
    if (is_text) count_texts();
    if (kind_ != EncodedKind::flag) count("bytedict", bytes_by_dictionary());
    if (is_text) {
        // Lengths go through it too.
        std::string whole;
        for (const std::string& value : values_) {
            const auto length = static_cast<std::uint32_t>(value.size());
            whole.append(reinterpret_cast<const char*>(&length), length_bytes);
            whole += value;
        }
        count("zstd", bytes_by_zstd(whole));
    } else {
        count("zstd", bytes_by_zstd(raw_));
    }
    raw_.clear();
    values_.clear();
    wholes_.clear();
}

std::vector<EncodingTrial::Size> EncodingTrial::sizes() {
    end_block();
    return sizes_;
}

EncodingTrial::Size EncodingTrial::best() {
    end_block();
    if (sizes_.empty()) return {"raw", 0};
    const Size& raw = sizes_.front();
    const auto least =
        std::min_element(sizes_.begin(), sizes_.end(),
                         [](const Size& a, const Size& b) { return a.bytes < b.bytes; });
    return least->bytes * 20 <= raw.bytes * 19 ? *least : raw;
}

}  // namespace stroma::redshift
