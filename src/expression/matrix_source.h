#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "expression/array.h"

namespace stroma::expression {

/// Which axis lies together: by_cell is CSR of cells × genes, by_gene is CSC.
enum class Order : std::uint8_t { by_cell, by_gene };

/// What the values are. normalised and scaled values say nothing of molecules.
enum class Unit : std::uint8_t { counts, expected_counts, normalised, scaled, tpm, unknown };
std::string_view name_of(Unit unit);

/// Consecutive lines (cells when by_cell, genes when by_gene) of a sparse matrix.
struct LineBlock {
    std::uint64_t first_line = 0;
    std::vector<std::uint64_t> starts;  ///< one more than lines; starts[0] is 0
    std::vector<std::uint32_t> places;  ///< gene numbers when by_cell, cell numbers when by_gene
    Bytes values;                       ///< one per place, of the source's value type

    std::uint64_t line_count() const { return starts.empty() ? 0 : starts.size() - 1; }
    template <class T>
    const T* values_as() const {
        return reinterpret_cast<const T*>(values.data());
    }
    template <class T>
    T* values_as() {
        return reinterpret_cast<T*>(values.data());
    }
};

/// A cells × genes matrix that can be read in lines: a file being imported, or a selection of
/// stored cells being exported. Memory is bounded by the blocks asked for.
class MatrixSource {
public:
    virtual ~MatrixSource() = default;
    virtual std::uint64_t cell_count() const = 0;
    virtual std::uint64_t gene_count() const = 0;
    virtual ValueType value_type() const = 0;
    virtual Order order() const = 0;
    /// Whether the file held it dense; then it is written dense again where the format can.
    virtual bool was_dense() const { return false; }
    /// Non-zeros, when known without reading everything.
    virtual std::optional<std::uint64_t> nonzero_count() const { return std::nullopt; }
    /// Non-zeros per line, when known without reading the values.
    virtual std::optional<std::vector<std::uint32_t>> line_lengths() const { return std::nullopt; }
    /// True: read_lines may be called for any lines, from several threads at once.
    /// False: from one thread, in rising order without gaps.
    virtual bool is_random_access() const = 0;
    /// How many lines a caller should best ask for at once (a multiple of chunk heights).
    virtual std::uint64_t lines_per_read() const = 0;
    /// Replaces `out` with lines [first, first + count). Explicitly stored zeros are kept, values
    /// of a dense file that are 0 are not. Places inside a line come in rising order from stored
    /// selections; from files they come as the file has them and are checked by the store's writer.
    virtual Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) = 0;

    std::uint64_t line_count() const {
        return order() == Order::by_cell ? cell_count() : gene_count();
    }
};

}  // namespace stroma::expression
