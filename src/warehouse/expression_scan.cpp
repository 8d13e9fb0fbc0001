#include "warehouse/expression_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <unordered_map>

#include "base/threads.h"
#include "warehouse/frame_names.h"

namespace stroma::warehouse {

using expression::SealedMatrix;

std::shared_ptr<const RevisionKeys> KeyCache::find(std::string_view revision) {
    const std::lock_guard lock(mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
        if (entry->revision != revision) continue;
        entries_.splice(entries_.begin(), entries_, entry);
        return entries_.front().keys;
    }
    return nullptr;
}

void KeyCache::keep(std::string_view revision, std::shared_ptr<const RevisionKeys> keys) {
    constexpr std::size_t bytes_max = 256u << 20;
    const std::lock_guard lock(mutex_);
    entries_.push_front({std::string(revision), std::move(keys)});
    std::size_t bytes = 0;
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
        bytes += entry->keys->cellkeys.text_bytes().size() + entry->keys->cellkeys.size() * 9 +
                 entry->keys->featurekeys.size() * 48;
        if (bytes > bytes_max && entry != entries_.begin()) {
            entries_.erase(entry, entries_.end());
            return;
        }
    }
}

std::string exprtype_of(expression::Unit unit) {
    switch (unit) {
        case expression::Unit::counts:
        case expression::Unit::expected_counts: return "Count";
        case expression::Unit::tpm: return "TPM";
        default: return std::string(expression::name_of(unit));
    }
}

namespace {

Result<std::shared_ptr<const RevisionKeys>> keys_of(Warehouse::State& state,
                                                    sql::Connection& connection,
                                                    const VisibleDataset& dataset) {
    if (auto kept = state.keys.find(dataset.revision)) return kept;
    auto keys = std::make_shared<RevisionKeys>();
    const auto cells = static_cast<std::size_t>(dataset.cells);
    keys->cellkeys.reserve(cells, cells * 32);
    keys->called.reserve(cells);
    auto rows = TRY(connection.execute(fmt::format(
        "SELECT cellkey, called FROM store.cells_{} WHERE loaded = {} ORDER BY cell_index",
        dataset.cells_in, dataset.loaded)));
    while (TRY(rows->next())) {
        keys->cellkeys.push_back(rows->text(0));
        keys->called.push_back(rows->boolean(1));
    }
    rows.reset();
    rows = TRY(connection.execute(
        fmt::format("SELECT featurekey FROM store.var_{} ORDER BY gene_index", dataset.genes_in)));
    while (TRY(rows->next())) keys->featurekeys.push_back(rows->text(0));
    const auto sealed = TRY(state.open_revision(dataset.revision));
    if (const auto raw = TRY(sealed->raw_var())) keys->raw_featurekeys = featurekeys_of(*raw);
    state.keys.keep(dataset.revision, keys);
    return keys;
}

std::optional<std::vector<std::uint32_t>> permitted_cells(const RevisionKeys& keys,
                                                          const ExpressionNeed& need,
                                                          bool called_only) {
    const std::size_t count = keys.cellkeys.size();
    const bool all_called = !called_only || std::find(keys.called.begin(), keys.called.end(),
                                                      false) == keys.called.end();
    if (all_called && !need.cellkeys) return std::nullopt;
    std::vector<std::uint32_t> cells;
    for (std::size_t cell = 0; cell < count; ++cell) {
        if (called_only && !keys.called[cell]) continue;
        if (need.cellkeys && !need.cellkeys->contains(std::string(keys.cellkeys[cell]))) continue;
        cells.push_back(static_cast<std::uint32_t>(cell));
    }
    return cells;
}

}  // namespace

Result<std::vector<ExpressionPart>> expression_parts(Warehouse::State& state,
                                                     sql::Connection& connection,
                                                     const std::vector<VisibleDataset>& datasets,
                                                     const ExpressionNeed& need, bool called_only) {
    std::vector<ExpressionPart> parts;
    for (const auto& dataset : datasets) {
        if (need.datasets && !need.datasets->contains(dataset.dataset)) continue;
        auto keys = TRY(keys_of(state, connection, dataset));
        auto cells = permitted_cells(*keys, need, called_only);
        if (cells && cells->empty()) continue;
        parts.push_back({dataset, std::move(keys), std::move(cells)});
    }
    return parts;
}

namespace {

constexpr std::uint32_t cells_per_task = 256;

enum Output : std::uint32_t {
    out_cellkey,
    out_featurekey,
    out_exprtype,
    out_value,
    out_dataset,
    out_cell,
    out_gene
};

/// A matrix of a part, as the scan reads it.
struct OpenMatrix {
    const ExpressionPart* part;
    std::shared_ptr<const SealedMatrix> matrix;
    std::string exprtype;
    const std::vector<std::string>* featurekeys;
    std::vector<bool> permitted;  ///< of cells; empty: all
};

/// A piece of work: one gene over all cells, or some cells over all genes.
struct Task {
    const OpenMatrix* from;
    bool by_gene;
    std::uint32_t first, count;  ///< gene; or a range of the part's cells
};

class ExpressionScan final : public sql::TableScan {
public:
    ExpressionScan(std::vector<ExpressionPart> parts, const ExpressionNeed& need)
        : parts_(std::move(parts)), need_(need) {}

    Result<void> open(const OpenRevision& open);
    const std::vector<sql::ScanColumn>& columns() const override {
        static const std::vector<sql::ScanColumn> columns = {
            {"cellkey", sql::Type::text},      {"featurekey", sql::Type::text},
            {"exprtype", sql::Type::text},     {"exrpvalue", sql::Type::real},
            {"dataset", sql::Type::text},      {"cell_index", sql::Type::integer},
            {"gene_index", sql::Type::integer}};
        return columns;
    }
    std::optional<std::uint64_t> row_estimate() const override { return rows_; }
    std::size_t thread_max() const override {
        return std::clamp<std::size_t>(tasks_.size(), 1, thread_count());
    }
    std::unique_ptr<sql::ScanRun> begin() override;
    const std::vector<Task>& tasks() const { return tasks_; }

private:
    void add_tasks(OpenMatrix& matrix);

    std::vector<ExpressionPart> parts_;
    ExpressionNeed need_;
    std::vector<std::unique_ptr<OpenMatrix>> matrices_;
    std::vector<Task> tasks_;
    std::uint64_t rows_ = 0;
};

/// Deals the tasks out to the threads.
class ExpressionRun final : public sql::ScanRun {
public:
    explicit ExpressionRun(const ExpressionScan& scan) : scan_(scan) {}
    Result<std::unique_ptr<sql::RowFeed>> start(std::span<const std::uint32_t> wanted) override;
    const Task* next_task() {
        const std::size_t at = next_.fetch_add(1);
        return at < scan_.tasks().size() ? &scan_.tasks()[at] : nullptr;
    }

private:
    const ExpressionScan& scan_;
    std::atomic<std::size_t> next_{0};
};

Result<void> ExpressionScan::open(const OpenRevision& open) {
    for (const auto& part : parts_) {
        const auto sealed = TRY(open(part.dataset.revision));
        std::set<std::string> given;
        for (const auto& summary : sealed->summary().matrices) {
            const std::string exprtype = exprtype_of(summary.unit);
            // One matrix for each kind of value: counts kept twice (X and a layer) are one.
            if (!given.insert(exprtype).second) continue;
            if (need_.exprtypes && !need_.exprtypes->contains(exprtype)) continue;
            auto matrix = std::make_unique<OpenMatrix>();
            matrix->part = &part;
            matrix->matrix = TRY(sealed->matrix(summary.name));
            matrix->exprtype = exprtype;
            matrix->featurekeys =
                summary.name == "raw.X" ? &part.keys->raw_featurekeys : &part.keys->featurekeys;
            if (matrix->featurekeys->size() != matrix->matrix->gene_count() ||
                part.keys->cellkeys.size() != matrix->matrix->cell_count()) {
                return fail(ErrorCode::corrupt,
                            fmt::format("dataset {}, matrix {}: the store holds {} cells and {} "
                                        "genes, the warehouse {} and {}",
                                        part.dataset.dataset, summary.name,
                                        matrix->matrix->cell_count(), matrix->matrix->gene_count(),
                                        part.keys->cellkeys.size(), matrix->featurekeys->size()));
            }
            add_tasks(*matrix);
            matrices_.push_back(std::move(matrix));
        }
    }
    return {};
}

void ExpressionScan::add_tasks(OpenMatrix& from) {
    const auto& part = *from.part;
    const std::uint64_t cells = from.matrix->cell_count();
    const std::uint64_t chosen = part.cells ? part.cells->size() : cells;
    const std::uint64_t nonzeros = from.matrix->summary().nonzeros;
    const auto& keys = *from.featurekeys;
    if (need_.featurekeys) {
        if (part.cells) {
            from.permitted.assign(cells, false);
            for (const auto cell : *part.cells) from.permitted[cell] = true;
        }
        for (std::uint32_t gene = 0; gene < keys.size(); ++gene) {
            if (!need_.featurekeys->contains(keys[gene])) continue;
            tasks_.push_back({&from, true, gene, 1});
            rows_ += nonzeros / std::max<std::uint64_t>(keys.size(), 1) + 1;
        }
        return;
    }
    for (std::uint64_t first = 0; first < chosen; first += cells_per_task) {
        tasks_.push_back(
            {&from, false, static_cast<std::uint32_t>(first),
             static_cast<std::uint32_t>(std::min<std::uint64_t>(cells_per_task, chosen - first))});
    }
    rows_ += cells == 0 ? 0 : nonzeros * chosen / cells;
}

double value_at(const expression::LineBlock& block, expression::ValueType type, std::size_t at) {
    using expression::ValueType;
    switch (type) {
        case ValueType::boolean: return block.values_as<bool>()[at] ? 1 : 0;
        case ValueType::int8: return block.values_as<std::int8_t>()[at];
        case ValueType::int16: return block.values_as<std::int16_t>()[at];
        case ValueType::int32: return block.values_as<std::int32_t>()[at];
        case ValueType::int64: return static_cast<double>(block.values_as<std::int64_t>()[at]);
        case ValueType::uint8: return block.values_as<std::uint8_t>()[at];
        case ValueType::uint16: return block.values_as<std::uint16_t>()[at];
        case ValueType::uint32: return block.values_as<std::uint32_t>()[at];
        case ValueType::uint64: return static_cast<double>(block.values_as<std::uint64_t>()[at]);
        case ValueType::float32: return block.values_as<float>()[at];
        case ValueType::float64: return block.values_as<double>()[at];
    }
    return 0;
}

/// Unpacks one task at a time into cells, genes and values, and gives them batch by batch.
class ExpressionFeed final : public sql::RowFeed {
public:
    ExpressionFeed(ExpressionRun& run, std::span<const std::uint32_t> wanted)
        : run_(run), wanted_(wanted.begin(), wanted.end()) {}

    Result<std::size_t> fill(sql::RowSink& sink) override {
        while (at_ == values_.size()) {
            task_ = run_.next_task();
            if (task_ == nullptr) return std::size_t{0};
            TRY(unpack());
        }
        const std::size_t rows = std::min(sink.row_max(), values_.size() - at_);
        for (const auto column : wanted_) put(sink, column, rows);
        at_ += rows;
        return rows;
    }

private:
    Result<void> unpack() { return task_->by_gene ? unpack_gene() : unpack_cells(); }
    Result<void> unpack_gene();
    Result<void> unpack_cells();
    void put(sql::RowSink& sink, std::uint32_t column, std::size_t rows) const;

    ExpressionRun& run_;
    std::vector<std::uint32_t> wanted_;
    const Task* task_ = nullptr;
    std::vector<std::uint32_t> cells_, genes_;
    std::vector<double> values_;
    std::size_t at_ = 0;
    expression::GeneColumn gene_column_;
    expression::LineBlock block_;
};

Result<void> ExpressionFeed::unpack_gene() {
    const OpenMatrix& from = *task_->from;
    TRY(from.matrix->read_gene(task_->first, gene_column_));
    cells_.clear();
    values_.clear();
    at_ = 0;
    for (std::size_t at = 0; at < gene_column_.cells.size(); ++at) {
        if (!from.permitted.empty() && !from.permitted[gene_column_.cells[at]]) continue;
        if (gene_column_.values[at] == 0) continue;
        cells_.push_back(gene_column_.cells[at]);
        values_.push_back(gene_column_.values[at]);
    }
    genes_.assign(values_.size(), task_->first);
    return {};
}

Result<void> ExpressionFeed::unpack_cells() {
    const OpenMatrix& from = *task_->from;
    std::vector<std::uint32_t> asked(task_->count);
    for (std::uint32_t at = 0; at < task_->count; ++at) {
        asked[at] = from.part->cells ? (*from.part->cells)[task_->first + at] : task_->first + at;
    }
    TRY(from.matrix->read_cells(asked, block_));
    cells_.clear();
    genes_.clear();
    values_.clear();
    at_ = 0;
    const auto type = from.matrix->summary().type;
    for (std::size_t line = 0; line < asked.size(); ++line) {
        for (std::uint64_t at = block_.starts[line]; at < block_.starts[line + 1]; ++at) {
            const double value = value_at(block_, type, at);
            if (value == 0) continue;
            cells_.push_back(asked[line]);
            genes_.push_back(block_.places[at]);
            values_.push_back(value);
        }
    }
    return {};
}

void ExpressionFeed::put(sql::RowSink& sink, std::uint32_t column, std::size_t rows) const {
    const OpenMatrix& from = *task_->from;
    const auto& cellkeys = from.part->keys->cellkeys;
    switch (column) {
        case out_cellkey:
            for (std::size_t row = 0; row < rows; ++row) {
                sink.set_text(column, row, cellkeys[cells_[at_ + row]]);
            }
            return;
        case out_featurekey:
            if (task_->by_gene) {
                sink.set_all_text(column, (*from.featurekeys)[task_->first]);
                return;
            }
            for (std::size_t row = 0; row < rows; ++row) {
                sink.set_text(column, row, (*from.featurekeys)[genes_[at_ + row]]);
            }
            return;
        case out_exprtype: sink.set_all_text(column, from.exprtype); return;
        case out_dataset: sink.set_all_text(column, from.part->dataset.dataset); return;
        case out_value:
            std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(at_), rows,
                        sink.reals(column));
            return;
        default: {
            const auto& numbers = column == out_cell ? cells_ : genes_;
            std::copy_n(numbers.begin() + static_cast<std::ptrdiff_t>(at_), rows,
                        sink.integers(column));
        }
    }
}

Result<std::unique_ptr<sql::RowFeed>> ExpressionRun::start(std::span<const std::uint32_t> wanted) {
    return std::make_unique<ExpressionFeed>(*this, wanted);
}

std::unique_ptr<sql::ScanRun> ExpressionScan::begin() {
    return std::make_unique<ExpressionRun>(*this);
}

}  // namespace

Result<std::shared_ptr<sql::TableScan>> scan_expression(const OpenRevision& open,
                                                        std::vector<ExpressionPart> parts,
                                                        const ExpressionNeed& need) {
    auto scan = std::make_shared<ExpressionScan>(std::move(parts), need);
    TRY(scan->open(open));
    return scan;
}

}  // namespace stroma::warehouse
