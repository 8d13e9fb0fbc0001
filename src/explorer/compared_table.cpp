#include "explorer/compared_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/json.h"

namespace stroma::explorer {
namespace {

enum class Kind { comparison, revision, test, gene_id, gene_name, number };

Kind kind_of(const sql::ScanColumn& column) {
    if (column.type != sql::Type::text) return Kind::number;
    if (column.name == "comparison") return Kind::comparison;
    if (column.name == "revision") return Kind::revision;
    if (column.name == "test") return Kind::test;
    return column.name == "gene_id" ? Kind::gene_id : Kind::gene_name;
}

const std::vector<double>* values_called(const ComparedTable& table, std::string_view name) {
    for (const auto& column : table.columns) {
        const bool is_it = column.name == name ||
                           (name == "statistic" && (column.name == "t" || column.name == "z"));
        if (is_it) return &column.values;
    }
    return nullptr;
}

class ComparedScan final : public sql::TableScan {
public:
    ComparedScan(std::vector<sql::ScanColumn> columns, std::size_t count, OpenComparison open)
        : columns_(std::move(columns)), count_(count), open_(std::move(open)) {}
    const std::vector<sql::ScanColumn>& columns() const override { return columns_; }
    std::unique_ptr<sql::ScanRun> begin() override { return std::make_unique<Run>(*this); }

private:
    class Feed final : public sql::RowFeed {
    public:
        Feed(const ComparedScan& scan, std::span<const std::uint32_t> wanted)
            : scan_(scan), wanted_(wanted.begin(), wanted.end()) {}

        Result<std::size_t> fill(sql::RowSink& sink) override {
            while (!is_open_ || gene_ == opened_.table->genes) {
                if (next_ == scan_.count_) return 0;
                opened_ = TRY(scan_.open_(next_++));
                is_open_ = true;
                gene_ = 0;
            }
            const auto count = static_cast<std::size_t>(
                std::min<std::uint64_t>(sink.row_max(), opened_.table->genes - gene_));
            for (const std::uint32_t column : wanted_) put(sink, column, count);
            gene_ += count;
            return count;
        }

    private:
        void put(sql::RowSink& sink, std::uint32_t column, std::size_t count) const {
            const sql::ScanColumn& told = scan_.columns_[column];
            switch (kind_of(told)) {
                case Kind::comparison: return sink.set_all_text(column, opened_.id);
                case Kind::revision: return sink.set_all_text(column, opened_.revision);
                case Kind::test: return sink.set_all_text(column, opened_.test);
                case Kind::number: return put_numbers(sink, column, told.name, count);
                default: break;
            }
            const bool is_id = kind_of(told) == Kind::gene_id;
            for (std::size_t row = 0; row < count; ++row) {
                const auto gene = static_cast<std::uint32_t>(gene_ + row);
                sink.set_text(column, row,
                              is_id ? opened_.genes->id(gene) : opened_.genes->symbol(gene));
            }
        }
        void put_numbers(sql::RowSink& sink, std::uint32_t column, std::string_view name,
                         std::size_t count) const {
            const auto* values = values_called(*opened_.table, name);
            for (std::size_t row = 0; row < count; ++row) {
                const double value = values == nullptr ? std::nan("") : (*values)[gene_ + row];
                if (std::isnan(value))
                    sink.set_null(column, row);
                else
                    sink.reals(column)[row] = value;
            }
        }

        const ComparedScan& scan_;
        const std::vector<std::uint32_t> wanted_;
        OpenedComparison opened_;
        bool is_open_ = false;
        std::size_t next_ = 0;
        std::uint64_t gene_ = 0;
    };
    class Run final : public sql::ScanRun {
    public:
        explicit Run(const ComparedScan& scan) : scan_(scan) {}
        Result<std::unique_ptr<sql::RowFeed>> start(
            std::span<const std::uint32_t> wanted) override {
            return std::make_unique<Feed>(scan_, wanted);
        }

    private:
        const ComparedScan& scan_;
    };

    const std::vector<sql::ScanColumn> columns_;
    const std::size_t count_;
    const OpenComparison open_;
};

}  // namespace

ComparedTable compared_table_of(const expression::Comparison& comparison) {
    ComparedTable table;
    table.genes = comparison.gene_count();
    for (const auto& column : comparison.columns())
        table.columns.push_back(
            {std::string(column.name), {column.values.begin(), column.values.end()}});
    return table;
}

// One line of JSON (names, genes), then the columns' doubles.
std::string to_bytes(const ComparedTable& table) {
    Json names = Json::array();
    for (const auto& column : table.columns) names.push_back(column.name);
    std::string bytes = Json{{"columns", names}, {"genes", table.genes}}.dump() + "\n";
    for (const auto& column : table.columns)
        bytes += as_text(std::as_bytes(std::span(column.values)));
    return bytes;
}

Result<ComparedTable> compared_table_in(std::string_view bytes) {
    const auto damaged = [] {
        return fail(ErrorCode::corrupt, "the kept table of a comparison is damaged");
    };
    const std::size_t end = bytes.find('\n');
    const auto head = parse_json(bytes.substr(0, end));
    if (end == bytes.npos || !head || !head->contains("columns")) return damaged();
    ComparedTable table;
    table.genes = head->value("genes", std::uint64_t{0});
    bytes.remove_prefix(end + 1);
    if (bytes.size() != (*head)["columns"].size() * table.genes * sizeof(double)) return damaged();
    for (const Json& name : (*head)["columns"]) {
        ComparedTable::Column column{name.get<std::string>(), std::vector<double>(table.genes)};
        const std::size_t size = table.genes * sizeof(double);
        if (size > 0) std::memcpy(column.values.data(), bytes.data(), size);
        bytes.remove_prefix(size);
        table.columns.push_back(std::move(column));
    }
    return table;
}

std::vector<sql::ScanColumn> compared_columns() {
    std::vector<sql::ScanColumn> columns;
    for (const char* name : {"comparison", "revision", "test", "gene_id", "gene_name"})
        columns.push_back({name, sql::Type::text});
    for (const char* name :
         {"n_a", "n_b", "mean_a", "mean_b", "variance_a", "variance_b", "fraction_a", "fraction_b",
          "mean_difference", "log2_fold_change", "statistic", "degrees_of_freedom", "auc", "p",
          "p_benjamini_hochberg", "p_bonferroni"})
        columns.push_back({name, sql::Type::real});
    return columns;
}

std::vector<sql::ScanColumn> columns_of_table(const ComparedTable& table) {
    std::vector<sql::ScanColumn> columns{{"gene_id", sql::Type::text},
                                         {"gene_name", sql::Type::text}};
    for (const auto& column : table.columns) columns.push_back({column.name, sql::Type::real});
    return columns;
}

std::shared_ptr<sql::TableScan> scan_compared(std::vector<sql::ScanColumn> columns,
                                              std::size_t count, OpenComparison open) {
    return std::make_shared<ComparedScan>(std::move(columns), count, std::move(open));
}

}  // namespace stroma::explorer
