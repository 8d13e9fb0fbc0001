#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_tables.h"
#include "base/json.h"
#include "expression/text/numbers.h"
#include "expression/text/table.h"
#include "tissue/gate/gates.h"

namespace stroma::app {
namespace {

constexpr int tree_depth_max = 16;

Result<expression::Table> small_table(const fs::path& path) {
    const auto files = TRY(expression::open_input(path));
    expression::TableOptions options;
    options.guess = true;
    return expression::read_table(*files, files->name(), options);
}

/// A table of marker and gate, or the parameter {"CD45": 6.4, …}.
Result<std::vector<tissue::Gate>> gates_said(const StepRun& run) {
    std::vector<tissue::Gate> gates;
    if (!run.inputs("gates").empty()) {
        const fs::path& path = run.inputs("gates").front();
        const auto table = TRY(small_table(path));
        if (table.columns.size() < 2)
            return fail(ErrorCode::invalid_input, path.string() + ": marker and gate are needed");
        expression::NumberText number;
        for (std::size_t i = 0; i < table.row_count(); ++i) {
            if (!expression::parse_number(table.columns[1][i], number))
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}: line {}: '{}' is no number", path.string(), i + 2,
                                        table.columns[1][i]));
            gates.push_back({std::string(table.columns[0][i]), number.value});
        }
    }
    const Json said = Json::parse(run.text("gates"));
    for (const auto& [marker, value] : said.items()) {
        if (!value.is_number())
            return fail(ErrorCode::invalid_input,
                        fmt::format("the gate of '{}' is no number", marker));
        gates.push_back({marker, value.get<double>()});
    }
    return gates;
}

/// scimap's workflow: group, name, then a column for each marker with its rule.
Result<std::vector<tissue::Phenotype>> workflow_rules(const fs::path& path) {
    const auto table = TRY(small_table(path));
    std::vector<tissue::Phenotype> rules;
    for (std::size_t row = 0; row < table.row_count(); ++row) {
        tissue::Phenotype rule{
            std::string(table.columns[0][row]), std::string(table.columns[1][row]), {}};
        for (std::size_t column = 2; column < table.columns.size(); ++column) {
            const std::string_view word = table.columns[column][row];
            if (word.empty()) continue;
            const auto known = tissue::rule_named(word);
            if (!known)
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}: line {}: '{}' is no rule; there are pos, neg, anypos, "
                                        "anyneg, allpos, allneg",
                                        path.string(), row + 2, word));
            rule.markers.emplace_back(table.header[column], *known);
        }
        rules.push_back(std::move(rule));
    }
    return rules;
}

/// {"Immune": {"pos": ["CD45"], "types": {"Treg": {"pos": ["FOXP3"]}}}}: a level before the levels
/// within it.
Result<void> add_tree(const Json& tree, const std::string& group, int depth,
                      std::vector<tissue::Phenotype>& rules) {
    if (!tree.is_object() || depth > tree_depth_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("tree: '{}' is no object, or lies too deep", group));
    for (const auto& [name, node] : tree.items()) {
        tissue::Phenotype rule{group, name, {}};
        for (const auto& [word, markers] : node.items()) {
            if (word == "types") continue;
            const auto known = tissue::rule_named(word);
            const Json list = markers.is_string() ? Json::array({markers}) : markers;
            if (!known || !list.is_array())
                return fail(ErrorCode::invalid_input,
                            fmt::format("tree: '{}' of '{}' is no rule; there are pos, neg, "
                                        "anypos, anyneg, allpos, allneg with lists of markers, and "
                                        "types",
                                        word, name));
            for (const Json& marker : list) {
                if (!marker.is_string())
                    return fail(ErrorCode::invalid_input,
                                fmt::format("tree: a marker of '{}' is no text", name));
                rule.markers.emplace_back(marker.get<std::string>(), *known);
            }
        }
        rules.push_back(std::move(rule));
    }
    for (const auto& [name, node] : tree.items())
        if (node.contains("types")) TRY(add_tree(node["types"], name, depth + 1, rules));
    return {};
}

std::vector<std::string> markers_used(const std::vector<tissue::Phenotype>& rules,
                                      const std::vector<tissue::Gate>& gates) {
    std::vector<std::string> used;
    const auto add = [&](const std::string& marker) {
        if (std::find(used.begin(), used.end(), marker) == used.end()) used.push_back(marker);
    };
    for (const auto& gate : gates) add(gate.marker);
    for (const auto& rule : rules)
        for (const auto& [marker, word] : rule.markers) add(marker);
    return used;
}

Result<void> gate(StepRun& run) {
    tissue::CellTable table = TRY(open_all_cells(run));
    const auto said = TRY(gates_said(run));
    std::vector<tissue::Phenotype> rules;
    if (!run.inputs("workflow").empty())
        rules = TRY(workflow_rules(run.inputs("workflow").front()));
    const Json tree = Json::parse(run.text("tree"));
    TRY(add_tree(tree, "all", 0, rules));
    std::vector<std::string> markers = markers_used(rules, said);
    if (markers.empty()) markers = table.markers;
    const auto used = TRY(tissue::rescale(table, run.text("layer"), markers, said));
    CsvText gates({"marker", "gate", "found", "positive_share"});
    const std::vector<float>& gated = table.layer("gated")->values;
    for (const tissue::Gate& one : used) {
        const auto place = static_cast<std::size_t>(
            std::find(table.markers.begin(), table.markers.end(), one.marker) -
            table.markers.begin());
        double positive = 0;
        for (std::size_t i = 0; i < table.cell_count(); ++i)
            positive += gated[i * table.markers.size() + place] >= 0.5f ? 1 : 0;
        const bool is_said = std::any_of(said.begin(), said.end(), [&](const auto& other) {
            return other.marker == one.marker;
        });
        gates.row({one.marker, CsvText::number(one.value), is_said ? "said" : "mixture",
                   CsvText::number(positive / static_cast<double>(table.cell_count()))});
    }
    TRY(gates.write(run.output() / "gates.csv"));
    run.made("gates", "gates.csv");
    if (!rules.empty()) {
        TRY(tissue::phenotype(table, rules, run.text("column")));
        std::map<std::string, double> counts;
        const tissue::WordColumn& words = *table.word(run.text("column"));
        for (const std::int32_t code : words.codes)
            ++counts[words.levels[static_cast<std::size_t>(code)]];
        for (const auto& [name, count] : counts) run.tell(name, count);
    }
    run.made("cells", TRY(write_cells(run, std::move(table), "cells")));
    return {};
}

}  // namespace

Step gate_step() {
    using enum ParameterType;
    return {
        .name = "gate",
        .summary = "Which markers a cell has, and what cell it is by a tree of rules",
        .inputs = {{"cells", "cells", "a table of cells"},
                   {"gates", "table", "CSV of marker and gate, in log1p", false},
                   {"workflow", "table", "CSV of rules as scimap has it: group, name, markers",
                    false}},
        .outputs = {{"cells", "cells", "the same with the layer gated and the cells' kinds"},
                    {"gates", "table", "the gates used, and how many cells are positive"}},
        .parameters = {{"layer", text, "\"X\"", "what is gated"},
                       {"gates", json, "{}",
                        "marker: gate in log1p; for others one is found by a mixture"},
                       {"tree", json, "{}",
                        "kind: {pos, neg, anypos, anyneg, allpos, allneg: markers; "
                        "types: kinds within}"},
                       {"column", text, "\"phenotype\"", "what the kinds' column is called"}},
        .run = gate,
    };
}

}  // namespace stroma::app
