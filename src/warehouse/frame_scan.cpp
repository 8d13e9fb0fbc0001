#include "warehouse/frame_scan.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace stroma::warehouse {

using expression::Array;
using expression::Categorical;
using expression::Column;
using expression::TextArray;

std::string sql_type_of(const Column& column) {
    const auto* numbers = std::get_if<Array>(&column.values);
    if (numbers == nullptr) return "VARCHAR";
    switch (numbers->type) {
        case expression::ValueType::boolean: return "BOOLEAN";
        case expression::ValueType::float32: return "FLOAT";
        case expression::ValueType::float64:
        case expression::ValueType::uint64: return "DOUBLE";
        default: return "BIGINT";
    }
}

std::string sql_type_of(const std::vector<sql::Value>& values) {
    for (const auto& value : values) {
        if (std::holds_alternative<bool>(value)) return "BOOLEAN";
        if (std::holds_alternative<std::int64_t>(value)) return "BIGINT";
        if (std::holds_alternative<double>(value)) return "DOUBLE";
        if (std::holds_alternative<std::string>(value)) return "VARCHAR";
    }
    return "VARCHAR";
}

namespace {

sql::Type scan_type_of(std::string_view sql_type) {
    if (sql_type == "BOOLEAN") return sql::Type::boolean;
    if (sql_type == "BIGINT" || sql_type == "INTEGER") return sql::Type::integer;
    if (sql_type == "DOUBLE" || sql_type == "FLOAT") return sql::Type::real;
    return sql::Type::text;
}

class ColumnFeed final : public sql::RowFeed {
public:
    ColumnFeed(std::span<const ScannedRows> parts, std::span<const std::uint32_t> wanted)
        : parts_(parts), wanted_(wanted.begin(), wanted.end()) {
        if (!parts_.empty()) begin_part();
    }

    Result<std::size_t> fill(sql::RowSink& sink) override {
        while (part_ < parts_.size() && next_ == parts_[part_].rows) {
            next_ = 0;
            if (++part_ < parts_.size()) begin_part();
        }
        if (part_ == parts_.size()) return std::size_t{0};
        const std::size_t count =
            std::min<std::uint64_t>(sink.row_max(), parts_[part_].rows - next_);
        for (const auto index : wanted_) put(sink, index, count);
        next_ += count;
        return count;
    }

private:
    void begin_part() {
        categories_.assign(parts_[part_].columns.size(), {});
        for (const auto index : wanted_) prepare_categories(index);
    }

    void prepare_categories(std::uint32_t index) {
        const Column* column = parts_[part_].columns[index].column;
        if (column == nullptr || !column->is_categorical()) return;
        const auto& categorical = std::get<Categorical>(column->values);
        for (std::size_t at = 0; at < categorical.category_count(); ++at) {
            categories_[index].push_back(categorical.category_text(at));
        }
    }

    void put(sql::RowSink& sink, std::uint32_t index, std::size_t count) {
        const ScannedColumn& from = parts_[part_].columns[index];
        const sql::Type type = scan_type_of(from.sql_type);
        if (from.row_number) {
            for (std::size_t row = 0; row < count; ++row) {
                sink.integers(index)[row] = static_cast<std::int64_t>(next_ + row);
            }
        } else if (from.texts != nullptr) {
            for (std::size_t row = 0; row < count; ++row) {
                sink.set_text(index, row, (*from.texts)[next_ + row]);
            }
        } else if (from.reals != nullptr) {
            for (std::size_t row = 0; row < count; ++row) {
                const double value = (*from.reals)[next_ + row];
                if (type == sql::Type::integer) {
                    sink.integers(index)[row] = static_cast<std::int64_t>(value);
                } else {
                    sink.reals(index)[row] = value;
                }
            }
        } else if (from.counts != nullptr) {
            for (std::size_t row = 0; row < count; ++row) {
                sink.integers(index)[row] = (*from.counts)[next_ + row];
            }
        } else if (from.values != nullptr) {
            for (std::size_t row = 0; row < count; ++row) {
                put_value(sink, index, row, (*from.values)[next_ + row]);
            }
        } else if (from.column != nullptr) {
            put_column(sink, index, *from.column, type, count);
        } else if (const auto* text = std::get_if<std::string>(&from.constant)) {
            sink.set_all_text(index, *text);
        } else {
            for (std::size_t row = 0; row < count; ++row)
                put_value(sink, index, row, from.constant);
        }
    }

    static void put_value(sql::RowSink& sink, std::uint32_t index, std::size_t row,
                          const sql::Value& value) {
        if (const auto* flag = std::get_if<bool>(&value)) {
            sink.booleans(index)[row] = *flag;
        } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
            sink.integers(index)[row] = *integer;
        } else if (const auto* real = std::get_if<double>(&value)) {
            sink.reals(index)[row] = *real;
        } else if (const auto* text = std::get_if<std::string>(&value)) {
            sink.set_text(index, row, *text);
        } else {
            sink.set_null(index, row);
        }
    }

    void put_column(sql::RowSink& sink, std::uint32_t index, const Column& column, sql::Type type,
                    std::size_t count) {
        const auto* numbers = std::get_if<Array>(&column.values);
        const auto* texts = std::get_if<TextArray>(&column.values);
        const auto* categorical = std::get_if<Categorical>(&column.values);
        for (std::size_t at = 0; at < count; ++at) {
            const std::size_t row = next_ + at;
            if (column.missing && (*column.missing)[row]) {
                sink.set_null(index, at);
            } else if (texts != nullptr) {
                sink.set_text(index, at, (*texts)[row]);
            } else if (categorical != nullptr) {
                const std::int32_t code = categorical->codes[row];
                if (code < 0) {
                    sink.set_null(index, at);
                } else {
                    sink.set_text(index, at, categories_[index][static_cast<std::size_t>(code)]);
                }
            } else if (type == sql::Type::boolean) {
                sink.booleans(index)[at] = numbers->integer(row) != 0;
            } else if (type == sql::Type::integer) {
                sink.integers(index)[at] = numbers->integer(row);
            } else {
                const double value = numbers->number(row);
                if (std::isnan(value)) {
                    sink.set_null(index, at);
                } else {
                    sink.reals(index)[at] = value;
                }
            }
        }
    }

    std::span<const ScannedRows> parts_;
    std::vector<std::uint32_t> wanted_;
    std::size_t part_ = 0;
    std::uint64_t next_ = 0;  // row of the part
    std::vector<std::vector<std::string>> categories_;
};

class ColumnScan final : public sql::TableScan {
public:
    explicit ColumnScan(std::vector<ScannedRows> parts) : parts_(std::move(parts)) {
        for (const auto& column : parts_.front().columns)
            columns_.push_back({column.name, scan_type_of(column.sql_type)});
        for (const auto& part : parts_) rows_ += part.rows;
    }
    const std::vector<sql::ScanColumn>& columns() const override { return columns_; }
    std::optional<std::uint64_t> row_estimate() const override { return rows_; }
    std::unique_ptr<sql::ScanRun> begin() override { return std::make_unique<Run>(*this); }

private:
    struct Run final : sql::ScanRun {
        explicit Run(const ColumnScan& scan) : scan_(scan) {}
        Result<std::unique_ptr<sql::RowFeed>> start(
            std::span<const std::uint32_t> wanted) override {
            return std::make_unique<ColumnFeed>(scan_.parts_, wanted);
        }
        const ColumnScan& scan_;
    };

    std::vector<ScannedRows> parts_;
    std::vector<sql::ScanColumn> columns_;
    std::uint64_t rows_ = 0;
};

}  // namespace

std::shared_ptr<sql::TableScan> scan_parts(std::vector<ScannedRows> parts) {
    assert(!parts.empty());
    return std::make_shared<ColumnScan>(std::move(parts));
}

}  // namespace stroma::warehouse
