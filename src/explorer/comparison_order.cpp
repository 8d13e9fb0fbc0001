#include "explorer/comparison_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "base/digest.h"
#include "base/json.h"

namespace stroma::explorer {
namespace {

using expression::Scale;

/// Rises when the same question gets other numbers, so that old answers are not found any more.
constexpr int numbers_version = 1;
constexpr JsonLimits json_limits{
    .bytes_max = 64u << 20, .depth_max = 8, .string_bytes_max = 1u << 20};

constexpr std::pair<std::string_view, ComparisonMethod> methods[] = {
    {"welch", ComparisonMethod::welch},
    {"wilcoxon", ComparisonMethod::wilcoxon},
    {"pseudobulk", ComparisonMethod::pseudobulk}};
constexpr std::pair<std::string_view, Scale> scales[] = {
    {"as_stored", Scale::as_stored}, {"log1p", Scale::log1p}, {"log_cp10k", Scale::log_cp10k}};

CellRuns rest_of(const CellRuns& runs, std::uint64_t cells) {
    CellRuns rest;
    std::uint32_t at = 0;
    for (const auto& [first, end] : runs) {
        if (at < first) rest.emplace_back(at, first);
        at = end;
    }
    if (at < cells) rest.emplace_back(at, static_cast<std::uint32_t>(cells));
    return rest;
}

Result<void> settle_donors(const ComparisonOrder& order, const RevisionData& data) {
    if (order.method != ComparisonMethod::pseudobulk) {
        if (order.paired)
            return fail(ErrorCode::invalid_input,
                        fmt::format("at /paired: only a pseudobulk pairs donors, not {}",
                                    name_of(order.method)));
        if (order.donor_column.empty()) return {};
        return fail(ErrorCode::invalid_input,
                    fmt::format("at /donor_column: only a pseudobulk looks at donors, not {}",
                                name_of(order.method)));
    }
    if (order.scale)
        return fail(ErrorCode::invalid_input,
                    "at /scale: a pseudobulk has its own scale, log2(CPM + 1); leave it out");
    const auto known = data.sealed->obs_column_names();
    if (std::find(known.begin(), known.end(), order.donor_column) == known.end())
        return fail(ErrorCode::invalid_input,
                    fmt::format("at /donor_column: obs has no column '{}'", order.donor_column));
    return {};
}

Result<CellRuns> runs_in(const Json& json) {
    if (!json.is_array()) return fail(ErrorCode::corrupt, "a stored comparison has no runs");
    CellRuns runs;
    for (const Json& run : json) {
        if (!run.is_array() || run.size() != 2 || !run[0].is_number_unsigned() ||
            !run[1].is_number_unsigned())
            return fail(ErrorCode::corrupt, "a stored comparison has a run that is none");
        runs.emplace_back(run[0].get<std::uint32_t>(), run[1].get<std::uint32_t>());
    }
    return runs;
}

}  // namespace

std::string_view name_of(ComparisonMethod method) {
    return methods[static_cast<std::size_t>(method)].first;
}

Result<ComparisonMethod> comparison_method_named(std::string_view name) {
    for (const auto& [known, method] : methods)
        if (known == name) return method;
    return fail(ErrorCode::invalid_input,
                fmt::format("'{}' is no test; there are welch, wilcoxon and pseudobulk", name));
}

std::string_view name_of(Scale scale) { return scales[static_cast<std::size_t>(scale)].first; }

Result<Scale> scale_named(std::string_view name) {
    for (const auto& [known, scale] : scales)
        if (known == name) return scale;
    return fail(ErrorCode::invalid_input,
                fmt::format("'{}' is no scale; there are as_stored, log1p and log_cp10k", name));
}

Result<CellRuns> settled_runs(CellRuns runs, std::uint64_t cells, std::string_view set) {
    std::sort(runs.begin(), runs.end());
    CellRuns joined;
    for (const auto& [first, end] : runs) {
        if (first >= end)
            return fail(ErrorCode::invalid_input,
                        fmt::format("at /{}: [{}, {}] is no run of cells; write [first, one past "
                                    "the last]",
                                    set, first, end));
        if (end > cells)
            return fail(ErrorCode::invalid_input,
                        fmt::format("at /{}: there are {} cells; there is no cell {}", set, cells,
                                    end - 1));
        if (!joined.empty() && joined.back().second > first)
            return fail(ErrorCode::invalid_input,
                        fmt::format("at /{}: cell {} comes twice", set, first));
        if (!joined.empty() && joined.back().second == first)
            joined.back().second = end;
        else
            joined.emplace_back(first, end);
    }
    return joined;
}

Scale usual_scale(const expression::MatrixSummary& layer) {
    const bool counts = layer.unit == expression::Unit::counts ||
                        layer.unit == expression::Unit::expected_counts ||
                        (layer.unit == expression::Unit::unknown && layer.whole_numbers);
    return counts && layer.min >= 0 ? Scale::log_cp10k : Scale::as_stored;
}

Result<ComparisonOrder> settled(ComparisonOrder order, const RevisionData& data) {
    const std::uint64_t cells = data.sealed->summary().cells;
    const auto* layer = data.sealed->summary().find(order.layer);
    if (layer == nullptr)
        return fail(ErrorCode::not_found,
                    fmt::format("this revision has no layer '{}'", order.layer));
    TRY(settle_donors(order, data));
    order.a = TRY(settled_runs(std::move(order.a), cells, "a"));
    if (order.b) order.b = TRY(settled_runs(*std::move(order.b), cells, "b"));
    if (order.b && *order.b == rest_of(order.a, cells)) order.b.reset();
    if (!order.scale && order.method != ComparisonMethod::pseudobulk)
        order.scale = usual_scale(*layer);
    return order;
}

std::string to_json(const ComparisonOrder& order) {
    Json json{{"revision", order.revision},
              {"layer", order.layer},
              {"test", name_of(order.method)},
              {"scale", order.scale ? Json(name_of(*order.scale)) : Json(nullptr)},
              {"donor_column", order.donor_column},
              {"a", order.a},
              {"b", order.b ? Json(*order.b) : Json(nullptr)}};
    if (order.paired) json["paired"] = *order.paired;  // else the id is that of former programs
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ComparisonOrder> comparison_order_of(std::string_view text) {
    const Json json = TRY(parse_json(text, json_limits));
    ComparisonOrder order;
    order.revision = json.value("revision", "");
    order.layer = json.value("layer", "");
    order.method = TRY(comparison_method_named(json.value("test", "")));
    if (json.contains("scale") && json["scale"].is_string())
        order.scale = TRY(scale_named(json["scale"].get<std::string>()));
    order.donor_column = json.value("donor_column", "");
    if (json.contains("paired")) order.paired = json.value("paired", false);
    order.a = TRY(runs_in(json.value("a", Json())));
    if (json.contains("b") && !json["b"].is_null()) order.b = TRY(runs_in(json["b"]));
    return order;
}

std::string id_of(const ComparisonOrder& order) {
    ContentHash hash;
    hash.update(as_bytes(fmt::format("{}\n{}", numbers_version, to_json(order))));
    return hash.hex();
}

Result<CellRuns> cells_labelled(const RevisionData& data, std::string_view name,
                                const std::vector<std::string>& labels) {
    const expression::Column column = TRY(data.sealed->obs_column(name));
    const std::set<std::string, std::less<>> wanted(labels.begin(), labels.end());
    std::set<std::string, std::less<>> found;
    CellRuns runs;
    for (std::uint32_t cell = 0; cell < column.size(); ++cell) {
        const auto label = wanted.find(column.text(cell));
        if (label == wanted.end() || column.is_missing(cell)) continue;
        found.insert(*label);
        if (!runs.empty() && runs.back().second == cell)
            ++runs.back().second;
        else
            runs.emplace_back(cell, cell + 1);
    }
    for (const std::string& label : labels)
        if (found.count(label) == 0)
            return fail(ErrorCode::not_found,
                        fmt::format("no cell has the label '{}' in '{}'", label, name));
    return runs;
}

std::vector<std::uint32_t> cells_of(const CellRuns& runs) {
    std::vector<std::uint32_t> cells;
    for (const auto& [first, end] : runs)
        for (std::uint32_t cell = first; cell < end; ++cell) cells.push_back(cell);
    return cells;
}

}  // namespace stroma::explorer
