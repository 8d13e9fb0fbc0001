#include "warehouse/formats/matrix_arrow.h"

#include <algorithm>

#include "expression/line_value.h"
#include "warehouse/result_file.h"

namespace stroma::warehouse {
namespace {

/// The stored values of a matrix as rows; counts what it gives.
class MatrixRows final : public sql::Rows {
public:
    MatrixRows(const expression::AnnotatedData& data, expression::MatrixSource& source,
               const expression::Watch& watch)
        : data_(data), source_(source), watch_(watch) {}

    const std::vector<sql::ColumnInfo>& columns() const override {
        static const std::vector<sql::ColumnInfo> columns = {
            {"cell_id", sql::Type::text, "VARCHAR"},
            {"gene_id", sql::Type::text, "VARCHAR"},
            {"value", sql::Type::real, "DOUBLE"}};
        return columns;
    }
    std::int64_t rows_changed() const override { return 0; }
    Result<bool> next() override {
        if (has_row_) ++at_;
        has_row_ = false;
        while (line_ == block_.line_count() || at_ == block_.starts[line_ + 1]) {
            if (line_ < block_.line_count()) {
                ++line_;
                continue;
            }
            if (next_line_ == source_.cell_count()) return false;
            TRY(read_block());
        }
        value_ = expression::number_at(block_, source_.value_type(), at_);
        nonzeros_ += value_ != 0;
        sum_ += value_;
        has_row_ = true;
        return true;
    }
    sql::Value value(std::size_t column) const override {
        if (column == 0) return std::string(data_.obs.index[block_.first_line + line_]);
        if (column == 1) return std::string(data_.var.index[block_.places[at_]]);
        return value_;
    }
    std::uint64_t nonzeros() const { return nonzeros_; }
    double sum() const { return sum_; }

private:
    Result<void> read_block() {
        if (watch_.cancelled && watch_.cancelled())
            return fail(ErrorCode::cancelled, "the export was cancelled");
        const std::uint64_t cells = source_.cell_count();
        const std::uint64_t count =
            std::clamp<std::uint64_t>(source_.lines_per_read(), 1, cells - next_line_);
        TRY(source_.read_lines(next_line_, count, block_));
        next_line_ += count;
        line_ = 0;
        at_ = 0;
        if (watch_.progress)
            watch_.progress(static_cast<double>(next_line_), static_cast<double>(cells), "cells");
        return {};
    }
    const expression::AnnotatedData& data_;
    expression::MatrixSource& source_;
    const expression::Watch& watch_;
    expression::LineBlock block_;
    std::uint64_t line_ = 0, at_ = 0, next_line_ = 0, nonzeros_ = 0;
    double value_ = 0, sum_ = 0;
    bool has_row_ = false;
};

}  // namespace

Result<expression::WrittenMatrix> ArrowMatrixWriter::write(const expression::AnnotatedData& data,
                                                           const fs::path& path,
                                                           const expression::WriteOptions& options,
                                                           const expression::Watch& watch) const {
    const auto* x = data.find("X");
    if (x == nullptr) return fail(ErrorCode::invalid_input, "the selection has no matrix X");
    std::error_code ignored;
    if (fs::exists(path, ignored))
        return fail(ErrorCode::already_exists, path.filename().string() + " is there already");
    MatrixRows rows(data, *x->source, watch);
    std::function<void(std::uint64_t)> settled;
    if (options.settled) settled = [&](std::uint64_t bytes) { options.settled(path, bytes); };
    const auto count = write_arrow(rows, path, std::move(settled));
    if (!count) {
        static_cast<void>(remove_file(path));
        return fail(count.error());
    }
    const File file = TRY(File::open_to_read(path));
    return expression::WrittenMatrix{data.obs.row_count(), data.var.row_count(), rows.nonzeros(),
                                     rows.sum(), TRY(file.size())};
}

}  // namespace stroma::warehouse
