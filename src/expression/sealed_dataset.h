#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "expression/annotated_data.h"
#include "expression/fixed_sums.h"
#include "object/object_store.h"

// One dataset revision in one sealed file: expression matrices in both orders, obs, var and all
// else, in checksummed blocks. Bytes: docs/formats/expression.md.

namespace stroma::expression {

struct MatrixSummary {
    std::string name;
    Unit unit = Unit::unknown;
    ValueType type = ValueType::float32;
    std::uint64_t genes = 0, nonzeros = 0;
    double sum = 0, min = 0, max = 0;  ///< min and max over the stored values and implied zeros
    bool whole_numbers = false;        ///< every value is an integer of at least 0
    std::uint64_t missing = 0;         ///< stored values that are NaN
    std::uint64_t bytes_by_cell = 0, bytes_by_gene = 0;  ///< as stored
};

struct DatasetSummary {
    std::uint64_t cells = 0, genes = 0;
    std::vector<MatrixSummary> matrices;
    std::uint64_t bytes = 0;
    const MatrixSummary* find(std::string_view name) const;
};

struct SealOptions {
    bool sum_duplicates = false;  ///< add up places that occur twice in a line
    std::uint64_t memory_bytes = 512u << 20;
    /// Where the lines of a source by gene are kept, packed, until they are turned; unset, closed:
    /// in memory, beside memory_bytes. Sources by cell need none: the file itself is read back.
    File* scratch = nullptr;
    bool durable = true;  ///< fsync at the end
};

/// Checks and writes a dataset into `out` (empty, open for writing). Deterministic: the same data
/// gives the same bytes on any number of threads.
/// errors  invalid_input  a place outside the matrix, twice in a line, a line or frame of wrong
///                        length, NaN or infinity in an X that is not scaled, what is no count:
///                        names the first cell and gene
///         cancelled, exhausted, unavailable
Result<DatasetSummary> seal_dataset(AnnotatedData& data, File& out, const SealOptions& options,
                                    const Watch& watch);

class SealedMatrix;

/// A sealed dataset open for reading. Sealed bytes never change, so any thread may keep what it
/// reads. Opening reads the directory only; obs, var and the rest are read when asked for.
class SealedDataset {
public:
    /// errors  corrupt  not a sealed dataset, a later format version (says so), a bad checksum
    static Result<std::shared_ptr<const SealedDataset>> open(
        std::unique_ptr<object::ObjectReader> reader);
    virtual ~SealedDataset() = default;

    virtual const DatasetSummary& summary() const = 0;
    virtual Result<Frame> obs() const = 0;
    virtual Result<Frame> var() const = 0;
    virtual Result<std::optional<Frame>> raw_var() const = 0;
    virtual std::vector<std::string> obs_column_names() const = 0;
    virtual Result<Column> obs_column(std::string_view name) const = 0;  ///< not_found
    virtual Result<TextArray> cell_ids() const = 0;
    virtual Result<TextArray> gene_ids() const = 0;
    /// "obsm", "varm", "obsp", "varp", "uns", "raw_varm".
    virtual Result<Dict> annotations(std::string_view which) const = 0;
    /// "X", "raw.X", "layers/<name>". not_found
    virtual Result<std::shared_ptr<const SealedMatrix>> matrix(std::string_view name) const = 0;
    /// Reads everything and checks each block, and that both orders hold the same values.
    virtual Result<void> verify(const Watch& watch) const = 0;
};

/// One value of a gene column: dense reads give 0 where nothing is stored.
struct GeneColumn {
    std::vector<std::uint32_t> cells;  ///< rising
    std::vector<double> values;
};

/// Sums over a set of cells, one entry per gene, exact for counts and order-independent for all
/// (fixed point), so the answer is the same on any number of threads.
struct GeneSums {
    std::uint64_t cells = 0;
    std::vector<double> sum, sum_of_squares;
    std::vector<std::uint64_t> nonzeros;
};

/// What a stored value v is taken for, in a cell whose values sum up to s.
enum class Scale : std::uint8_t {
    as_stored,  ///< v
    log1p,      ///< ln(1 + v); what has no logarithm is no number
    log_cp10k,  ///< ln(1 + 10,000 v / s); for matrices without negative values
};

/// A value at that scale; `cell_total` is s, and is looked at for log_cp10k only.
double scaled(double value, Scale scale, double cell_total);

/// One gene's stored values, while it is being looked at.
struct GeneValues {
    std::uint32_t gene = 0;
    std::span<const std::uint32_t> cells;   ///< rising
    std::span<const std::uint32_t> counts;  ///< its values, where the matrix holds small counts
    std::span<const double> values;         ///< as stored; empty where there are counts
};

/// One sealed matrix, readable by cell and by gene. Genes are numbered as in var. Any thread.
class SealedMatrix {
public:
    virtual ~SealedMatrix() = default;
    virtual const MatrixSummary& summary() const = 0;
    virtual std::uint64_t cell_count() const = 0;
    virtual std::uint32_t gene_count() const = 0;
    virtual bool was_dense() const = 0;
    /// Non-zeros of each cell.
    virtual Result<std::vector<std::uint32_t>> cell_lengths() const = 0;
    /// Sum of each cell's values (total UMIs when counts).
    virtual Result<std::vector<double>> cell_totals() const = 0;

    /// Gathers whole cells in the order given; places rise inside a cell; values in the matrix's
    /// own type. Cost: about 1 byte read a non-zero.
    virtual Result<void> read_cells(std::span<const std::uint32_t> cells, LineBlock& out) const = 0;
    /// One gene over all cells. Cost: about 1 byte read a non-zero of that gene.
    virtual Result<void> read_gene(std::uint32_t gene, GeneColumn& out) const = 0;
    /// The same, dense: out.size() is cell_count(); 0 where nothing is stored.
    virtual Result<void> read_gene_dense(std::uint32_t gene, std::span<float> out) const = 0;
    /// Mean over those genes for each cell; out.size() is cell_count().
    virtual Result<void> read_gene_set_mean(std::span<const std::uint32_t> genes,
                                            std::span<float> out) const = 0;
    /// Of all cells (stored totals; nothing is decoded).
    virtual Result<GeneSums> totals() const = 0;
    /// Of those cells, each at most once, any order. Reads only them.
    virtual Result<GeneSums> sums(std::span<const std::uint32_t> cells) const = 0;

    /// Exact sums of each group of cells; a group holds a cell at most once, in any order. Reads
    /// only those cells, on all cores; memory: 48 bytes for each gene of each group, and 32 for
    /// each gene on each core. The answer doesn't depend on order or threads.
    /// errors  invalid_input  a cell that isn't there or comes twice; log_cp10k of negative values
    ///         exhausted      sums of more than 1 GiB
    ///         cancelled, corrupt
    virtual Result<std::vector<ExactSums>> exact_sums(
        std::span<const std::span<const std::uint32_t>> groups, Scale scale,
        const Watch& watch) const;
    /// How exact_sums keeps values of that scale. errors  invalid_input
    virtual Result<FixedPoint> fixed_point(Scale scale) const;
    /// Of all cells. Those as stored are stored; the others are added up once and kept.
    virtual Result<ExactSums> exact_totals(Scale scale, const Watch& watch) const;
    /// Calls use() for each of those genes (no genes: for all) once, in no order, from all cores
    /// at once; it must not scan itself. Memory: one gene on each core.
    virtual Result<void> scan_genes(std::span<const std::uint32_t> genes,
                                    const std::function<Result<void>(const GeneValues&)>& use,
                                    const Watch& watch) const;
    /// What a rank test counted of each gene over all cells, for the next one; null before.
    virtual std::shared_ptr<const std::vector<Int128>> kept_ties(Scale) const { return nullptr; }
    virtual void keep_ties(Scale, std::vector<Int128>) const {}
};

/// Chosen cells (and genes) of one sealed matrix as a part of a stacked selection.
struct SelectionPart {
    std::shared_ptr<const SealedMatrix> matrix;
    std::vector<std::uint32_t> cells;  ///< in output order
    /// Output gene of each gene, -1 where dropped; values of one gene are added; empty: as is.
    std::vector<std::int32_t> output_gene;
};

/// The parts one under another as one matrix of `gene_count` genes: by_cell, random access, places
/// rising. The value type is the parts'; float32 or wider when they differ or integers are added.
std::unique_ptr<MatrixSource> select_cells(std::vector<SelectionPart> parts,
                                           std::uint64_t gene_count);

}  // namespace stroma::expression
