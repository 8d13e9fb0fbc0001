#include "expression/h5ad/hdf5_matrix.h"

#include <fmt/format.h>

#include <algorithm>

#include "expression/h5ad/hdf5_values.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t read_bytes_goal = std::uint64_t{8} << 20;
constexpr std::uint64_t cells_max = (std::uint64_t{1} << 31) - 1;
constexpr std::uint64_t genes_max = std::uint64_t{1} << 24;
constexpr std::uint64_t nonzeros_max = std::uint64_t{1} << 48;

Result<void> check_size(std::uint64_t cells, std::uint64_t genes, const std::string& place) {
    if (cells > cells_max || genes > genes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: {} cells and {} genes; the limits are {} and {}", place, cells,
                                genes, cells_max, genes_max));
    return {};
}

/// Reads values [first, first + count) of a one-dimensional dataset of numbers into `out`.
Result<void> read_values(const Hdf5Dataset& dataset, std::uint64_t first, std::uint64_t count,
                         std::span<std::byte> out) {
    const Hdf5Type& type = dataset.type();
    if (type.is_native()) return dataset.read_rows(first, count, out);
    Bytes raw(count * type.size);
    TRY(dataset.read_rows(first, count, raw));
    decode_numbers(type, {raw, type.size, count}, out.data());
    return {};
}

/// Copies places as 32 bits; those that don't fit become the largest number, which no gene has.
template <class T>
void narrow(const std::byte* from, std::uint64_t count, std::uint32_t* out) {
    for (std::uint64_t i = 0; i < count; ++i) {
        const T place = load<T>(from + i * sizeof(T));
        out[i] = static_cast<std::uint64_t>(place) > 0xffffffffu
                     ? 0xffffffffu
                     : static_cast<std::uint32_t>(place);
    }
}

class SparseSource final : public MatrixSource {
public:
    SparseSource(std::shared_ptr<const Hdf5File> file, SparsePaths paths, Order order,
                 std::uint64_t cells, std::uint64_t genes)
        : file_(std::move(file)),
          paths_(std::move(paths)),
          order_(order),
          cells_(cells),
          genes_(genes) {}

    Result<void> open();

    std::uint64_t cell_count() const override { return cells_; }
    std::uint64_t gene_count() const override { return genes_; }
    ValueType value_type() const override { return data_->type().value_type(); }
    Order order() const override { return order_; }
    std::optional<std::uint64_t> nonzero_count() const override { return starts_.back(); }
    std::optional<std::vector<std::uint32_t>> line_lengths() const override;
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return lines_per_read_; }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override;

private:
    Result<void> read_places(std::uint64_t first, std::uint64_t count, LineBlock& out) const;
    Result<void> check_places(const LineBlock& block) const;

    std::shared_ptr<const Hdf5File> file_;
    SparsePaths paths_;
    Order order_;
    std::uint64_t cells_, genes_;
    std::shared_ptr<Hdf5Dataset> data_, indices_;
    std::vector<std::uint64_t> starts_;
    std::uint64_t lines_per_read_ = 1;
};

Result<void> SparseSource::open() {
    data_ = TRY(file_->dataset(paths_.data));
    indices_ = TRY(file_->dataset(paths_.indices));
    const std::vector<std::int64_t> wide = TRY(read_integers(*file_, paths_.indptr));
    if (!data_->type().is_number() || data_->rank() != 1)
        return fail(ErrorCode::invalid_input, data_->place() + ": must be a list of numbers");
    const auto index_kind = indices_->type().kind;
    if (index_kind != Hdf5Type::Kind::integer || indices_->rank() != 1)
        return fail(ErrorCode::invalid_input, indices_->place() + ": must be a list of integers");
    const std::uint64_t lines = line_count();
    const std::uint64_t stored = data_->value_count();
    if (stored > nonzeros_max)
        return fail(ErrorCode::exhausted, data_->place() + ": more than 2^48 values");
    if (indices_->value_count() != stored)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: {} values but {} indices", paths_.place, stored,
                                indices_->value_count()));
    if (wide.size() != lines + 1)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{}: indptr has {} entries; {} {} need {}", paths_.place, wide.size(),
                        lines, order_ == Order::by_cell ? "cells" : "genes", lines + 1));
    for (std::uint64_t i = 0; i + 1 < wide.size(); ++i)
        if (wide[i + 1] < wide[i])
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: indptr falls in row {}, from {} to {}", paths_.place, i,
                                    wide[i], wide[i + 1]));
    if (wide.front() != 0 || wide.back() != static_cast<std::int64_t>(stored))
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: indptr goes from {} to {}, but there are {} values",
                                paths_.place, wide.front(), wide.back(), stored));
    starts_.assign(wide.begin(), wide.end());
    const std::uint64_t value_bytes = data_->type().size + indices_->type().size;
    const std::uint64_t line_bytes = std::max<std::uint64_t>(1, stored * value_bytes / (lines + 1));
    lines_per_read_ = std::max<std::uint64_t>(1, read_bytes_goal / line_bytes);
    return {};
}

std::optional<std::vector<std::uint32_t>> SparseSource::line_lengths() const {
    std::vector<std::uint32_t> lengths(starts_.size() - 1);
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        const std::uint64_t length = starts_[i + 1] - starts_[i];
        if (length > 0xffffffffu) return std::nullopt;
        lengths[i] = static_cast<std::uint32_t>(length);
    }
    return lengths;
}

Result<void> SparseSource::read_places(std::uint64_t first, std::uint64_t count,
                                       LineBlock& out) const {
    const Hdf5Type& type = indices_->type();
    out.places.resize(count);
    if (type.size == 4 && !type.big_endian)
        return indices_->read_rows(first, count, std::as_writable_bytes(std::span(out.places)));
    Bytes raw(count * type.size);
    TRY(read_values(*indices_, first, count, raw));
    switch (type.value_type()) {
        case ValueType::int64: narrow<std::int64_t>(raw.data(), count, out.places.data()); break;
        case ValueType::uint64: narrow<std::uint64_t>(raw.data(), count, out.places.data()); break;
        case ValueType::uint32: narrow<std::uint32_t>(raw.data(), count, out.places.data()); break;
        case ValueType::int32: narrow<std::int32_t>(raw.data(), count, out.places.data()); break;
        case ValueType::int16: narrow<std::int16_t>(raw.data(), count, out.places.data()); break;
        case ValueType::uint16: narrow<std::uint16_t>(raw.data(), count, out.places.data()); break;
        case ValueType::int8: narrow<std::int8_t>(raw.data(), count, out.places.data()); break;
        default: narrow<std::uint8_t>(raw.data(), count, out.places.data()); break;
    }
    return {};
}

Result<void> SparseSource::check_places(const LineBlock& block) const {
    const std::uint64_t across = order_ == Order::by_cell ? genes_ : cells_;
    std::uint32_t largest = 0;
    for (const std::uint32_t place : block.places) largest = std::max(largest, place);
    if (block.places.empty() || largest < across) return {};
    const auto bad = std::find_if(block.places.begin(), block.places.end(),
                                  [&](std::uint32_t place) { return place >= across; });
    const auto at = static_cast<std::uint64_t>(bad - block.places.begin());
    const auto line = std::upper_bound(block.starts.begin(), block.starts.end(), at) - 1;
    const std::uint64_t row =
        block.first_line + static_cast<std::uint64_t>(line - block.starts.begin());
    // Read again as it stands: the block holds it in 32 bits.
    const Hdf5Type& type = indices_->type();
    Bytes raw(type.size);
    TRY(indices_->read_rows(starts_[block.first_line] + at, 1, raw));
    Array index{type.value_type(), {1}, Bytes(type.size)};
    decode_numbers(type, {raw, type.size, 1}, index.bytes.data());
    return fail(
        ErrorCode::invalid_input,
        fmt::format("{}: row {} has the index {}, but there are only {} {}", paths_.place, row,
                    index.integer(0), across, order_ == Order::by_cell ? "genes" : "cells"));
}

Result<void> SparseSource::read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) {
    const std::uint64_t begin = starts_[first];
    const std::uint64_t values = starts_[first + count] - begin;
    out.first_line = first;
    out.starts.resize(count + 1);
    for (std::uint64_t i = 0; i <= count; ++i) out.starts[i] = starts_[first + i] - begin;
    TRY(read_places(begin, values, out));
    TRY(check_places(out));
    out.values.resize(values * size_of(value_type()));
    return read_values(*data_, begin, values, out.values);
}

class DenseSource final : public MatrixSource {
public:
    DenseSource(std::shared_ptr<const Hdf5File> file, std::shared_ptr<Hdf5Dataset> dataset,
                bool genes_are_rows, std::uint64_t cells, std::uint64_t genes);

    std::uint64_t cell_count() const override { return cells_; }
    std::uint64_t gene_count() const override { return genes_; }
    ValueType value_type() const override { return dataset_->type().value_type(); }
    Order order() const override { return order_; }
    bool was_dense() const override { return true; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return lines_per_read_; }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override;

private:
    struct Strip;
    template <class T>
    void pack(const Strip& strip, LineBlock& out, std::vector<std::vector<T>>& values,
              std::vector<std::vector<std::uint32_t>>& places) const;
    template <class T>
    Result<void> read_as(std::uint64_t first, std::uint64_t count, LineBlock& out) const;

    std::shared_ptr<const Hdf5File> file_;
    std::shared_ptr<Hdf5Dataset> dataset_;
    std::uint64_t cells_, genes_;
    Order order_ = Order::by_cell;
    bool lines_are_rows_ = true;                    ///< of the dataset
    std::uint64_t lines_per_read_ = 1, piece_ = 1;  ///< places across that are read at once
};

/// A piece of some lines: `count` lines of `width` places from `from` on.
struct DenseSource::Strip {
    const std::byte* bytes;
    std::uint64_t count, from, width;
};

DenseSource::DenseSource(std::shared_ptr<const Hdf5File> file, std::shared_ptr<Hdf5Dataset> dataset,
                         bool genes_are_rows, std::uint64_t cells, std::uint64_t genes)
    : file_(std::move(file)), dataset_(std::move(dataset)), cells_(cells), genes_(genes) {
    const bool one_axis = dataset_->rank() == 1;
    const std::uint64_t rows = genes_are_rows ? genes : cells;
    const std::uint64_t columns = genes_are_rows ? cells : genes;
    std::uint64_t high = 1, wide = std::max<std::uint64_t>(columns, 1);
    if (dataset_->is_chunked() && !one_axis) {
        high = dataset_->chunk()[0];
        wide = dataset_->chunk()[1];
    }
    // Lines go along the axis whose strips of chunks are the smaller.
    lines_are_rows_ = high * columns <= wide * rows || !dataset_->is_chunked() || one_axis;
    order_ = lines_are_rows_ == genes_are_rows ? Order::by_gene : Order::by_cell;
    const std::uint64_t across = std::max<std::uint64_t>(lines_are_rows_ ? columns : rows, 1);
    const std::uint64_t unit = lines_are_rows_ ? high : wide;
    const std::uint64_t value_bytes = dataset_->type().size;
    lines_per_read_ =
        std::max<std::uint64_t>(1, read_bytes_goal / (unit * across * value_bytes)) * unit;
    const std::uint64_t across_unit = lines_are_rows_ ? wide : high;
    piece_ = std::max<std::uint64_t>(
                 1, 2 * read_bytes_goal / (lines_per_read_ * across_unit * value_bytes)) *
             across_unit;
}

template <class T>
void DenseSource::pack(const Strip& strip, LineBlock&, std::vector<std::vector<T>>& values,
                       std::vector<std::vector<std::uint32_t>>& places) const {
    const std::uint64_t line_step = lines_are_rows_ ? strip.width : 1;
    const std::uint64_t place_step = lines_are_rows_ ? 1 : strip.count;
    for (std::uint64_t line = 0; line < strip.count; ++line)
        for (std::uint64_t i = 0; i < strip.width; ++i) {
            const T value = load<T>(strip.bytes + (line * line_step + i * place_step) * sizeof(T));
            if (value == T{0}) continue;
            values[line].push_back(value);
            places[line].push_back(static_cast<std::uint32_t>(strip.from + i));
        }
}

template <class T>
Result<void> DenseSource::read_as(std::uint64_t first, std::uint64_t count, LineBlock& out) const {
    const std::uint64_t across = order_ == Order::by_cell ? genes_ : cells_;
    const Hdf5Type& type = dataset_->type();
    std::vector<std::vector<T>> values(count);
    std::vector<std::vector<std::uint32_t>> places(count);
    Bytes raw, decoded;
    for (std::uint64_t from = 0; from < across; from += piece_) {
        const std::uint64_t width = std::min(piece_, across - from);
        raw.resize(count * width * type.size);
        const std::uint64_t origin[2] = {lines_are_rows_ ? first : from,
                                         lines_are_rows_ ? from : first};
        const std::uint64_t size[2] = {lines_are_rows_ ? count : width,
                                       lines_are_rows_ ? width : count};
        // A matrix of one gene may have lost its second axis.
        const std::size_t axes = dataset_->rank();
        TRY(dataset_->read_box({origin, axes}, {size, axes}, raw));
        if (!type.is_native()) {
            decoded.resize(count * width * sizeof(T));
            decode_numbers(type, {raw, type.size, count * width}, decoded.data());
        }
        const Bytes& bytes = type.is_native() ? raw : decoded;
        pack<T>({bytes.data(), count, from, width}, out, values, places);
    }
    out.first_line = first;
    out.starts.assign(1, 0);
    for (const auto& line : places) out.starts.push_back(out.starts.back() + line.size());
    out.places.resize(out.starts.back());
    out.values.resize(out.starts.back() * sizeof(T));
    for (std::uint64_t line = 0; line < count; ++line) {
        if (places[line].empty()) continue;
        std::copy(places[line].begin(), places[line].end(), out.places.begin() + out.starts[line]);
        std::memcpy(out.values.data() + out.starts[line] * sizeof(T), values[line].data(),
                    values[line].size() * sizeof(T));
    }
    return {};
}

Result<void> DenseSource::read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) {
    // As bits: a negative zero is a value of its own, and stays one.
    switch (size_of(value_type())) {
        case 1: return read_as<std::uint8_t>(first, count, out);
        case 2: return read_as<std::uint16_t>(first, count, out);
        case 4: return read_as<std::uint32_t>(first, count, out);
        default: return read_as<std::uint64_t>(first, count, out);
    }
}

}  // namespace

Result<std::unique_ptr<MatrixSource>> open_sparse_matrix(std::shared_ptr<const Hdf5File> file,
                                                         const SparsePaths& paths, Order order,
                                                         std::uint64_t cells, std::uint64_t genes) {
    TRY(check_size(cells, genes, paths.place));
    auto source = std::make_unique<SparseSource>(std::move(file), paths, order, cells, genes);
    TRY(source->open());
    return source;
}

Result<std::unique_ptr<MatrixSource>> open_dense_matrix(std::shared_ptr<const Hdf5File> file,
                                                        const std::string& path,
                                                        bool genes_are_rows, std::uint64_t cells,
                                                        std::uint64_t genes) {
    auto dataset = TRY(file->dataset(path));
    TRY(check_size(cells, genes, dataset->place()));
    if (!dataset->type().is_number())
        return fail(ErrorCode::invalid_input, fmt::format("{}: must hold numbers, not {}",
                                                          dataset->place(), dataset->type().name));
    std::vector<std::uint64_t> shape = dataset->shape();
    if (shape.size() == 1) shape.push_back(1);
    const std::uint64_t rows = genes_are_rows ? genes : cells;
    const std::uint64_t columns = genes_are_rows ? cells : genes;
    if (shape.size() != 2 || shape[0] != rows || shape[1] != columns)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: its shape is {}, but there are {} cells and {} genes",
                                dataset->place(), fmt::join(shape, " × "), cells, genes));
    return std::make_unique<DenseSource>(std::move(file), std::move(dataset), genes_are_rows, cells,
                                         genes);
}

}  // namespace stroma::expression
