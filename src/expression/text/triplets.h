#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "expression/matrix_source.h"
#include "expression/text/numbers.h"

namespace stroma::expression {

/// Some (cell, gene, value) lines of a text in the text's order, column by column.
class TripletBlock {
public:
    /// As many lines, one behind the other, of one cell.
    struct Run {
        std::uint32_t cell, count;
    };
    std::vector<Run> cells;
    std::vector<std::uint32_t> genes;

    void add_cell(std::uint32_t cell) {
        if (cells.empty() || cells.back().cell != cell) cells.push_back({cell, 0});
        ++cells.back().count;
    }
    void add_value(const NumberText& number);
    /// The same for whole numbers from 0 to 9,999,999.
    void add_small_integers(std::span<const std::int32_t> values);

    std::size_t size() const { return genes.size(); }
    const ValueSurvey& survey() const { return survey_; }
    bool is_integral() const { return numbers_.empty(); }  ///< then integers() holds the values
    std::span<const std::int32_t> integers() const { return integers_; }
    std::span<const double> numbers() const { return numbers_; }
    void clear();  ///< keeps its memory

private:
    void widen();
    std::vector<std::int32_t> integers_;
    std::vector<double> numbers_;  ///< all values, from the first on that is no int32
    ValueSurvey survey_;
};

class SpooledTriplets;

/// Takes the lines of a text once, in its order, and gives them back as a matrix. They are kept
/// in columns of their least width, about 4 bytes a line, in a scratch file.
class TripletSpool {
public:
    /// `scratch` is open for reading and writing and outlives what finish() gives; what is there
    /// stays. Unset: in memory.
    explicit TripletSpool(File* scratch);
    TripletSpool(TripletSpool&&) noexcept;
    ~TripletSpool();

    /// Adds `count` blocks in their order; block(i) is called once for each, on all threads.
    Result<void> add(std::size_t count,
                     const std::function<const TripletBlock&(std::size_t)>& block);
    const ValueSurvey& survey() const;
    /// By gene when the lines rise by gene and not by cell, else by cell: lines that do neither
    /// are sorted by cell in ranges that fit `memory_bytes`. Random access; places come as the
    /// text has them.
    /// Cells and genes must be above every number added.
    Result<std::unique_ptr<MatrixSource>> finish(std::uint64_t cells, std::uint64_t genes,
                                                 std::uint64_t memory_bytes = 256u << 20) &&;

private:
    std::unique_ptr<SpooledTriplets> spooled_;
};

}  // namespace stroma::expression
