#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "annotation/csv.h"
#include "annotation/gene_sets.h"
#include "base/json.h"

// Gene sets as CSV and JSON, in cellxgene's words, and what they must be like.

namespace stroma::annotation {
namespace {

constexpr std::size_t sets_max = 5'000, genes_max = 10'000, genes_in_all_max = 200'000;
constexpr std::size_t description_bytes_max = 4'000;
constexpr std::array<std::string_view, 4> csv_header = {"gene_set_name", "gene_set_description",
                                                        "gene_symbol", "gene_description"};

bool is_plain_name(std::string_view name) {
    return !name.empty() && name.size() <= text_bytes_max && name.front() != ' ' &&
           name.back() != ' ' && name.find("  ") == name.npos &&
           std::all_of(name.begin(), name.end(),
                       [](char letter) { return letter >= ' ' && letter <= '~'; });
}

Result<void> check_set(const GeneSet& set) {
    if (!is_plain_name(set.name))
        return fail(ErrorCode::invalid_input,
                    fmt::format("'{}' is no name of a gene set: 1 to {} printable ASCII "
                                "characters, no blank at an end, no two in a row",
                                set.name.substr(0, text_bytes_max), text_bytes_max));
    if (set.description.size() > description_bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("the description of '{}' has more than {} bytes", set.name,
                                description_bytes_max));
    if (set.genes.size() > genes_max)
        return fail(ErrorCode::exhausted, fmt::format("'{}' has {} genes; {} are the most",
                                                      set.name, set.genes.size(), genes_max));
    std::set<std::string_view> symbols;
    for (const SetGene& gene : set.genes) {
        TRY_WITH(check_text("gene", gene.symbol), "the gene set '" + set.name + "'");
        if (!symbols.insert(gene.symbol).second)
            return fail(ErrorCode::invalid_input,
                        fmt::format("'{}' names '{}' twice", set.name, gene.symbol));
    }
    return {};
}

Result<std::string> text_at(const Json& json, const char* name, bool is_needed) {
    if (!json.is_object())
        return fail(ErrorCode::invalid_input, "gene sets and genes are JSON objects");
    if (!json.contains(name) || json[name].is_null()) {
        if (!is_needed) return std::string();
        return fail(ErrorCode::invalid_input, fmt::format("a '{}' is missing", name));
    }
    if (!json[name].is_string())
        return fail(ErrorCode::invalid_input, fmt::format("'{}' must be a text", name));
    return json[name].get<std::string>();
}

Result<GeneSet> set_in(const Json& json) {
    GeneSet set;
    set.name = TRY(text_at(json, "geneset_name", true));
    set.description = TRY(text_at(json, "geneset_description", false));
    if (!json.contains("genes") || !json["genes"].is_array())
        return fail(ErrorCode::invalid_input, "'genes' of '" + set.name + "' must be a list");
    for (const Json& gene : json["genes"]) {
        auto symbol = TRY(text_at(gene, "gene_symbol", true));
        auto description = TRY(text_at(gene, "gene_description", false));
        set.genes.push_back({std::move(symbol), std::move(description)});
    }
    return set;
}

}  // namespace

Result<void> check(const std::vector<GeneSet>& sets) {
    if (sets.size() > sets_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("{} gene sets are more than {}", sets.size(), sets_max));
    std::set<std::string_view> names;
    std::size_t genes = 0;
    for (const GeneSet& set : sets) {
        TRY(check_set(set));
        genes += set.genes.size();
        if (!names.insert(set.name).second)
            return fail(ErrorCode::invalid_input, "the gene set '" + set.name + "' comes twice");
    }
    if (genes > genes_in_all_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("{} genes in all sets are more than {}", genes, genes_in_all_max));
    return {};
}

std::string gene_sets_to_csv(const std::vector<GeneSet>& sets) {
    std::string csv = fmt::format("{}\n", fmt::join(csv_header, ","));
    const auto add_row = [&](const GeneSet& set, bool is_first, const SetGene& gene) {
        csv += fmt::format("{},{},{},{}\n", csv_field(set.name),
                           is_first ? csv_field(set.description) : "", csv_field(gene.symbol),
                           csv_field(gene.description));
    };
    for (const GeneSet& set : sets) {
        if (set.genes.empty()) add_row(set, true, {});
        for (std::size_t i = 0; i < set.genes.size(); ++i) add_row(set, i == 0, set.genes[i]);
    }
    return csv;
}

Result<ReadGeneSets> gene_sets_from_csv(std::string_view text) {
    const auto rows = TRY(parse_csv(text));
    // More columns are allowed behind these, and not read.
    const bool has_header =
        !rows.empty() && rows.front().fields.size() >= csv_header.size() &&
        std::equal(csv_header.begin(), csv_header.end(), rows.front().fields.begin());
    if (!has_header)
        return fail(ErrorCode::invalid_input,
                    fmt::format("the first line must be {}", fmt::join(csv_header, ",")));
    ReadGeneSets read;
    for (std::size_t i = 1; i < rows.size(); ++i) {
        const auto& fields = rows[i].fields;
        if (fields.size() < 3)
            return fail(ErrorCode::invalid_input,
                        fmt::format("line {} of the CSV has {} fields; {} are needed", rows[i].line,
                                    fields.size(), csv_header.size()));
        auto set = std::find_if(read.sets.begin(), read.sets.end(),
                                [&](const GeneSet& one) { return one.name == fields[0]; });
        if (set == read.sets.end())
            set = read.sets.insert(set, GeneSet{fields[0], fields[1], {}});
        else if (set->description.empty())
            set->description = fields[1];
        if (fields[2].empty()) continue;
        const bool is_new = std::none_of(set->genes.begin(), set->genes.end(),
                                         [&](const auto& g) { return g.symbol == fields[2]; });
        if (is_new)
            set->genes.push_back({fields[2], fields.size() > 3 ? fields[3] : ""});
        else
            ++read.repeated;
    }
    TRY(check(read.sets));
    return read;
}

std::string gene_sets_to_json(const std::vector<GeneSet>& sets) {
    Json json = Json::array();
    for (const GeneSet& set : sets) {
        Json genes = Json::array();
        for (const SetGene& gene : set.genes)
            genes.push_back({{"gene_symbol", gene.symbol}, {"gene_description", gene.description}});
        json.push_back({{"geneset_name", set.name},
                        {"geneset_description", set.description},
                        {"genes", std::move(genes)}});
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<GeneSet>> gene_sets_from_json(std::string_view text) {
    const Json json = TRY(parse_json(text, {.bytes_max = 256u << 20}));
    if (!json.is_array()) return fail(ErrorCode::invalid_input, "gene sets are a JSON list");
    std::vector<GeneSet> sets;
    for (const Json& set : json) sets.push_back(TRY(set_in(set)));
    return sets;
}

}  // namespace stroma::annotation
