#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "base/metrics.h"
#include "expression/sealed/container.h"
#include "expression/sealed/matrix_format.h"
#include "expression/sealed_dataset.h"

namespace stroma::expression {

/// The distinct values of each cell whose values aren't their own codes.
struct Dictionaries {
    std::vector<std::uint64_t> starts;  ///< cells + 1; in values
    Bytes values;
};

/// A matrix in a container: docs/formats/expression.md, "Matrices".
class StoredMatrix final : public SealedMatrix {
public:
    /// errors  corrupt
    static Result<std::shared_ptr<const StoredMatrix>> open(
        std::shared_ptr<const ContainerReader> container, std::size_t number, MatrixRecord record);

    const MatrixSummary& summary() const override { return record_.summary; }
    std::uint64_t cell_count() const override { return record_.cells; }
    std::uint32_t gene_count() const override {
        return static_cast<std::uint32_t>(record_.summary.genes);
    }
    bool was_dense() const override { return record_.was_dense; }
    Result<std::vector<std::uint32_t>> cell_lengths() const override;
    Result<std::vector<double>> cell_totals() const override;
    Result<void> read_cells(std::span<const std::uint32_t> cells, LineBlock& out) const override;
    Result<void> read_gene(std::uint32_t gene, GeneColumn& out) const override;
    Result<void> read_gene_dense(std::uint32_t gene, std::span<float> out) const override;
    Result<void> read_gene_set_mean(std::span<const std::uint32_t> genes,
                                    std::span<float> out) const override;
    Result<GeneSums> totals() const override;
    Result<GeneSums> sums(std::span<const std::uint32_t> cells) const override;
    Result<std::vector<ExactSums>> exact_sums(
        std::span<const std::span<const std::uint32_t>> groups, Scale scale,
        const Watch& watch) const override;
    Result<FixedPoint> fixed_point(Scale scale) const override;
    Result<ExactSums> exact_totals(Scale scale, const Watch& watch) const override;
    Result<void> scan_genes(std::span<const std::uint32_t> genes,
                            const std::function<Result<void>(const GeneValues&)>& use,
                            const Watch& watch) const override;
    std::shared_ptr<const std::vector<Int128>> kept_ties(Scale scale) const override;
    void keep_ties(Scale scale, std::vector<Int128> ties) const override;

    /// Decodes all cells on this thread, keeping nothing, and gives the sum of the codes: what
    /// reading costs at least.
    Result<std::uint64_t> decode_cells() const;
    /// Decodes everything and compares the two orders, lengths and totals. errors  corrupt
    Result<void> verify(const Watch& watch) const;

private:
    friend class CellReader;
    friend class CellAdder;
    StoredMatrix() = default;

    /// One block of lines, open, and for cells their dictionaries.
    struct OpenBlock {
        Bytes room, dictionary_room;
        BlockBytes bytes{ByteSpan{}};
        LineBlockView view;
        Bytes values;  ///< raw ones
        std::uint64_t number = ~std::uint64_t{0}, first_line = 0;
        std::vector<std::uint64_t> value_starts;  ///< of each line, when raw
        std::optional<BlockBytes> dictionary;
        std::vector<std::uint64_t> dictionary_starts;  ///< bytes, one more than lines
    };
    Result<void> open_cells(std::uint64_t block, OpenBlock& open) const;
    /// Reads the heads of the lines of `open.bytes`, which is that block.
    Result<void> open_lines(const ContainerReader::Section& section, std::uint64_t block,
                            std::uint64_t line_count, OpenBlock& open) const;
    Result<void> open_dictionary(OpenBlock& open) const;
    /// Opens the block that holds that cell unless it is open; gives its number within.
    Result<std::uint32_t> open_cell(std::uint32_t cell, OpenBlock& open) const;

    /// The codes (or, when raw, bits) of one gene.
    struct GeneLine {
        std::vector<std::uint32_t> cells, codes;
        Bytes values;
    };
    bool are_codes_values() const {
        return record_.coding == LineBlockView::Coding::codes && dictionary_ == nullptr;
    }
    Result<void> read_line(std::uint32_t gene, GeneLine& line) const;
    Result<void> decode_gene(std::uint32_t rank, const OpenBlock& open, GeneLine& line) const;
    template <class Use>
    Result<void> for_each_of_gene(std::uint32_t gene, Use&& use) const;
    template <class Use>
    Result<void> for_each_of_line(std::uint32_t gene, const GeneLine& line, Use&& use) const;
    Result<std::shared_ptr<const Dictionaries>> dictionaries() const;
    Result<std::vector<FixedSums>> stored_totals() const;
    Result<std::shared_ptr<const std::vector<double>>> kept_cell_totals() const;
    Result<ExactSums> sums_of_whole(Scale scale, const Watch& watch) const;
    ExactSums in_gene_order(std::span<const FixedSums> by_rank, std::uint64_t cells,
                            const FixedPoint& fixed) const;
    Result<void> check_cell(std::uint64_t cell) const;
    Result<void> check_gene(std::uint64_t gene) const;
    template <class T>
    Result<std::vector<T>> read_numbers(std::string_view piece, std::uint64_t count) const;

    Result<std::uint64_t> hash_of_cells(const Watch& watch) const;
    Result<std::uint64_t> hash_of_genes(const Watch& watch) const;
    Result<std::uint64_t> hash_of_block(std::uint64_t block,
                                        const std::vector<std::uint32_t>& lengths,
                                        const std::vector<double>& totals) const;

    std::shared_ptr<const ContainerReader> container_;
    std::size_t number_ = 0;
    MatrixRecord record_;
    const ContainerReader::Section* by_cell_ = nullptr;
    const ContainerReader::Section* by_gene_ = nullptr;
    const ContainerReader::Section* dictionary_ = nullptr;  ///< unset when no cell has one
    std::vector<std::uint32_t> gene_of_rank_, rank_of_gene_;
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const Dictionaries> dictionaries_;
    mutable std::shared_ptr<const std::vector<double>> cell_totals_;
    mutable std::shared_ptr<const std::vector<Int128>> whole_ties_[3];  ///< of each scale
    mutable std::mutex totals_mutex_;
    mutable std::optional<ExactSums> whole_sums_[3];  ///< of each scale
};

}  // namespace stroma::expression
