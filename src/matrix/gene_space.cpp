#include "matrix/gene_space.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "matrix/stacked_frame.h"
#include "warehouse/frame_names.h"

namespace stroma::matrix {
namespace {

using expression::Array;
using expression::Column;
using expression::Frame;
using expression::TextArray;

constexpr std::string_view name_columns[] = {
    "feature_name", "featurename", "gene_symbols", "gene_symbol", "gene_name", "Gene", "name"};

bool is_gene(const Column* kind, std::size_t row) {
    if (kind == nullptr) return true;
    const std::string text = kind->text(row);
    return text == "True" || text == "true" || text == "gene" || text == "1";
}

/// The genes of the asked kind: by "isgene" or "feature_kind" where var has one, else all are
/// genes.
std::vector<std::uint32_t> of_kind(const Frame& var, const std::string& feature) {
    const Column* kind = var.find("isgene");
    if (kind == nullptr) kind = var.find("feature_kind");
    std::vector<std::uint32_t> chosen;
    for (std::uint32_t row = 0; row < var.row_count(); ++row)
        if (is_gene(kind, row) == (feature == "gene")) chosen.push_back(row);
    return chosen;
}

/// Which of the wanted genes each row of var answers to, and that they were met.
std::vector<std::uint32_t> wanted_rows(const Frame& var, const std::vector<std::string>& keys,
                                       const std::vector<std::uint32_t>& rows,
                                       const std::unordered_set<std::string>& wanted,
                                       std::unordered_set<std::string>& met) {
    std::vector<std::uint32_t> chosen;
    for (const std::uint32_t row : rows) {
        std::vector<std::string> names = {std::string(var.index[row]), keys[row]};
        for (const auto column_name : name_columns)
            if (const Column* column = var.find(column_name)) names.push_back(column->text(row));
        bool is_wanted = false;
        for (const std::string& name : names)
            if (wanted.contains(name)) {
                met.insert(name);
                is_wanted = true;
            }
        if (is_wanted) chosen.push_back(row);
    }
    return chosen;
}

std::vector<std::int32_t> mapping(std::size_t genes, const std::vector<std::uint32_t>& chosen) {
    std::vector<std::int32_t> output(genes, -1);
    for (std::size_t i = 0; i < chosen.size(); ++i)
        output[chosen[i]] = static_cast<std::int32_t>(i);
    return output;
}

GeneSpace single(const Frame& var, const std::vector<std::uint32_t>& chosen) {
    GeneSpace space;
    if (chosen.size() == var.row_count()) {
        space.var = var;
        space.output_gene.emplace_back();
    } else {
        space.var = var.take(chosen);
        space.output_gene.push_back(mapping(var.row_count(), chosen));
    }
    return space;
}

/// A part's keys, where a key that two of its genes share gives way to their own ids.
std::vector<std::string> distinct_keys(const Frame& var, std::vector<std::string> keys,
                                       const std::vector<std::uint32_t>& rows) {
    std::unordered_map<std::string, int> uses;
    for (const std::uint32_t row : rows) ++uses[keys[row]];
    for (const std::uint32_t row : rows)
        if (uses[keys[row]] > 1) keys[row] = var.index[row];
    return keys;
}

/// One dataset whose genes of one key become one, at the place of the first.
GeneSpace added_up(const Frame& var, const std::vector<std::string>& keys,
                   const std::vector<std::uint32_t>& chosen) {
    std::unordered_map<std::string_view, std::int32_t> place_of;
    std::vector<std::uint32_t> first;
    std::vector<std::int32_t> output(var.row_count(), -1);
    for (const std::uint32_t row : chosen) {
        const auto [at, is_new] =
            place_of.try_emplace(keys[row], static_cast<std::int32_t>(first.size()));
        if (is_new) first.push_back(row);
        output[row] = at->second;
    }
    if (first.size() == var.row_count()) return single(var, chosen);
    GeneSpace space;
    space.var = var.take(first);
    space.output_gene.push_back(std::move(output));
    return space;
}

Column measured_in_all(const std::vector<std::vector<bool>>& measured, std::size_t genes) {
    Array flags{expression::ValueType::boolean, {genes}, Bytes(genes, std::byte{1})};
    for (const auto& part : measured)
        for (std::size_t gene = 0; gene < genes; ++gene)
            if (!part[gene]) flags.bytes[gene] = std::byte{0};
    return Column{"measured_in_all", std::move(flags), std::nullopt};
}

GeneSpace joined(const std::vector<Frame>& vars,
                 const std::vector<std::vector<std::string>>& part_keys,
                 const std::vector<std::vector<std::uint32_t>>& chosen) {
    GeneSpace space;
    std::unordered_map<std::string, std::int32_t> place_of;
    std::vector<Frame> first_seen;  // per part, the rows that it is the first to bring
    TextArray keys;
    for (std::size_t part = 0; part < vars.size(); ++part) {
        const auto& own_keys = part_keys[part];
        std::vector<std::int32_t> output(vars[part].row_count(), -1);
        std::vector<std::uint32_t> fresh;
        for (const std::uint32_t row : chosen[part]) {
            const auto [at, is_new] =
                place_of.try_emplace(own_keys[row], static_cast<std::int32_t>(place_of.size()));
            if (is_new) {
                fresh.push_back(row);
                keys.push_back(own_keys[row]);
            }
            output[row] = at->second;
        }
        space.output_gene.push_back(std::move(output));
        first_seen.push_back(vars[part].take(fresh));
    }
    for (const auto& output : space.output_gene) {
        std::vector<bool> has(place_of.size());
        for (const std::int32_t gene : output)
            if (gene >= 0) has[static_cast<std::size_t>(gene)] = true;
        space.measured.push_back(std::move(has));
    }
    space.var = stack_frames(first_seen, std::vector<std::string>(vars.size()));
    space.var.index = std::move(keys);
    space.var.columns.push_back(measured_in_all(space.measured, place_of.size()));
    return space;
}

}  // namespace

Result<GeneSpace> join_genes(const std::vector<Frame>& vars, const GeneChoice& choice) {
    const std::unordered_set<std::string> wanted(choice.genes.begin(), choice.genes.end());
    std::unordered_set<std::string> met;
    std::vector<std::vector<std::uint32_t>> chosen;
    std::vector<std::vector<std::string>> keys;
    for (const Frame& var : vars) {
        auto rows = of_kind(var, choice.feature);
        keys.push_back(warehouse::featurekeys_of(var));
        chosen.push_back(wanted.empty() ? std::move(rows)
                                        : wanted_rows(var, keys.back(), rows, wanted, met));
        if (vars.size() > 1 && !choice.add_equal_keys)
            keys.back() = distinct_keys(var, std::move(keys.back()), chosen.back());
    }
    for (const std::string& gene : choice.genes)
        if (!met.contains(gene))
            return fail(ErrorCode::invalid_input,
                        "no selected dataset has the " + choice.feature + " '" + gene +
                            "'; genes are named by their id or name in var");
    if (vars.empty()) return GeneSpace{};
    if (vars.size() > 1) return joined(vars, keys, chosen);
    return choice.add_equal_keys ? added_up(vars[0], keys[0], chosen[0])
                                 : single(vars[0], chosen[0]);
}

}  // namespace stroma::matrix
