#include "warehouse/parquet_writer.h"

#include "warehouse/matrix_parquet.h"

namespace stroma::warehouse {
namespace {

using expression::LineBlock;
using expression::ValueType;

template <class T>
void tally_as(const LineBlock& block, expression::WrittenMatrix& written) {
    const T* values = block.values_as<T>();
    for (std::size_t i = 0; i < block.places.size(); ++i) {
        written.nonzeros += values[i] != T{};
        written.sum += static_cast<double>(values[i]);
    }
}

void tally(const LineBlock& block, ValueType type, expression::WrittenMatrix& written) {
    switch (type) {
        case ValueType::boolean:
        case ValueType::uint8: return tally_as<std::uint8_t>(block, written);
        case ValueType::int8: return tally_as<std::int8_t>(block, written);
        case ValueType::int16: return tally_as<std::int16_t>(block, written);
        case ValueType::uint16: return tally_as<std::uint16_t>(block, written);
        case ValueType::int32: return tally_as<std::int32_t>(block, written);
        case ValueType::uint32: return tally_as<std::uint32_t>(block, written);
        case ValueType::int64: return tally_as<std::int64_t>(block, written);
        case ValueType::uint64: return tally_as<std::uint64_t>(block, written);
        case ValueType::float32: return tally_as<float>(block, written);
        case ValueType::float64: return tally_as<double>(block, written);
    }
}

/// A matrix that counts what is read of it. Read by one thread, in order, as Parquet is written.
class CountedMatrix final : public expression::MatrixSource {
public:
    CountedMatrix(expression::MatrixSource& of, expression::WrittenMatrix& written)
        : of_(of), written_(written) {}
    std::uint64_t cell_count() const override { return of_.cell_count(); }
    std::uint64_t gene_count() const override { return of_.gene_count(); }
    ValueType value_type() const override { return of_.value_type(); }
    expression::Order order() const override { return of_.order(); }
    bool is_random_access() const override { return false; }
    std::uint64_t lines_per_read() const override { return of_.lines_per_read(); }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        TRY(of_.read_lines(first, count, out));
        tally(out, value_type(), written_);
        return {};
    }

private:
    expression::MatrixSource& of_;
    expression::WrittenMatrix& written_;
};

}  // namespace

Result<expression::WrittenMatrix> ParquetWriter::write(const expression::AnnotatedData& data,
                                                       const fs::path& path,
                                                       const expression::WriteOptions& options,
                                                       const expression::Watch& watch) const {
    const auto* x = data.find("X");
    if (x == nullptr) return fail(ErrorCode::invalid_input, "the selection has no matrix X");
    expression::WrittenMatrix written;
    expression::AnnotatedData counted;
    counted.obs.index = data.obs.index;
    counted.var.index = data.var.index;
    counted.matrices.push_back(
        {"X", x->unit, std::make_unique<CountedMatrix>(*x->source, written)});
    TRY(write_matrix_parquet(database_, counted, path, watch));
    File file = TRY(File::open_to_write(path));
    if (options.durable) TRY(file.sync());
    written.cells = data.obs.row_count();
    written.genes = data.var.row_count();
    written.bytes = TRY(file.size());
    return written;
}

}  // namespace stroma::warehouse
