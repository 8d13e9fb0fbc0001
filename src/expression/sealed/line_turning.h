#pragma once

#include <memory>
#include <vector>

#include "expression/sealed/container.h"
#include "expression/sealed/line_codec.h"

// Lines packed one way, read the other way, a range of places at a time: the transposition.

namespace stroma::expression {

/// A block of packed lines, open.
struct OpenLines {
    BlockBytes bytes;
    LineBlockView view;
    Bytes values;  ///< raw values of all its lines; empty when coded
    std::uint64_t first_line = 0;
};

/// Blocks of packed lines that can be opened in any order, from any thread.
class PackedLines {
public:
    virtual ~PackedLines() = default;
    virtual std::uint64_t line_count() const = 0;
    virtual std::uint32_t place_limit() const = 0;
    virtual std::uint64_t block_count() const = 0;
    virtual Result<OpenLines> open(std::uint64_t block) const = 0;
};

/// One non-zero of a turned line. Payload is a code, or a raw value of that size.
template <class Payload>
struct TurnedEntry {
    std::uint32_t line;
    Payload payload;
};

/// Where a reader that goes through rising ranges of places stands in each line.
using LinePositions = std::vector<LineDecoder::Position>;

/// What a scattering calls: once for each line before its entries, and for each entry.
template <class Payload>
class EntryWatcher {
public:
    virtual ~EntryWatcher() = default;
    virtual Result<void> begin_line(std::uint64_t line) = 0;
    virtual void entries(const std::uint32_t* places, const Payload* payloads,
                         std::size_t count) = 0;
};

/// Puts the entries with places in [begin, end) behind one another, by place and then by line:
/// those of place begin + i start at starts[i], which must have room for them and are moved to
/// their ends. Ranges asked for with the same `positions` must rise. `watcher` may be null.
/// errors  corrupt
template <class Payload>
Result<void> turn_lines(const PackedLines& lines, std::uint32_t begin, std::uint32_t end,
                        LinePositions& positions, std::vector<std::uint64_t>& starts,
                        TurnedEntry<Payload>* entries, std::uint64_t entries_max,
                        EntryWatcher<Payload>* watcher);

}  // namespace stroma::expression
