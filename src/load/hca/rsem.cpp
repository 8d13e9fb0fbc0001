#include "load/hca/rsem.h"

#include <fmt/format.h>

#include <cassert>
#include <cmath>

#include "expression/text/numbers.h"
#include "expression/text/table.h"

namespace stroma::loading {
namespace {

using namespace expression;

/// A matrix of one cell, held in memory.
class OneCell final : public MatrixSource {
public:
    OneCell(const std::vector<double>& dense, ValueType type) : genes_(dense.size()), type_(type) {
        for (std::size_t i = 0; i < dense.size(); ++i) {
            if (dense[i] == 0) continue;
            places_.push_back(static_cast<std::uint32_t>(i));
            values_.resize(places_.size() * size_of(type));
            store_value(values_.data() + (places_.size() - 1) * size_of(type), type, dense[i]);
        }
    }
    std::uint64_t cell_count() const override { return 1; }
    std::uint64_t gene_count() const override { return genes_; }
    ValueType value_type() const override { return type_; }
    Order order() const override { return Order::by_cell; }
    std::optional<std::uint64_t> nonzero_count() const override { return places_.size(); }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return 1; }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        assert(first + count <= 1);
        out = {first, {0}, {}, {}};
        if (count == 0) return {};
        out.starts.push_back(places_.size());
        out.places = places_;
        out.values = values_;
        return {};
    }

private:
    std::uint64_t genes_;
    ValueType type_;
    std::vector<std::uint32_t> places_;
    Bytes values_;
};

/// A column of numbers being gathered from one or two tables.
struct Numbers {
    std::vector<double> values;
    ValueSurvey survey;

    Result<void> add(const Table& table, const std::string& file, std::string_view column) {
        const TextArray* texts = table.find(column);
        if (texts == nullptr)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} has no column '{}'", file, column));
        for (std::size_t i = 0; i < texts->size(); ++i) {
            NumberText number;
            if (!parse_number((*texts)[i], number) || !std::isfinite(number.value) ||
                number.value < 0)
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}, line {}: '{}' is not a {}", file, i + 2,
                                        (*texts)[i].substr(0, 40), column));
            values.push_back(number.value);
            survey.add(number);
        }
        return {};
    }
};

struct RsemRows {
    TextArray ids, genes;
    std::vector<bool> isgene;
    Numbers counts, tpm, length, effective_length;

    Result<void> add(InputFiles& files, const std::string& name, bool is_gene) {
        const Table table = TRY(read_table(files, name, {.dialect = {.quotes = false}}));
        const TextArray* own = table.find(is_gene ? "gene_id" : "transcript_id");
        const TextArray* gene = table.find("gene_id");
        if (own == nullptr || gene == nullptr)
            return fail(ErrorCode::invalid_input,
                        name + " has no column of ids: not an RSEM table");
        for (std::size_t i = 0; i < own->size(); ++i) {
            ids.push_back((*own)[i]);
            genes.push_back((*gene)[i]);
            isgene.push_back(is_gene);
        }
        TRY(counts.add(table, name, "expected_count"));
        TRY(tpm.add(table, name, "TPM"));
        TRY(length.add(table, name, "length"));
        return effective_length.add(table, name, "effective_length");
    }
};

ValueType stored_type(const Numbers& numbers) {
    return numbers.survey.floats ? ValueType::float32 : ValueType::float64;
}

}  // namespace

Result<AnnotatedData> read_rsem(InputFiles& files, const std::string& genes,
                                const std::optional<std::string>& isoforms,
                                const std::string& cell_id) {
    RsemRows rows;
    TRY(rows.add(files, genes, true));
    if (isoforms) TRY(rows.add(files, *isoforms, false));
    AnnotatedData data;
    data.obs.index.push_back(cell_id);
    TRY(settle_ids(rows.ids, "gene", genes, false, data.notes));
    data.var.index_name = "feature_id";
    data.var.index = std::move(rows.ids);
    Array isgene{ValueType::boolean, {rows.isgene.size()}, Bytes(rows.isgene.size())};
    for (std::size_t i = 0; i < rows.isgene.size(); ++i)
        isgene.bytes[i] = static_cast<std::byte>(rows.isgene[i] ? 1 : 0);
    data.var.columns.push_back({"isgene", std::move(isgene), {}});
    if (isoforms) data.var.columns.push_back({"gene_id", std::move(rows.genes), {}});
    data.var.columns.push_back({"length", Array::of(rows.length.values), {}});
    data.var.columns.push_back({"effective_length", Array::of(rows.effective_length.values), {}});
    data.matrices.push_back(
        {"X", Unit::expected_counts,
         std::make_unique<OneCell>(rows.counts.values, stored_type(rows.counts))});
    data.matrices.push_back({"layers/tpm", Unit::tpm,
                             std::make_unique<OneCell>(rows.tpm.values, stored_type(rows.tpm))});
    return data;
}

}  // namespace stroma::loading
