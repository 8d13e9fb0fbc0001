#include "explorer/gene_names.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "base/ascii.h"

namespace stroma::explorer {
namespace {

constexpr std::array<std::string_view, 8> symbol_columns = {
    "feature_name", "gene_symbols", "gene_symbol", "gene_name",
    "gene_names",   "symbol",       "Gene",        "gene_short_name"};
constexpr std::array<std::string_view, 8> id_columns = {"gene_ids",  "gene_id",    "ensembl_id",
                                                        "ensembl",   "feature_id", "ensemblids",
                                                        "Accession", "featurekey"};
constexpr std::array<std::string_view, 4> synonym_columns = {"synonyms", "synonym", "aliases",
                                                             "alias"};

/// "ENSG00000139618.15" → "ENSG00000139618"; nothing when it isn't an Ensembl id with a version.
std::string_view without_version(std::string_view id) {
    const std::size_t dot = id.rfind('.');
    if (!id.starts_with("ENS") || dot == id.npos || dot + 1 == id.size()) return {};
    return id.find_first_not_of("0123456789", dot + 1) == id.npos ? id.substr(0, dot)
                                                                  : std::string_view();
}

}  // namespace

void GeneNames::add(std::string_view name, std::uint8_t rank, std::uint32_t gene) {
    if (name.empty()) return;
    names_.push_back({ascii_lower(name), std::string(name), rank, gene});
}

void GeneNames::add_column(const expression::Column& column, std::uint8_t rank) {
    for (std::uint32_t gene = 0; gene < gene_count(); ++gene) {
        const std::string text = column.text(gene);
        if (rank < 3) {
            add(text, rank, gene);
            add(rank == 0 ? without_version(text) : std::string_view(), 1, gene);
            continue;
        }
        for (std::size_t at = 0; at <= text.size();) {
            const std::size_t end = std::min(text.find_first_of("|,;", at), text.size());
            const std::size_t first = text.find_first_not_of(' ', at);
            if (first < end) add(std::string_view(text).substr(first, end - first), 3, gene);
            at = end + 1;
        }
    }
}

GeneNames::GeneNames(const expression::Frame& var) : ids_(var.index) {
    for (std::uint32_t gene = 0; gene < gene_count(); ++gene) {
        add(ids_[gene], 0, gene);
        add(without_version(ids_[gene]), 1, gene);
    }
    const auto first_of = [&](const auto& known) -> const expression::Column* {
        for (const std::string_view name : known)
            if (const auto* column = var.find(name); column != nullptr && !column->is_numeric())
                return column;
        return nullptr;
    };
    for (const std::string_view name : id_columns)
        if (const auto* column = var.find(name); column != nullptr && !column->is_numeric())
            add_column(*column, 0);
    if (const auto* symbols = first_of(symbol_columns)) {
        add_column(*symbols, 2);
        for (std::uint32_t gene = 0; gene < gene_count(); ++gene)
            symbols_.push_back(symbols->text(gene));
    }
    if (const auto* synonyms = first_of(synonym_columns)) add_column(*synonyms, 3);
    std::sort(names_.begin(), names_.end(), [](const Name& a, const Name& b) {
        return std::tie(a.lower, a.rank, a.gene) < std::tie(b.lower, b.rank, b.gene);
    });
}

std::optional<std::uint32_t> GeneNames::find(std::string_view name) const {
    const std::string lower = ascii_lower(name);
    const Name* in_another_case = nullptr;
    for (auto at = std::lower_bound(names_.begin(), names_.end(), lower,
                                    [](const Name&a, const std::string&b) { return a.lower < b; });
         at != names_.end() && at->lower == lower; ++at) {
        if (at->text == name) return at->gene;
        if (in_another_case == nullptr) in_another_case = &*at;
    }
    if (in_another_case == nullptr) return std::nullopt;
    return in_another_case->gene;
}

std::vector<GeneHit> GeneNames::search(std::string_view text, std::size_t limit) const {
    std::vector<GeneHit> hits;
    std::set<std::uint32_t> seen;
    const auto take = [&](const Name& name) {
        if (seen.insert(name.gene).second)
            hits.push_back(
                {name.gene, std::string(id(name.gene)), std::string(symbol(name.gene)), name.text});
    };
    const std::string lower = ascii_lower(text);
    if (lower.empty()) {
        for (std::uint32_t gene = 0; gene < gene_count() && hits.size() < limit; ++gene)
            hits.push_back({gene, std::string(id(gene)), std::string(symbol(gene)), ""});
        return hits;
    }
    for (auto at = std::lower_bound(names_.begin(), names_.end(), lower,
                                    [](const Name&a, const std::string&b) { return a.lower < b; });
         at != names_.end() && at->lower.starts_with(lower) && hits.size() < limit; ++at)
        take(*at);
    for (auto at = names_.begin(); at != names_.end() && hits.size() < limit; ++at)
        if (at->lower.find(lower) != std::string::npos) take(*at);
    return hits;
}

}  // namespace stroma::explorer
