#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "expression/matrix_source.h"

namespace stroma::expression {

/// A matrix in memory, by cell and random access: for tests and benchmarks of what reads matrices.
class MemoryMatrix final : public MatrixSource {
public:
    struct Options {
        bool dense = false;
        bool tells_lengths = true;
    };
    MemoryMatrix(std::uint64_t genes, ValueType type, LineBlock lines, Options options)
        : genes_(genes), type_(type), lines_(std::move(lines)), options_(options) {}

    std::uint64_t cell_count() const override { return lines_.line_count(); }
    std::uint64_t gene_count() const override { return genes_; }
    ValueType value_type() const override { return type_; }
    Order order() const override { return Order::by_cell; }
    bool was_dense() const override { return options_.dense; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return 64; }
    std::optional<std::vector<std::uint32_t>> line_lengths() const override {
        if (!options_.tells_lengths) return std::nullopt;
        std::vector<std::uint32_t> lengths;
        for (std::uint64_t line = 0; line < lines_.line_count(); ++line)
            lengths.push_back(
                static_cast<std::uint32_t>(lines_.starts[line + 1] - lines_.starts[line]));
        return lengths;
    }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        const std::uint64_t begin = lines_.starts[first], end = lines_.starts[first + count];
        out.first_line = first;
        out.starts.resize(count + 1);
        for (std::uint64_t line = 0; line <= count; ++line)
            out.starts[line] = lines_.starts[first + line] - begin;
        out.places.assign(lines_.places.data() + begin, lines_.places.data() + end);
        const std::size_t bytes = size_of(type_);
        out.values.assign(lines_.values.data() + begin * bytes, lines_.values.data() + end * bytes);
        return {};
    }

private:
    std::uint64_t genes_;
    ValueType type_;
    LineBlock lines_;
    Options options_;
};

/// Builds a MemoryMatrix from a function of cell and gene; where it gives 0 nothing is stored.
template <class T, class Value>
std::unique_ptr<MatrixSource> matrix_of(std::uint64_t cells, std::uint64_t genes, Value value,
                                        MemoryMatrix::Options options = {}) {
    LineBlock lines;
    lines.starts = {0};
    for (std::uint64_t cell = 0; cell < cells; ++cell) {
        for (std::uint64_t gene = 0; gene < genes; ++gene) {
            const T stored = value(cell, gene);
            if (stored == T{}) continue;
            lines.places.push_back(static_cast<std::uint32_t>(gene));
            const ByteSpan bytes = std::as_bytes(std::span(&stored, 1));
            lines.values.insert(lines.values.end(), bytes.begin(), bytes.end());
        }
        lines.starts.push_back(lines.places.size());
    }
    return std::make_unique<MemoryMatrix>(genes, value_type_of<T>(), std::move(lines), options);
}

}  // namespace stroma::expression
