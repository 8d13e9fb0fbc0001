#pragma once

#include "expression/kernels/sum_lanes.h"
#include "expression/sealed/sealed_matrix.h"

namespace stroma::expression {

/// Adds up cells gene by gene, on one thread. Values are scaled once for each distinct value of a
/// cell, not once for each gene.
class CellAdder {
public:
    /// `totals` of the cells are needed for log_cp10k only; they outlive this.
    CellAdder(const StoredMatrix& matrix, Scale scale, const FixedPoint& fixed,
              const std::vector<double>* totals);
    /// At most cells_per_flush cells, rising.
    Result<void> add(std::span<const std::uint32_t> cells);
    /// Adds what was added since to `to`, by rank.
    void flush(FixedSums* to);

private:
    Result<void> add_cell(std::uint32_t cell);
    void enter(std::uint32_t cell);
    void add_raw(std::uint32_t line);
    void add_coded(std::uint32_t line);
    /// Makes the entries of these codes; false when one has none: too large a code or value.
    bool make_entries(const std::uint32_t* codes, std::size_t count);
    bool make_entry(std::uint32_t code);
    double value_of(std::uint32_t code) const;
    FixedSums* direct();

    const StoredMatrix& matrix_;
    Scale scale_;
    FixedPoint fixed_;
    const std::vector<double>* totals_;
    double total_ = 1;
    StoredMatrix::OpenBlock open_;
    const std::byte* dictionary_ = nullptr;  ///< of this cell; null: codes are values
    std::uint64_t dictionary_size_ = 0;
    std::vector<SumLanes> sums_;       ///< of each rank
    std::vector<FixedSums> direct_;    ///< of each rank, for what fits no lanes; or empty
    std::vector<SumLanes> entries_;    ///< of each code
    std::vector<std::uint32_t> made_;  ///< for which table each entry was made
    std::uint32_t table_ = 0;
    bool own_codes_made_ = false;
    bool damaged_ = false;
};

}  // namespace stroma::expression
