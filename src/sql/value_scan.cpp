#include "sql/value_scan.h"

#include <algorithm>

namespace stroma::sql {
namespace {

class ValueScan final : public TableScan {
public:
    ValueScan(std::vector<ScanColumn> columns, std::vector<std::vector<Value>> rows)
        : columns_(std::move(columns)), rows_(std::move(rows)) {}
    const std::vector<ScanColumn>& columns() const override { return columns_; }
    std::optional<std::uint64_t> row_estimate() const override { return rows_.size(); }
    std::unique_ptr<ScanRun> begin() override { return std::make_unique<Run>(*this); }

private:
    class Feed final : public RowFeed {
    public:
        Feed(const ValueScan& scan, std::span<const std::uint32_t> wanted)
            : scan_(scan), wanted_(wanted.begin(), wanted.end()) {}
        Result<std::size_t> fill(RowSink& sink) override {
            const std::size_t count = std::min(sink.row_max(), scan_.rows_.size() - at_);
            for (std::size_t row = 0; row < count; ++row)
                for (const std::uint32_t column : wanted_)
                    put_value(sink, column, row, scan_.rows_[at_ + row][column]);
            at_ += count;
            return count;
        }

    private:
        const ValueScan& scan_;
        std::vector<std::uint32_t> wanted_;
        std::size_t at_ = 0;
    };
    class Run final : public ScanRun {
    public:
        explicit Run(const ValueScan& scan) : scan_(scan) {}
        Result<std::unique_ptr<RowFeed>> start(std::span<const std::uint32_t> wanted) override {
            return std::make_unique<Feed>(scan_, wanted);
        }

    private:
        const ValueScan& scan_;
    };

    std::vector<ScanColumn> columns_;
    std::vector<std::vector<Value>> rows_;
};

}  // namespace

void put_value(RowSink& sink, std::size_t column, std::size_t row, const Value& value) {
    if (const auto* whole = std::get_if<std::int64_t>(&value))
        sink.integers(column)[row] = *whole;
    else if (const auto* real = std::get_if<double>(&value))
        sink.reals(column)[row] = *real;
    else if (const auto* truth = std::get_if<bool>(&value))
        sink.booleans(column)[row] = *truth;
    else if (const auto* text = std::get_if<std::string>(&value))
        sink.set_text(column, row, *text);
    else
        sink.set_null(column, row);
}

std::shared_ptr<TableScan> scan_of(std::vector<ScanColumn> columns,
                                   std::vector<std::vector<Value>> rows) {
    return std::make_shared<ValueScan>(std::move(columns), std::move(rows));
}

}  // namespace stroma::sql
