#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "expression/matrix_source.h"
#include "expression/text/numbers.h"

namespace stroma::expression {

/// One stored value of a matrix that is written as (cell, gene, value) lines.
struct Triplet {
    std::uint32_t cell = 0, gene = 0;
    double value = 0;
};

/// Gives the same triplets each time it is rewound, in the file's order.
class TripletReader {
public:
    virtual ~TripletReader() = default;
    virtual Result<void> rewind() = 0;
    /// Replaces `out` with the next triplets; false when none is left.
    virtual Result<bool> next(std::vector<Triplet>& out) = 0;
};

/// What one reading of all triplets tells: how they are ordered and how long each line is.
struct TripletSurvey {
    std::vector<std::uint32_t> per_cell, per_gene;  ///< grow as numbers appear
    std::uint64_t count = 0;
    bool rises_by_cell = true, rises_by_gene = true;
    ValueSurvey values;

    void add(const std::vector<Triplet>& triplets);

private:
    std::uint32_t last_cell_ = 0, last_gene_ = 0;
};

/// A matrix over surveyed triplets. by_gene when they lie by gene, else by_cell; triplets that lie
/// in neither order are gathered in ranges of cells that fit `memory_bytes`, one reading of the
/// file per range. Lines come sorted by place. Not random access; reading from line 0 again
/// starts over.
std::unique_ptr<MatrixSource> source_of_triplets(std::unique_ptr<TripletReader> reader,
                                                 TripletSurvey survey, std::uint64_t cells,
                                                 std::uint64_t genes,
                                                 std::uint64_t memory_bytes = 256u << 20);

}  // namespace stroma::expression
