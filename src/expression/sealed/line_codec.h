#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "expression/kernels/bit_packing.h"

// Lines (cells or genes) of a sparse matrix as bytes: docs/formats/expression.md, "Lines".

namespace stroma::expression {

/// Appends one line: rising places and, unless empty, a code for each.
/// errors  exhausted  more than 4 GiB in one line
Result<void> append_line(std::span<const std::uint32_t> places,
                         std::span<const std::uint32_t> codes, Bytes& out);

/// One line being decoded chunk by chunk. Safe on any bytes that are followed by packed_slack
/// readable ones: places are always rising and below the limit, or damaged() is true.
class LineDecoder {
public:
    LineDecoder() = default;
    /// `count` places below place_limit (at most 2^31), with or without codes.
    LineDecoder(ByteSpan line, std::uint32_t count, std::uint32_t place_limit, bool with_codes);

    /// Room that `places` and `codes` of next() must have.
    static constexpr std::size_t room = values_per_chunk + unpacked_slack;
    /// Decodes the next chunk and gives its size; 0 at the end or where damage is found.
    /// `codes` may be null to leave them out.
    std::size_t next(std::uint32_t* places, std::uint32_t* codes);
    bool damaged() const { return damaged_; }
    /// Above every code of the chunk that next() gave last.
    std::uint64_t code_limit() const { return code_limit_; }

    /// Where the next chunk begins, so that another decoder of the same line can go on there.
    struct Position {
        std::uint32_t data = 0, chunk = 0, before = ~0u;
    };
    Position position() const;
    void resume(const Position& position);

private:
    std::size_t damage() {
        damaged_ = true;
        remaining_ = 0;
        return 0;
    }
    const std::byte* headers_ = nullptr;
    const std::byte* header_ = nullptr;
    const std::byte* first_data_ = nullptr;
    const std::byte* data_ = nullptr;
    const std::byte* end_ = nullptr;
    std::uint32_t remaining_ = 0;
    std::uint32_t before_ = ~0u;
    std::uint32_t place_limit_ = 0;
    std::uint64_t code_limit_ = 0;
    bool with_codes_ = false;
    bool damaged_ = false;
};

/// Decodes a whole line. places and codes (or null) have room for count + unpacked_slack.
/// False when the bytes are damaged.
bool decode_line(ByteSpan line, std::uint32_t count, std::uint32_t place_limit, bool with_codes,
                 std::uint32_t* places, std::uint32_t* codes);

/// A block of consecutive lines, as stored.
class LineBlockView {
public:
    /// How values are stored: in each line as codes, or behind all lines as raw values.
    enum class Coding : std::uint8_t { codes = 0, raw = 1 };

    /// errors  corrupt  sizes that don't fit each other
    static Result<LineBlockView> parse(ByteSpan block);
    std::uint32_t line_count() const { return line_count_; }
    Coding coding() const { return coding_; }
    std::uint32_t length(std::uint32_t line) const;  ///< non-zeros of a line
    ByteSpan line(std::uint32_t line) const;         ///< its bytes
    /// The compressed raw values; empty when coded.
    ByteSpan raw_values() const { return raw_values_; }
    /// Non-zeros of all lines before that one.
    std::uint64_t values_before(std::uint32_t line) const;
    /// A decoder over one line.
    LineDecoder decoder(std::uint32_t line, std::uint32_t place_limit) const {
        return {this->line(line), length(line), place_limit, coding_ == Coding::codes};
    }

private:
    std::uint32_t line_count_ = 0;
    Coding coding_ = Coding::codes;
    const std::byte* table_ = nullptr;
    ByteSpan lines_, raw_values_;
};

/// Builds such a block line by line.
class LineBlockBuilder {
public:
    explicit LineBlockBuilder(LineBlockView::Coding coding) : coding_(coding) {}
    /// `codes` is empty when coding is raw.
    Result<void> add(std::span<const std::uint32_t> places, std::span<const std::uint32_t> codes);
    std::uint32_t line_count() const { return static_cast<std::uint32_t>(lengths_.size()); }
    /// The block; the builder is empty afterwards.
    Bytes finish(ByteSpan raw_values = {});

private:
    LineBlockView::Coding coding_;
    std::vector<std::uint32_t> lengths_, ends_;
    Bytes lines_;
};

}  // namespace stroma::expression
