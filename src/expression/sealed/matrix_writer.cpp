#include "expression/sealed/matrix_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/threads.h"
#include "base/usual_or_tiny.h"
#include "expression/sealed/cell_packing.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t values_per_block = usual_or_tiny(8192u, 6u);
constexpr std::uint64_t values_per_task = 512 << 10;
constexpr std::uint64_t values_sampled = 4 << 20;
constexpr std::uint64_t sample_spots = 32;

/// What a part of the cells tells of the whole matrix.
struct Sample {
    std::vector<LineBlock> blocks;
    std::uint64_t lines = 0, values = 0;
    double values_per_line() const {
        return lines == 0 ? 1 : std::max(1.0, double(values) / double(lines));
    }
    Result<void> read(MatrixSource& source, std::uint64_t first, std::uint64_t count) {
        LineBlock block;
        TRY(source.read_lines(first, count, block));
        if (block.line_count() != count)
            return fail(ErrorCode::invalid_input,
                        fmt::format("the matrix gave {} lines from {}; {} were asked for",
                                    block.line_count(), first, count));
        lines += count;
        values += block.places.size();
        blocks.push_back(std::move(block));
        return {};
    }
};

/// From anywhere when the source can, else its first lines (which are then packed from here).
Result<Sample> take_sample(MatrixSource& source) {
    Sample sample;
    const std::uint64_t cells = source.line_count();
    if (!source.is_random_access()) {
        const std::uint64_t step = std::max<std::uint64_t>(1, source.lines_per_read());
        while (sample.lines < cells && sample.values < values_sampled)
            TRY(sample.read(source, sample.lines, std::min(step, cells - sample.lines)));
        return sample;
    }
    TRY(sample.read(source, 0, std::min<std::uint64_t>(cells, 16)));
    const auto wanted =
        static_cast<std::uint64_t>(double(values_sampled) / sample.values_per_line());
    if (wanted >= cells) {
        sample = {};
        TRY(sample.read(source, 0, cells));
        return sample;
    }
    const std::uint64_t each = std::max<std::uint64_t>(1, wanted / sample_spots);
    for (std::uint64_t spot = 0; spot < sample_spots; ++spot) {
        const std::uint64_t first = cells * spot / sample_spots;
        TRY(sample.read(source, first, std::min(each, cells - first)));
    }
    return sample;
}

/// Genes by falling detection in the sample; those equally often found stay in their order.
std::vector<std::uint32_t> genes_by_detection(const Sample& sample, std::uint64_t genes) {
    std::vector<std::uint32_t> cells_of(genes);
    for (const LineBlock& block : sample.blocks)
        for (const std::uint32_t gene : block.places)
            if (gene < genes) ++cells_of[gene];
    std::vector<std::uint32_t> order(genes);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return cells_of[a] > cells_of[b]; });
    return order;
}

/// Codes where every value is its own, as they are read fastest; else the smaller, the sample
/// packed both ways. By gene a code costs about as much again.
Result<LineBlockView::Coding> choose_coding(PackingPlan plan, const Sample& sample) {
    std::uint64_t sizes[2] = {0, 0};
    bool own_codes = true;
    plan.counts = false;
    for (const auto coding : {LineBlockView::Coding::codes, LineBlockView::Coding::raw}) {
        plan.coding = coding;
        std::uint64_t values = 0;
        for (const LineBlock& block : sample.blocks) {
            LineBlock copy = block;
            const PackedCells packed = TRY(pack_cells(plan, copy));
            for (const auto& part : packed.blocks) {
                sizes[static_cast<int>(coding)] += 2 * part.lines.size() + part.dictionary.size();
                own_codes = own_codes && part.dictionary.empty();
            }
            values += block.places.size();
            if (values > values_sampled / 8) break;
        }
        if (own_codes) return LineBlockView::Coding::codes;
    }
    return sizes[1] < sizes[0] ? LineBlockView::Coding::raw : LineBlockView::Coding::codes;
}

class CellWriter {
public:
    CellWriter(const MatrixInput& input, ContainerWriter& container, const SealOptions& options,
               const Watch& watch)
        : source_(*input.matrix->source),
          input_(input),
          container_(container),
          options_(options),
          watch_(watch) {}

    Result<void> write() {
        Sample sample = TRY(take_sample(source_));
        TRY(plan(sample));
        by_cell_ = container_.add_section(matrix_section(input_.number, "by_cell"));
        dictionary_ = container_.add_section(matrix_section(input_.number, "dictionary"));
        cells_of_rank_.resize(plan_.genes);
        if (source_.is_random_access())
            TRY(write_random_access());
        else
            TRY(write_in_order(std::move(sample)));
        TRY(check_missing());
        if (!has_dictionary_) container_.drop_empty_blocks(dictionary_);
        TRY(container_.add_bytes(matrix_section(input_.number, "cell_lengths"),
                                 std::as_bytes(std::span(lengths_))));
        return container_.add_bytes(matrix_section(input_.number, "cell_totals"),
                                    std::as_bytes(std::span(totals_)));
    }

    MatrixRecord record() const {
        MatrixRecord record;
        MatrixSummary& summary = record.summary;
        summary.name = input_.matrix->name;
        summary.unit = input_.matrix->unit;
        if (summary.unit == Unit::counts && !whole_) summary.unit = Unit::normalised;
        summary.type = source_.value_type();
        summary.genes = plan_.genes;
        for (const std::uint32_t length : lengths_) summary.nonzeros += length;
        for (const double total : totals_) summary.sum += total;
        const bool has_zeros = summary.nonzeros < lengths_.size() * plan_.genes;
        const bool is_empty = summary.nonzeros == 0 || min_ > max_;
        summary.min = is_empty ? 0 : has_zeros ? std::min(0.0, min_) : min_;
        summary.max = is_empty ? 0 : has_zeros ? std::max(0.0, max_) : max_;
        summary.whole_numbers = whole_ && missing_ == 0;
        summary.missing = missing_;
        summary.bytes_by_cell =
            container_.stored_bytes(by_cell_) + container_.stored_bytes(dictionary_);
        record.cells = source_.cell_count();
        record.was_dense = source_.was_dense();
        record.coding = plan_.coding;
        record.largest = largest_;
        record.fixed = FixedPoint::for_values(largest_, whole_ && missing_ == 0);
        return record;
    }

    std::uint32_t by_cell() const { return by_cell_; }
    std::optional<std::uint32_t> dictionary() const {
        if (!has_dictionary_) return std::nullopt;
        return dictionary_;
    }
    std::vector<std::uint32_t> cells_of_rank() const { return cells_of_rank_; }
    const std::vector<std::uint32_t>& gene_of_rank() const { return gene_of_rank_; }

private:
    Result<void> plan(const Sample& sample) {
        plan_.matrix = input_.matrix->name;
        plan_.cell_ids = input_.cell_ids;
        plan_.gene_ids = input_.gene_ids;
        plan_.type = source_.value_type();
        plan_.genes = source_.gene_count();
        plan_.counts =
            input_.matrix->unit == Unit::counts || input_.matrix->unit == Unit::expected_counts;
        // What everything is counted from holds no infinity; a layer may (velocities do).
        plan_.base = (input_.matrix->name == "X" || input_.matrix->name == "raw.X") &&
                     input_.matrix->unit != Unit::scaled;
        plan_.sum_duplicates = options_.sum_duplicates;
        const double per_line = sample.values_per_line();
        plan_.lines_per_block = static_cast<std::uint32_t>(
            std::clamp(double(values_per_block) / per_line, 1.0, 1024.0));
        gene_of_rank_ = genes_by_detection(sample, plan_.genes);
        plan_.rank_of_gene.resize(plan_.genes);
        for (std::uint32_t rank = 0; rank < plan_.genes; ++rank)
            plan_.rank_of_gene[gene_of_rank_[rank]] = rank;
        // A wrong cell is told by the packing proper, which names the first one.
        plan_.coding = choose_coding(plan_, sample).value_or(LineBlockView::Coding::codes);
        lines_per_task_ = task_lines(per_line);
        return {};
    }

    /// A multiple of lines_per_block, and of what the source likes where memory allows it.
    std::uint64_t task_lines(double per_line) const {
        const std::uint64_t blocks = plan_.lines_per_block;
        const double value_size = 4.0 + double(size_of(plan_.type));
        const double most =
            double(options_.memory_bytes) / 4 / double(thread_count()) / (per_line * value_size);
        const double liked =
            std::max(double(values_per_task) / per_line, double(source_.lines_per_read()));
        const auto lines = static_cast<std::uint64_t>(std::max(1.0, std::min(liked, most)));
        return (lines + blocks - 1) / blocks * blocks;
    }

    Result<void> write_random_access() {
        const std::uint64_t cells = source_.line_count();
        const std::uint64_t tasks = (cells + lines_per_task_ - 1) / lines_per_task_;
        const std::uint64_t wave = thread_count() * 4;
        std::vector<PackedCells> before;
        for (std::uint64_t first = 0; first < tasks; first += wave) {
            TRY(stop_if_cancelled(watch_));
            std::vector<PackedCells> packed(std::min(wave, tasks - first));
            // The first writes what the others of the wave before have packed.
            const auto work = [&](std::size_t i) -> Result<void> {
                if (i == 0) return append_all(before);
                const std::uint64_t begin = (first + i - 1) * lines_per_task_;
                LineBlock lines = free_block();
                TRY(source_.read_lines(begin, std::min(lines_per_task_, cells - begin), lines));
                lines.first_line = begin;
                packed[i - 1] = TRY(pack_cells(plan_, lines));
                give_back(std::move(lines));
                return {};
            };
            TRY(parallel_for(packed.size() + 1, work));
            before = std::move(packed);
        }
        return append_all(before);
    }

    Result<void> append_all(const std::vector<PackedCells>& parts) {
        for (const PackedCells& part : parts) TRY(append(part));
        return {};
    }

    /// One that has been used before, if there is any: its memory need not be cleared again.
    LineBlock free_block() {
        const std::lock_guard lock(free_mutex_);
        if (free_blocks_.empty()) return {};
        LineBlock block = std::move(free_blocks_.back());
        free_blocks_.pop_back();
        return block;
    }
    void give_back(LineBlock block) {
        const std::lock_guard lock(free_mutex_);
        free_blocks_.push_back(std::move(block));
    }

    /// One thread reads on while the others pack what was read.
    Result<void> write_in_order(Sample sample) {
        std::vector<LineBlock> batch = std::move(sample.blocks);
        std::uint64_t read = sample.lines;
        LineBlock rest;  // lines past the last whole block, packed with the next batch
        while (!batch.empty() || rest.line_count() > 0) {
            TRY(stop_if_cancelled(watch_));
            std::vector<LineBlock> next;
            Result<void> reading;
            {
                const std::jthread reader([&] { reading = read_batch(read, next); });
                TRY(pack_batch(join(std::move(rest), std::move(batch)),
                               read == source_.line_count(), rest));
            }
            TRY(reading);
            for (const LineBlock& block : next) read += block.line_count();
            batch = std::move(next);
        }
        return {};
    }

    Result<void> read_batch(std::uint64_t read, std::vector<LineBlock>& batch) {
        const std::uint64_t cells = source_.line_count();
        const std::uint64_t step = std::max<std::uint64_t>(1, source_.lines_per_read());
        const std::uint64_t values_most =
            std::min(values_sampled, options_.memory_bytes / 8 / (4 + size_of(plan_.type)));
        std::uint64_t values = 0;
        while (read < cells && values < values_most) {
            LineBlock block;
            TRY(source_.read_lines(read, std::min(step, cells - read), block));
            if (block.line_count() == 0)
                return fail(ErrorCode::invalid_input, fmt::format("{} ended after {} of {} lines",
                                                                  plan_.matrix, read, cells));
            read += block.line_count();
            values += block.places.size();
            batch.push_back(std::move(block));
        }
        return {};
    }

    LineBlock join(LineBlock first, std::vector<LineBlock> more) const {
        for (LineBlock& block : more) {
            if (first.line_count() == 0) {
                first = std::move(block);
                continue;
            }
            const std::uint64_t base = first.starts.back();
            for (std::size_t i = 1; i < block.starts.size(); ++i)
                first.starts.push_back(base + block.starts[i]);
            first.places.insert(first.places.end(), block.places.begin(), block.places.end());
            first.values.insert(first.values.end(), block.values.begin(), block.values.end());
        }
        first.first_line = lengths_.size();
        return first;
    }

    Result<void> pack_batch(LineBlock lines, bool is_last, LineBlock& rest) {
        const std::uint64_t whole =
            is_last ? lines.line_count()
                    : lines.line_count() / plan_.lines_per_block * plan_.lines_per_block;
        const std::uint64_t per_task =
            std::max<std::uint64_t>(1, whole / plan_.lines_per_block / (thread_count() * 2)) *
            plan_.lines_per_block;
        std::vector<PackedCells> packed((whole + per_task - 1) / per_task);
        const Result<void> done = parallel_for(packed.size(), [&](std::size_t i) -> Result<void> {
            LineBlock part = cut(lines, i * per_task, std::min(whole, (i + 1) * per_task));
            packed[i] = TRY(pack_cells(plan_, part));
            return {};
        });
        TRY(done);
        TRY(append_all(packed));
        rest = cut(lines, whole, lines.line_count());
        return {};
    }

    LineBlock cut(const LineBlock& lines, std::uint64_t first, std::uint64_t end) const {
        LineBlock part;
        if (first >= end) return part;
        part.first_line = lines.first_line + first;
        const std::uint64_t begin = lines.starts[first], stop = lines.starts[end];
        for (std::uint64_t i = first; i <= end; ++i) part.starts.push_back(lines.starts[i] - begin);
        part.places.assign(lines.places.begin() + begin, lines.places.begin() + stop);
        const std::size_t size = size_of(plan_.type);
        part.values.assign(lines.values.begin() + begin * size, lines.values.begin() + stop * size);
        return part;
    }

    Result<void> append(const PackedCells& part) {
        for (const PackedCells::Block& block : part.blocks) {
            TRY(container_.append_block(by_cell_, block.first_cell, block.lines));
            TRY(container_.append_block(dictionary_, block.first_cell, block.dictionary));
            has_dictionary_ = has_dictionary_ || !block.dictionary.empty();
        }
        lengths_.insert(lengths_.end(), part.lengths.begin(), part.lengths.end());
        totals_.insert(totals_.end(), part.totals.begin(), part.totals.end());
        for (std::size_t rank = 0; rank < part.cells_of_rank.size(); ++rank)
            cells_of_rank_[rank] += part.cells_of_rank[rank];
        min_ = std::min(min_, part.min);
        max_ = std::max(max_, part.max);
        largest_ = std::max(largest_, part.largest);
        whole_ = whole_ && part.whole;
        if (missing_ == 0) first_missing_ = part.first_missing;
        missing_ += part.missing;
        if (watch_.progress)
            watch_.progress(double(lengths_.size()) / 2, double(source_.cell_count()),
                            plan_.matrix + ": cells");
        return {};
    }

    /// Scaling and normalising make NaN of what can't be told; among counts it is a mistake.
    Result<void> check_missing() const {
        if (missing_ == 0 || !plan_.base || !whole_) return {};
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} among counts; its values must be finite: put a number or "
                                "nothing there",
                                first_missing_));
    }

    MatrixSource& source_;
    const MatrixInput& input_;
    ContainerWriter& container_;
    const SealOptions& options_;
    const Watch& watch_;
    PackingPlan plan_;
    std::vector<std::uint32_t> gene_of_rank_, cells_of_rank_, lengths_;
    std::vector<double> totals_;
    std::mutex free_mutex_;
    std::vector<LineBlock> free_blocks_;
    std::uint64_t lines_per_task_ = 1;
    std::uint32_t by_cell_ = 0, dictionary_ = 0;
    bool has_dictionary_ = false, whole_ = true;
    std::uint64_t missing_ = 0;
    std::string first_missing_;
    double min_ = INFINITY, max_ = -INFINITY, largest_ = 0;
};

}  // namespace

Result<void> stop_if_cancelled(const Watch& watch) {
    if (watch.cancelled && watch.cancelled())
        return fail(ErrorCode::cancelled, "sealing was stopped");
    return {};
}

Result<MatrixRecord> write_matrix(const MatrixInput& input, ContainerWriter& container,
                                  const File& file, const SealOptions& options,
                                  const Watch& watch) {
    NamedMatrix& matrix = *input.matrix;
    if (matrix.source->cell_count() > cells_max || matrix.source->gene_count() > genes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("{} is {} x {}; at most {} cells and {} genes can be stored",
                                matrix.name, matrix.source->cell_count(),
                                matrix.source->gene_count(), cells_max, genes_max));
    std::unique_ptr<MatrixSource> turned;
    if (matrix.source->order() == Order::by_gene) {
        turned = TRY(turned_by_cell(*matrix.source, options, watch));
        std::swap(turned, matrix.source);
    }
    CellWriter cells(input, container, options, watch);
    const Result<void> written = cells.write();
    if (turned != nullptr) std::swap(turned, matrix.source);
    TRY(written);
    MatrixRecord record = cells.record();
    TRY(container.add_bytes(matrix_section(input.number, "genes"),
                            std::as_bytes(std::span(cells.gene_of_rank()))));
    record.summary.bytes_by_gene =
        TRY(write_by_gene({input.number, &record, cells.by_cell(), cells.dictionary(),
                           cells.cells_of_rank(), cells.gene_of_rank()},
                          container, file, options, watch));
    return record;
}

}  // namespace stroma::expression
