#include "expression/output/matrix_lines.h"

#include <algorithm>
#include <cassert>

#include "base/threads.h"
#include "expression/output/ordered_work.h"
#include "expression/output/value_types.h"

namespace stroma::expression {
namespace {

Error wrong_source(std::uint64_t cell, std::string_view what) {
    return {ErrorCode::corrupt,
            "the matrix read for cell " + std::to_string(cell) + " " + std::string(what)};
}

/// The values' sum in four lanes, whose order is fixed, so it can be fast and is always the same.
template <class T>
double sum_of(const T* values, std::uint64_t count, std::uint64_t& nonzeros) {
    double lanes[4] = {};
    std::uint64_t seen = 0, at = 0;
    for (; at + 4 <= count; at += 4)
        for (std::uint64_t lane = 0; lane < 4; ++lane) {
            lanes[lane] += static_cast<double>(values[at + lane]);
            seen += values[at + lane] != T{};
        }
    for (; at < count; ++at) {
        lanes[0] += static_cast<double>(values[at]);
        seen += values[at] != T{};
    }
    nonzeros += seen;
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

Result<std::vector<std::uint64_t>> counted_starts(MatrixSource& source, const Watch& watch) {
    std::vector<std::uint64_t> starts(source.cell_count() + 1);
    const std::uint64_t lines = std::max<std::uint64_t>(1, source.lines_per_read());
    const auto ranges = ranges_of_lines(source.cell_count(), std::min<std::uint64_t>(lines, 1024));
    BlockPool pool;
    const Progress progress(watch, 0);
    const auto count = [&](std::size_t i) -> Result<void> {
        TRY(progress.check());
        auto block = pool.take();
        TRY(read_range(source, ranges[i], {}, *block));
        for (std::uint64_t line = 0; line < ranges[i].count; ++line)
            starts[ranges[i].first + line + 1] = block->starts[line + 1] - block->starts[line];
        pool.give_back(std::move(block));
        return {};
    };
    TRY(parallel_for(ranges.size(), count));
    for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
    return starts;
}

Result<void> check_frame(const Frame& frame, std::string_view name, std::uint64_t rows) {
    if (frame.row_count() != rows)
        return fail(ErrorCode::invalid_input,
                    std::string(name) + " has " + std::to_string(frame.row_count()) +
                        " rows where its matrices have " + std::to_string(rows));
    for (const Column& column : frame.columns)
        if (column.size() != rows)
            return fail(ErrorCode::invalid_input, std::string(name) + "/" + column.name + " has " +
                                                      std::to_string(column.size()) +
                                                      " values for " + std::to_string(rows) +
                                                      " rows");
    return {};
}

}  // namespace

Result<std::vector<std::uint64_t>> line_starts(MatrixSource& source, const Watch& watch) {
    const auto lengths = source.line_lengths();
    if (!lengths) return counted_starts(source, watch);
    if (lengths->size() != source.cell_count())
        return fail(wrong_source(lengths->size(), "has no length"));
    std::vector<std::uint64_t> starts(lengths->size() + 1);
    for (std::size_t i = 0; i < lengths->size(); ++i) starts[i + 1] = starts[i] + (*lengths)[i];
    return starts;
}

std::vector<LineRange> ranges_of_values(std::span<const std::uint64_t> starts,
                                        std::uint64_t values) {
    std::vector<LineRange> ranges;
    const std::uint64_t lines = starts.size() - 1;
    for (std::uint64_t first = 0; first < lines;) {
        const auto past = std::upper_bound(starts.begin() + static_cast<std::ptrdiff_t>(first),
                                           starts.end(), starts[first] + values);
        const auto end = static_cast<std::uint64_t>(past - starts.begin()) - 1;
        // Empty lines cost nothing but their number; bound it all the same.
        const std::uint64_t next = std::min(std::max(end, first + 1), first + 65'536);
        ranges.push_back({first, next - first});
        first = next;
    }
    return ranges;
}

std::vector<LineRange> ranges_of_lines(std::uint64_t lines, std::uint64_t lines_each) {
    assert(lines_each > 0);
    std::vector<LineRange> ranges;
    for (std::uint64_t first = 0; first < lines; first += lines_each)
        ranges.push_back({first, std::min(lines_each, lines - first)});
    return ranges;
}

Result<void> read_range(MatrixSource& source, LineRange range,
                        std::span<const std::uint64_t> starts, LineBlock& out) {
    TRY(source.read_lines(range.first, range.count, out));
    if (out.line_count() != range.count || out.starts.front() != 0)
        return fail(wrong_source(range.first, "has another number of cells"));
    for (std::uint64_t line = 0; line < range.count; ++line) {
        const std::uint64_t cell = range.first + line;
        if (out.starts[line] > out.starts[line + 1] ||
            (!starts.empty() &&
             out.starts[line + 1] - out.starts[line] != starts[cell + 1] - starts[cell]))
            return fail(wrong_source(cell, "has another length than was said"));
    }
    if (out.places.size() != out.starts.back() ||
        out.values.size() != out.places.size() * size_of(source.value_type()))
        return fail(wrong_source(range.first, "has another number of values than of places"));
    std::uint32_t highest = 0;
    for (const std::uint32_t place : out.places) highest = std::max(highest, place);
    if (!out.places.empty() && highest >= source.gene_count())
        return fail(
            wrong_source(range.first, "names gene " + std::to_string(highest) + ", past the last"));
    return {};
}

void Tally::add(const LineBlock& block, ValueType type, std::uint64_t skipped) {
    assert(block.first_line + block.line_count() <= sums_.size());
    std::uint64_t nonzeros = 0;
    with_type(type, [&]<class T>(std::type_identity<T>) {
        for (std::uint64_t line = skipped; line < block.line_count(); ++line)
            sums_[block.first_line + line] =
                sum_of(block.values_as<T>() + block.starts[line],
                       block.starts[line + 1] - block.starts[line], nonzeros);
    });
    const std::lock_guard lock(mutex_);
    nonzeros_ += nonzeros;
}

double Tally::sum() const {
    double sum = 0;
    for (const double cell : sums_) sum += cell;
    return sum;
}

void spread(const LineBlock& block, ValueType type, std::uint64_t genes, Bytes& out) {
    out.assign(block.line_count() * genes * size_of(type), std::byte{0});
    with_type(type, [&]<class T>(std::type_identity<T>) {
        T* const lines = reinterpret_cast<T*>(out.data());
        const T* const values = block.values_as<T>();
        for (std::uint64_t line = 0; line < block.line_count(); ++line)
            for (std::uint64_t at = block.starts[line]; at < block.starts[line + 1]; ++at)
                lines[line * genes + block.places[at]] = values[at];
    });
}

std::unique_ptr<LineBlock> BlockPool::take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<LineBlock>();
    auto block = std::move(free_.back());
    free_.pop_back();
    return block;
}

void BlockPool::give_back(std::unique_ptr<LineBlock> block) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(block));
}

Result<void> check_data(const AnnotatedData& data) {
    const std::uint64_t cells = data.obs.row_count();
    TRY(check_frame(data.obs, "obs", cells));
    TRY(check_frame(data.var, "var", data.var.row_count()));
    if (data.raw_var) TRY(check_frame(*data.raw_var, "raw.var", data.raw_var->row_count()));
    for (const NamedMatrix& matrix : data.matrices) {
        const bool raw = matrix.name == "raw.X";
        if (raw && !data.raw_var)
            return fail(ErrorCode::invalid_input, "raw.X has no raw.var to name its genes");
        const std::uint64_t genes = raw ? data.raw_var->row_count() : data.var.row_count();
        const MatrixSource& source = *matrix.source;
        if (source.cell_count() != cells || source.gene_count() != genes)
            return fail(ErrorCode::invalid_input,
                        matrix.name + " is " + std::to_string(source.cell_count()) + " × " +
                            std::to_string(source.gene_count()) + " where obs and var say " +
                            std::to_string(cells) + " × " + std::to_string(genes));
        if (source.order() != Order::by_cell || !source.is_random_access())
            return fail(ErrorCode::invalid_input,
                        matrix.name + " cannot be read cell by cell in any order; import it first");
    }
    return {};
}

Result<MatrixSource*> main_matrix(const AnnotatedData& data, std::string_view format) {
    const NamedMatrix* matrix = data.find("X");
    if (matrix == nullptr)
        return fail(ErrorCode::invalid_input,
                    "the dataset has no X, without which there is no " + std::string(format));
    return matrix->source.get();
}

}  // namespace stroma::expression
