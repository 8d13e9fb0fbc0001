#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "expression/fixed_sums.h"
#include "expression/sealed/line_codec.h"
#include "expression/sealed_dataset.h"

// What the matrix writer and the matrix reader agree on: docs/formats/expression.md, "Matrices".

namespace stroma::expression {

inline constexpr std::uint64_t cells_max = (std::uint64_t{1} << 31) - 1;
inline constexpr std::uint64_t genes_max = std::uint64_t{1} << 24;

/// What is stored of a matrix beside its lines.
struct MatrixRecord {
    MatrixSummary summary;
    std::uint64_t cells = 0;
    bool was_dense = false;
    LineBlockView::Coding coding = LineBlockView::Coding::codes;
    FixedPoint fixed;
    /// Numbers within which every stored value lies, in size; NaN and infinity left out.
    double largest = 0;
};
Element to_element(const MatrixRecord& record);
/// errors  corrupt
Result<MatrixRecord> matrix_record(const Element& element);

/// "matrix/0/by_cell"
std::string matrix_section(std::size_t matrix, std::string_view piece);

/// A value as a double, from its bits.
double number_of(std::uint64_t bits, ValueType type);
/// to += value, both of that type; false when the sum passes the type.
bool add_value(ValueType type, std::byte* to, const std::byte* value);
/// The bits of the value that a code stands for where there is no dictionary.
std::uint64_t bits_of_code(std::uint32_t code, ValueType type);

/// Byte i of every value, then byte i + 1 of every value…, compressed.
Bytes shuffle_and_compress(ByteSpan values, std::size_t value_size);
/// errors  corrupt  not exactly `count` values
Result<Bytes> decompress_and_unshuffle(ByteSpan packed, std::size_t value_size,
                                       std::uint64_t count);

/// A scalar element and its reading.
Element scalar(std::uint64_t value);
Element scalar(double value);
Element scalar(std::string_view text);
Result<std::uint64_t> integer_in(const Element& dict, std::string_view name);
Result<double> number_in(const Element& dict, std::string_view name);
Result<std::string> text_in(const Element& dict, std::string_view name);

}  // namespace stroma::expression
