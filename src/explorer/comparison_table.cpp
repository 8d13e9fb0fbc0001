#include "explorer/comparison_table.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <map>

#include "base/json.h"
#include "explorer/arrow_table.h"

namespace stroma::explorer {
namespace {

using expression::Comparison;
using expression::Side;

/// Each cell's donor as a number; -1 where it is missing.
struct Donors {
    std::vector<std::int32_t> of_cell;
    std::vector<std::string> names;
};

Donors donors_in(const expression::Column& column) {
    Donors donors;
    std::map<std::string, std::int32_t, std::less<>> numbers;
    for (std::size_t cell = 0; cell < column.size(); ++cell) {
        if (column.is_missing(cell)) {
            donors.of_cell.push_back(-1);
            continue;
        }
        const auto [known, is_new] =
            numbers.try_emplace(column.text(cell), static_cast<std::int32_t>(donors.names.size()));
        if (is_new) donors.names.push_back(known->first);
        donors.of_cell.push_back(known->second);
    }
    return donors;
}

/// What log2_fold_change is of, in words.
std::string fold_change_words(const ComparisonOrder& order, const Comparison& table) {
    if (order.method == ComparisonMethod::pseudobulk)
        return "log2 fold change: mean of log2(CPM + 1) over the donors of A less that of B";
    return table.logarithms
               ? "log2 fold change of the means, after exp(mean) - 1 of the values' natural "
                 "logarithms"
               : "log2 fold change of the means";
}

std::string csv_field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
    std::string quoted = "\"";
    for (const char letter : text) {
        if (letter == '"') quoted += '"';
        quoted += letter;
    }
    return quoted + '"';
}

std::string csv_of(const GeneNames& genes, const std::vector<ComparedTable::Column>& columns) {
    std::string text = "gene_id,gene_name";
    for (const auto& column : columns) text += fmt::format(",{}", column.name);
    text += '\n';
    for (std::uint32_t gene = 0; gene < genes.gene_count(); ++gene) {
        text += csv_field(genes.id(gene)) + ',' + csv_field(genes.symbol(gene));
        for (const auto& column : columns) {
            text += ',';
            if (std::isnan(column.values[gene]))
                text += "nan";
            else
                fmt::format_to(std::back_inserter(text), "{}", column.values[gene]);
        }
        text += '\n';
    }
    return text;
}

Json number_json(double value) {
    if (std::isnan(value)) return nullptr;
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    return value;
}

std::string json_of(const GeneNames& genes, const std::vector<ComparedTable::Column>& columns) {
    Json names{"gene_id", "gene_name"};
    for (const auto& column : columns) names.push_back(column.name);
    Json rows = Json::array();
    for (std::uint32_t gene = 0; gene < genes.gene_count(); ++gene) {
        Json row{genes.id(gene), genes.symbol(gene)};
        for (const auto& column : columns) row.push_back(number_json(column.values[gene]));
        rows.push_back(std::move(row));
    }
    return Json{
        {"columns", std::move(names)}, {"row_count", genes.gene_count()}, {"rows", std::move(rows)}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> arrow_of(const GeneNames& genes,
                             const std::vector<ComparedTable::Column>& columns) {
    expression::TextArray ids, symbols;
    for (std::uint32_t gene = 0; gene < genes.gene_count(); ++gene) {
        ids.push_back(genes.id(gene));
        symbols.push_back(genes.symbol(gene));
    }
    ArrowTable table(genes.gene_count());
    table.add("gene_id", ids);
    table.add("gene_name", symbols);
    for (const auto& column : columns) {
        const ByteSpan bytes = std::as_bytes(std::span(column.values));
        table.add(column.name, expression::ValueType::float64, Bytes(bytes.begin(), bytes.end()));
    }
    return table.write(arrow::BodyCompression::none);
}

}  // namespace

Result<ComparedGenes> run_comparison(const ComparisonOrder& order, const RevisionData& data,
                                     const expression::Watch& watch) {
    const auto matrix = TRY(data.sealed->matrix(order.layer));
    const auto a = cells_of(order.a);
    std::vector<std::uint32_t> other;
    std::optional<std::span<const std::uint32_t>> b;
    if (order.b) {
        other = cells_of(*order.b);
        b = other;
    }
    ComparedGenes genes;
    if (order.method == ComparisonMethod::pseudobulk) {
        Donors donors = donors_in(TRY(data.sealed->obs_column(order.donor_column)));
        expression::PseudobulkOptions options;
        options.paired = order.paired;
        auto compared =
            TRY(expression::compare_donors(*matrix, a, b, donors.of_cell, options, watch));
        genes.table = std::move(compared.table);
        genes.samples = std::move(compared.samples);
        genes.paired = compared.paired;
        genes.donors = std::move(donors.names);
        return genes;
    }
    expression::CompareOptions options;
    options.test = order.method == ComparisonMethod::welch ? expression::Test::welch_t
                                                           : expression::Test::rank_sum;
    options.scale = order.scale.value_or(expression::Scale::as_stored);
    genes.table = TRY(expression::compare(*matrix, a, b, options, watch));
    return genes;
}

std::string comparison_summary(const ComparisonOrder& order, const RevisionData& data,
                               const ComparedGenes& genes) {
    const Comparison& table = genes.table;
    const auto* layer = data.sealed->summary().find(order.layer);
    Json json{{"revision", order.revision},
              {"test", name_of(order.method)},
              {"layer", order.layer},
              {"unit", layer != nullptr ? name_of(layer->unit) : ""},
              {"scale", order.scale ? Json(name_of(*order.scale)) : Json("log2_cpm")},
              {"logarithms", table.logarithms},
              {"cells_a", table.cells_a},
              {"cells_b", table.cells_b},
              {"genes", table.gene_count()},
              {"genes_tested", table.tested},
              {"fold_change", fold_change_words(order, table)},
              {"warnings", table.warnings}};
    if (order.method == ComparisonMethod::pseudobulk) {
        json["donor_column"] = order.donor_column;
        json["paired"] = genes.paired;
        json["samples"] = Json::array();
        for (const auto& sample : genes.samples)
            json["samples"].push_back(
                {{"donor", genes.donors[static_cast<std::size_t>(sample.donor)]},
                 {"set", sample.side == Side::a ? "a" : "b"},
                 {"cells", sample.cells},
                 {"counts", sample.counts},
                 {"used", sample.used}});
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string_view name_of(TableFormat format) {
    constexpr std::string_view names[] = {"arrow", "csv", "json", "parquet"};
    return names[static_cast<std::size_t>(format)];
}

Result<Made> comparison_table(const ComparisonOrder& order, const RevisionData& data,
                              const ComparedTable& compared, TableFormat format) {
    const GeneNames& genes = *TRY(data.genes_of(order.layer));
    const auto& columns = compared.columns;
    if (format == TableFormat::csv)
        return Made{csv_of(genes, columns), "text/csv; charset=utf-8; header=present"};
    if (format == TableFormat::json) return Made{json_of(genes, columns), "application/json"};
    return Made{TRY(arrow_of(genes, columns)), "application/vnd.apache.arrow.stream"};
}

}  // namespace stroma::explorer
