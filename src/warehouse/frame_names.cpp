#include "warehouse/frame_names.h"

#include <algorithm>
#include <set>

#include "warehouse/frame_scan.h"

namespace stroma::warehouse {

std::string lower_case(std::string_view name) {
    std::string result(name);
    for (char& letter : result) {
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    }
    return result;
}

bool same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && lower_case(a) == lower_case(b);
}

std::vector<NamedColumn> name_columns(const expression::Frame& frame,
                                      std::span<const std::string_view> fixed,
                                      std::string_view prefix) {
    std::set<std::string> taken;
    for (const auto name : fixed) taken.insert(lower_case(name));
    const std::set<std::string> fixed_names = taken;
    std::vector<NamedColumn> named;
    for (const auto& column : frame.columns) {
        std::string name = column.name.empty() ? "unnamed" : column.name;
        if (fixed_names.contains(lower_case(name))) name = std::string(prefix) + "_" + name;
        std::string free_name = name;
        for (int turn = 2; taken.contains(lower_case(free_name)); ++turn) {
            free_name = name + "_" + std::to_string(turn);
        }
        taken.insert(lower_case(free_name));
        named.push_back({&column, free_name, sql_type_of(column)});
    }
    return named;
}

namespace {

bool is_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// The id without its version when it is an Ensembl id (ENS, species letters, kind, 11 digits);
/// else "".
std::string ensembl_id(std::string_view text) {
    constexpr std::string_view par = "_PAR_Y";
    const bool is_par = text.ends_with(par);
    if (is_par) text.remove_suffix(par.size());
    if (!text.starts_with("ENS")) return "";
    std::size_t at = 3;
    while (at < text.size() && text[at] >= 'A' && text[at] <= 'Z') ++at;
    if (at == 3 || at > 10 || text.size() < at + 11) return "";
    if (!is_digits(text.substr(at, 11))) return "";
    const std::string_view rest = text.substr(at + 11);
    const bool has_version = rest.starts_with(".") && is_digits(rest.substr(1));
    if (!rest.empty() && !has_version) return "";
    return std::string(text.substr(0, at + 11)) + (is_par ? std::string(par) : "");
}

}  // namespace

std::vector<std::string> featurekeys_of(const expression::Frame& var) {
    std::vector<const expression::Column*> candidates;
    for (const auto name : {"featurekey", "ensembl_id", "ensembl_ids", "gene_ids", "gene_id",
                            "feature_id", "feature_ids", "Accession", "ensembl"}) {
        const auto* column = var.find(name);
        if (column != nullptr && !column->is_numeric()) candidates.push_back(column);
    }
    std::vector<std::string> keys(var.row_count());
    for (std::size_t gene = 0; gene < keys.size(); ++gene) {
        keys[gene] = ensembl_id(var.index[gene]);
        for (auto column = candidates.begin(); keys[gene].empty() && column != candidates.end();
             ++column) {
            keys[gene] = ensembl_id((*column)->text(gene));
        }
        if (keys[gene].empty()) keys[gene] = std::string(var.index[gene]);
    }
    return keys;
}

}  // namespace stroma::warehouse
