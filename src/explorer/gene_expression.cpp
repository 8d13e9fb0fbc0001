#include "explorer/gene_expression.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/digest.h"
#include "base/json.h"

namespace stroma::explorer {
namespace {

constexpr std::size_t labels_max = 1000;

/// Each cell's label by number; -1 where it has none.
struct CellGroups {
    std::string column;
    std::vector<std::string> labels;
    std::vector<std::int32_t> of_cell;
};

CellGroups groups_of(const expression::Column& column) {
    CellGroups groups{column.name, {}, {}};
    if (const auto* known = std::get_if<expression::Categorical>(&column.values)) {
        for (std::size_t at = 0; at < known->category_count(); ++at)
            groups.labels.push_back(known->category_text(at));
        groups.of_cell = known->codes;
        return groups;
    }
    std::unordered_map<std::string, std::int32_t> numbers;
    groups.of_cell.resize(column.size(), -1);
    for (std::size_t cell = 0; cell < column.size(); ++cell) {
        if (column.is_missing(cell)) continue;
        const auto [found, is_new] =
            numbers.try_emplace(column.text(cell), static_cast<std::int32_t>(numbers.size()));
        if (is_new) groups.labels.push_back(found->first);
        groups.of_cell[cell] = found->second;
    }
    return groups;
}

Result<CellGroups> groups_by_first(const RevisionData& data,
                                   const std::vector<std::string>& columns) {
    const auto names = data.sealed->obs_column_names();
    for (const std::string& wanted : columns) {
        if (std::find(names.begin(), names.end(), wanted) == names.end()) continue;
        CellGroups groups = groups_of(TRY(data.sealed->obs_column(wanted)));
        if (groups.labels.size() <= labels_max) return groups;
        break;
    }
    return CellGroups{
        "", {""}, std::vector<std::int32_t>(data.sealed->summary().cells, std::int32_t{0})};
}

const expression::MatrixSummary* layer_of(const expression::DatasetSummary& summary) {
    for (const std::string_view name : {"raw.X", "X", "layers/counts", "layers/raw"})
        if (const auto* found = summary.find(name); found != nullptr && found->whole_numbers)
            return found;
    return summary.find("X");
}

Json json_of(const GeneExpression& told) {
    Json groups = Json::array();
    for (const GeneInGroup& group : told.groups)
        groups.push_back(Json::array({group.label, group.cells, group.expressing, group.sum}));
    return {{"gene_id", told.gene_id},
            {"gene_name", told.gene_name},
            {"layer", told.layer},
            {"scale", told.scale},
            {"unit", told.unit},
            {"column", told.column},
            {"groups", std::move(groups)},
            {"cells", told.cells},
            {"expressing", told.expressing},
            {"sum", told.sum}};
}

GeneExpression expression_in(const Json& json) {
    GeneExpression told{.gene_id = json.at("gene_id").get<std::string>(),
                        .gene_name = json.at("gene_name").get<std::string>(),
                        .layer = json.at("layer").get<std::string>(),
                        .scale = json.at("scale").get<std::string>(),
                        .unit = json.at("unit").get<std::string>(),
                        .column = json.at("column").get<std::string>(),
                        .groups = {},
                        .cells = json.at("cells").get<std::uint64_t>(),
                        .expressing = json.at("expressing").get<std::uint64_t>(),
                        .sum = json.at("sum").get<double>()};
    for (const Json& group : json.at("groups"))
        told.groups.push_back({group[0].get<std::string>(), group[1].get<std::uint64_t>(),
                               group[2].get<std::uint64_t>(), group[3].get<double>()});
    return told;
}

}  // namespace

Result<std::optional<GeneExpression>> gene_expression(const RevisionData& data,
                                                      std::string_view gene,
                                                      const std::vector<std::string>& columns) {
    const auto* layer = layer_of(data.sealed->summary());
    if (layer == nullptr) return std::nullopt;
    const GeneNames& names = *TRY(data.genes_of(layer->name));
    const auto found = names.find(gene);
    if (!found) return std::nullopt;
    const auto matrix = TRY(data.sealed->matrix(layer->name));
    CellGroups by = TRY(groups_by_first(data, columns));
    GeneExpression told;
    told.gene_id = names.id(*found);
    told.gene_name = names.symbol(*found);
    told.layer = layer->name;
    told.unit = name_of(layer->unit);
    told.column = by.column;
    told.cells = data.sealed->summary().cells;
    const auto scale =
        layer->whole_numbers ? expression::Scale::log_cp10k : expression::Scale::as_stored;
    told.scale = layer->whole_numbers ? "log_cp10k" : "as_stored";
    std::vector<double> totals;
    if (layer->whole_numbers) totals = TRY(matrix->cell_totals());
    for (std::string& label : by.labels) told.groups.push_back({std::move(label), 0, 0, 0});
    for (const std::int32_t group : by.of_cell)
        if (group >= 0) ++told.groups[static_cast<std::size_t>(group)].cells;
    expression::GeneColumn values;
    TRY(matrix->read_gene(*found, values));
    for (std::size_t at = 0; at < values.cells.size(); ++at) {
        const std::uint32_t cell = values.cells[at];
        const double value =
            expression::scaled(values.values[at], scale, totals.empty() ? 0 : totals[cell]);
        if (value == 0 || !std::isfinite(value)) continue;
        ++told.expressing;
        told.sum += value;
        if (by.of_cell[cell] < 0) continue;
        GeneInGroup& group = told.groups[static_cast<std::size_t>(by.of_cell[cell])];
        ++group.expressing;
        group.sum += value;
    }
    std::erase_if(told.groups, [](const GeneInGroup& group) { return group.cells == 0; });
    std::stable_sort(told.groups.begin(), told.groups.end(),
                     [](const auto& one, const auto& other) { return one.cells > other.cells; });
    return told;
}

Result<std::optional<GeneExpression>> kept_gene_expression(
    Explorer& explorer, const std::string& revision, const std::string& gene,
    const std::vector<std::string>& columns) {
    std::string question = gene;
    for (const std::string& column : columns) question += "\n" + column;
    const auto make = [&](const RevisionData& data) -> Result<Made> {
        const auto told = TRY(gene_expression(data, gene, columns));
        return Made{
            told ? json_of(*told).dump(-1, ' ', false, Json::error_handler_t::replace) : "null",
            "application/json"};
    };
    const Body body = TRY(explorer.answer(
        {revision, "gene_in_groups/" + sha256_hex(question), Coding::identity}, make));
    std::string bytes(body.size_bytes, '\0');
    TRY(body.file->read_at(0, std::as_writable_bytes(std::span(bytes))));
    const Json json = TRY(parse_json(bytes, {.bytes_max = 64u << 20}));
    if (json.is_null()) return std::nullopt;
    return expression_in(json);
}

}  // namespace stroma::explorer
