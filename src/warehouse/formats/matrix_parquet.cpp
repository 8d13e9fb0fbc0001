#include "warehouse/formats/matrix_parquet.h"

#include "expression/line_value.h"

#include <algorithm>

namespace stroma::warehouse {

namespace {

using expression::ValueType;

class LongMatrixScan final : public sql::TableScan {
public:
    LongMatrixScan(const expression::AnnotatedData& data, expression::MatrixSource& source,
                   const expression::Watch& watch)
        : data_(data), source_(source), watch_(watch) {}
    const std::vector<sql::ScanColumn>& columns() const override {
        static const std::vector<sql::ScanColumn> columns = {
            {"cell_id", sql::Type::text}, {"gene_id", sql::Type::text}, {"value", sql::Type::real}};
        return columns;
    }
    std::unique_ptr<sql::ScanRun> begin() override { return std::make_unique<Run>(*this); }
    /// Why reading broke off, if it did: the writing engine knows only the message.
    const std::optional<Error>& error() const { return error_; }

private:
    class Feed final : public sql::RowFeed {
    public:
        explicit Feed(LongMatrixScan& scan) : scan_(scan) {}
        Result<std::size_t> fill(sql::RowSink& sink) override {
            auto filled = fill_rows(sink);
            if (!filled) scan_.error_ = filled.error();
            return filled;
        }

    private:
        Result<std::size_t> fill_rows(sql::RowSink& sink);
        Result<void> read_block();
        LongMatrixScan& scan_;
        expression::LineBlock block_;
        std::uint64_t line_ = 0, at_ = 0, next_line_ = 0;
    };
    struct Run final : sql::ScanRun {
        explicit Run(LongMatrixScan& scan) : scan_(scan) {}
        Result<std::unique_ptr<sql::RowFeed>> start(std::span<const std::uint32_t>) override {
            return std::make_unique<Feed>(scan_);
        }
        LongMatrixScan& scan_;
    };
    const expression::AnnotatedData& data_;
    expression::MatrixSource& source_;
    const expression::Watch& watch_;
    std::optional<Error> error_;
};

Result<void> LongMatrixScan::Feed::read_block() {
    const std::uint64_t cells = scan_.source_.cell_count();
    if (scan_.watch_.cancelled && scan_.watch_.cancelled()) {
        return fail(ErrorCode::cancelled, "the export was cancelled");
    }
    const std::uint64_t count =
        std::clamp<std::uint64_t>(scan_.source_.lines_per_read(), 1, cells - next_line_);
    TRY(scan_.source_.read_lines(next_line_, count, block_));
    next_line_ += count;
    line_ = 0;
    at_ = 0;
    if (scan_.watch_.progress) {
        scan_.watch_.progress(static_cast<double>(next_line_), static_cast<double>(cells), "cells");
    }
    return {};
}

Result<std::size_t> LongMatrixScan::Feed::fill_rows(sql::RowSink& sink) {
    std::size_t row = 0;
    while (row < sink.row_max()) {
        if (line_ == block_.line_count()) {
            if (next_line_ == scan_.source_.cell_count()) break;
            TRY(read_block());
            continue;
        }
        if (at_ == block_.starts[line_ + 1]) {
            ++line_;
            continue;
        }
        sink.set_text(0, row, scan_.data_.obs.index[block_.first_line + line_]);
        sink.set_text(1, row, scan_.data_.var.index[block_.places[at_]]);
        sink.reals(2)[row] = expression::number_at(block_, scan_.source_.value_type(), at_);
        ++at_;
        ++row;
    }
    return row;
}

using expression::LineBlock;

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

Result<std::uint64_t> write_matrix_parquet(sql::Database& database,
                                           const expression::AnnotatedData& data,
                                           const fs::path& path, const expression::Watch& watch) {
    auto* engine = dynamic_cast<sql::EmbeddedDatabase*>(&database);
    const auto found = std::find_if(data.matrices.begin(), data.matrices.end(),
                                    [](const auto& matrix) { return matrix.name == "X"; });
    if (engine == nullptr || found == data.matrices.end()) {
        return fail(ErrorCode::unsupported, "Parquet needs X and a database in this process");
    }
    if (found->source->order() != expression::Order::by_cell) {
        return fail(ErrorCode::unsupported, "Parquet is written from matrices that go by cell");
    }
    std::error_code ignored;
    if (fs::exists(path, ignored)) {
        return fail(ErrorCode::already_exists, path.filename().string() + " is there already");
    }
    const auto scan = std::make_shared<LongMatrixScan>(data, *found->source, watch);
    auto written = engine->write_parquet(scan, {}, {}, path);
    if (written) return written;
    static_cast<void>(remove_file(path));
    return fail(scan->error().value_or(written.error()));
}

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
