#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/result.h"
#include "expression/annotated_data.h"
#include "expression/format.h"

// What every writer asks of a by_cell, random-access MatrixSource: which lines to read at once,
// where they lie in the output, and what they add up to.

namespace stroma::expression {

/// Where each cell's stored values begin in the whole matrix: cells + 1 entries, the last is the
/// number of stored values. Counted by reading everything when the source doesn't know.
Result<std::vector<std::uint64_t>> line_starts(MatrixSource& source, const Watch& watch);

/// Consecutive cells.
struct LineRange {
    std::uint64_t first = 0, count = 0;
};

/// Cuts all lines into ranges of about `values` stored values (at least one line each), by the
/// matrix alone, so equal matrices are cut alike on every machine.
std::vector<LineRange> ranges_of_values(std::span<const std::uint64_t> starts,
                                        std::uint64_t values);
/// Cuts `lines` lines into ranges of `lines_each`.
std::vector<LineRange> ranges_of_lines(std::uint64_t lines, std::uint64_t lines_each);

/// Reads a range and checks what every writer relies on: the number of lines, their lengths where
/// `starts` is given, places inside the matrix.
/// errors  corrupt  the source doesn't hold what it said; names the cell
Result<void> read_range(MatrixSource& source, LineRange range,
                        std::span<const std::uint64_t> starts, LineBlock& out);

/// Counts X's non-zeros and sums while blocks are written in any order by any thread. The sum adds
/// each cell's values, then the cells in order, so it is the same for every format and on any
/// number of threads.
class Tally {
public:
    explicit Tally(std::uint64_t cells) : sums_(cells) {}
    /// All lines of the block but the first `skipped`.
    void add(const LineBlock& block, ValueType type, std::uint64_t skipped = 0);
    std::uint64_t nonzeros() const { return nonzeros_; }
    double sum() const;

private:
    std::vector<double> sums_;
    std::mutex mutex_;
    std::uint64_t nonzeros_ = 0;
};

/// Replaces `out` with the block's lines in full: line_count × genes values, row-major, 0 where
/// nothing is stored.
void spread(const LineBlock& block, ValueType type, std::uint64_t genes, Bytes& out);

/// LineBlocks that are used again, so that their memory is touched only once.
class BlockPool {
public:
    std::unique_ptr<LineBlock> take();
    void give_back(std::unique_ptr<LineBlock> block);

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<LineBlock>> free_;
};

/// Checks what a FormatWriter demands of its input: frames as long as the matrices, sources
/// by_cell and random access.
/// errors  invalid_input  names the matrix or the frame
Result<void> check_data(const AnnotatedData& data);
/// The matrix named X. errors  invalid_input  there is none, which this format cannot say
Result<MatrixSource*> main_matrix(const AnnotatedData& data, std::string_view format);

}  // namespace stroma::expression
