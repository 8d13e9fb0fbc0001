#pragma once

#include <memory>
#include <random>
#include <string>

#include "base/file.h"
#include "expression/sealed_dataset.h"

// What the tests of the sealed store share: data made up, sealed and opened again.

namespace stroma::expression::samples {

/// A matrix in memory, in either order, read at once or only in order.
struct Matrix {
    std::uint64_t cells = 0, genes = 0;
    ValueType type = ValueType::float32;
    /// Per cell: gene and bits of the value, in the order the "file" has them.
    std::vector<std::vector<std::pair<std::uint32_t, std::uint64_t>>> lines;
    std::uint64_t nonzeros() const;
};

enum class Values { counts, large_counts, log_normalised, scaled, odd };

struct Shape {
    std::uint64_t cells = 10, genes = 10;
    double density = 0.2;
    ValueType type = ValueType::float32;
    Values values = Values::counts;
    bool shuffled = false;  ///< genes of a cell in no order
};
Matrix random_matrix(const Shape& shape, std::uint64_t seed);

std::unique_ptr<MatrixSource> source_of(Matrix matrix, Order order, bool random_access);

/// Scaled values may be anything.
AnnotatedData dataset_of(std::unique_ptr<MatrixSource> source, Unit unit = Unit::scaled);
AnnotatedData dataset_of(const Matrix& matrix, Unit unit = Unit::scaled);

/// A reader over bytes in memory, mapped or only by read_at.
std::unique_ptr<object::ObjectReader> reader_of(Bytes bytes, bool mapped = true);

/// Seals into memory; fails the test when that fails.
Bytes seal(AnnotatedData& data, const SealOptions& options = {.durable = false});
Result<Bytes> try_seal(AnnotatedData& data, const SealOptions& options = {.durable = false});

/// Compares every cell, gene and sum of the stored matrix with the one in memory.
void expect_equal(const SealedMatrix& stored, const Matrix& matrix);

/// A dataset with every kind of column and element.
AnnotatedData rich_dataset();

}  // namespace stroma::expression::samples
