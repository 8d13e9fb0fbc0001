#include "portal/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <regex>
#include <set>
#include <unordered_map>

#include "base/digest.h"
#include "base/json.h"
#include "portal/facets.h"
#include "portal/findings.h"

namespace stroma::portal {
namespace {

using expression::SealedMatrix;

Result<void> check_ids(RuleRun& run) {
    const std::string where = run.text("where");
    const auto& ids = where == "var" ? run.examined().gene_ids : run.examined().cell_ids;
    std::unordered_map<std::string_view, std::size_t> seen;
    seen.reserve(ids.size());
    for (std::size_t row = 0; row < ids.size(); ++row)
        if (const auto [first, is_new] = seen.try_emplace(ids[row], row); !is_new)
            run.find_rows(where, "index", std::string(ids[row]),
                          fmt::format("'{}' stands also in row {}", ids[row], first->second),
                          {1, row});
    return {};
}

Result<void> check_uns_text(RuleRun& run) {
    const std::string key = run.text("key"), value = uns_text(run.examined().uns, key);
    const auto allowed = run.texts("allowed");
    if (value.empty()) {
        if (!run.rule().value("optional", false))
            run.find({"uns", key, "", "is not there or is no text", std::nullopt, ""});
    } else if (!allowed.empty() &&
               std::find(allowed.begin(), allowed.end(), value) == allowed.end())
        run.find({"uns", key, value, "'" + value + "' is not one of the values that may be",
                  std::nullopt, ""});
    return {};
}

const expression::Element* entry_of(const expression::Dict& dict, std::string_view name) {
    for (const auto& [key, element] : dict)
        if (key == name) return &element;
    return nullptr;
}

Result<void> check_uns_column(RuleRun& run) {
    const std::string key = run.text("key");
    const auto* element = entry_of(run.examined().uns, key);
    if (element == nullptr) return {};
    const auto* texts = std::get_if<expression::TextGrid>(&element->value);
    const auto& names = run.examined().obs_columns;
    for (std::size_t at = 0; texts != nullptr && at < texts->texts.size(); ++at) {
        const std::string name(texts->texts[at]);
        if (std::find(names.begin(), names.end(), name) == names.end())
            run.find({"uns", key, name, "'" + name + "' is no column of obs", std::nullopt, ""});
    }
    return {};
}

Result<void> check_default_embedding(RuleRun& run) {
    const std::string name = uns_text(run.examined().uns, "default_embedding");
    if (!name.empty() && entry_of(run.examined().obsm, name) == nullptr)
        run.find({"uns", "default_embedding", name, "'" + name + "' is no key of obsm",
                  std::nullopt, ""});
    return {};
}

Result<void> check_colors(RuleRun& run) {
    static const std::regex colour("#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?|[a-zA-Z]+");
    constexpr std::string_view ending = "_colors";
    for (const auto& [key, element] : run.examined().uns) {
        if (!key.ends_with(ending)) continue;
        const auto column =
            run.examined().dataset.obs_column(key.substr(0, key.size() - ending.size()));
        const auto* colours = std::get_if<expression::TextGrid>(&element.value);
        const auto* labels =
            column ? std::get_if<expression::Categorical>(&column->values) : nullptr;
        if (labels == nullptr || colours == nullptr) {
            run.find({"uns", key, "", "names no categorical column of obs", std::nullopt, ""});
            continue;
        }
        if (colours->texts.size() < labels->category_count())
            run.find({"uns", key, "",
                      fmt::format("has {} colours for {} categories", colours->texts.size(),
                                  labels->category_count()),
                      std::nullopt, ""});
        for (std::size_t at = 0; at < colours->texts.size(); ++at) {
            const std::string text(colours->texts[at].substr(0, 80));
            if (!std::regex_match(text, colour))
                run.find({"uns", key, text, "'" + text + "' is no colour", std::nullopt, ""});
        }
    }
    return {};
}

/// Why an array can't be drawn; "" when it can.
std::string embedding_fault(const expression::Element& element) {
    const auto* array = std::get_if<expression::Array>(&element.value);
    if (array == nullptr || array->shape.size() != 2) return "is no numeric matrix";
    if (array->shape[1] < 2) return "has fewer than two columns";
    std::uint64_t finite = 0;
    for (std::uint64_t at = 0; at < array->value_count(); ++at) {
        const double value = array->number(at);
        if (std::isinf(value)) return "holds an infinite value";
        finite += std::isfinite(value) ? 1 : 0;
    }
    return finite == 0 ? "holds no number at all" : "";
}

Result<void> check_embeddings(RuleRun& run) {
    const auto asked = TRY(rows_in_question(run));
    const bool needed = std::find(asked.begin(), asked.end(), true) != asked.end();
    const std::regex pattern(run.text("pattern"));
    std::size_t good = 0;
    for (const auto& [key, element] : run.examined().obsm) {
        if (key.size() > 200 || !std::regex_match(key, pattern)) continue;
        const std::string fault = embedding_fault(element);
        if (fault.empty())
            ++good;
        else
            run.find({"obsm", key, "", fault, std::nullopt, ""});
    }
    if (good == 0 && needed)
        run.find({"obsm", "", "", "has no embedding that can be drawn", std::nullopt, ""});
    return {};
}

Result<void> check_gene_ids(RuleRun& run) {
    std::string pattern = run.text("pattern");
    const std::string organism = uns_text(run.examined().uns, "organism_ontology_term_id");
    if (const auto by_organism = run.rule().find("by_organism"); by_organism != run.rule().end())
        pattern = by_organism->value(organism, pattern);
    const std::regex good(pattern);
    FaultyRows wrong, versioned;
    const auto& ids = run.examined().gene_ids;
    for (std::size_t gene = 0; gene < ids.size(); ++gene) {
        const std::string id(ids[gene].substr(0, 100));
        if (std::regex_match(id, good)) continue;
        const std::size_t dot = id.rfind('.');
        const bool has_version = dot != id.npos && std::regex_match(id.substr(0, dot), good);
        (has_version ? versioned : wrong).add(gene);
    }
    if (versioned.rows > 0)
        run.find_rows("var", "index", std::string(ids[versioned.first]),
                      fmt::format("'{}' has a version", ids[versioned.first]), versioned);
    if (wrong.rows > 0)
        run.find_rows("var", "index", std::string(ids[wrong.first]),
                      fmt::format("'{}' is no Ensembl id of the organism", ids[wrong.first]),
                      wrong);
    return {};
}

/// Where the raw counts should be.
std::string counts_name(const Examined& examined) {
    const auto& summary = examined.dataset.summary();
    for (const std::string_view name : {"raw.X", "X", "layers/counts", "layers/raw"})
        if (const auto* found = summary.find(name); found != nullptr && found->whole_numbers)
            return std::string(name);
    return "";
}

Result<void> check_raw_counts(RuleRun& run) {
    const Examined& examined = run.examined();
    const auto& summary = examined.dataset.summary();
    if (summary.matrices.empty()) {
        run.find({"X", "X", "", "is not there", std::nullopt, ""});
        return {};
    }
    const std::string name = counts_name(examined);
    if (name.empty()) {
        run.find({"X", summary.find("raw.X") != nullptr ? "raw.X" : "X", "",
                  "holds values that are no counts (negative or with a fraction)", std::nullopt,
                  ""});
        return {};
    }
    const auto* counts = summary.find(name);
    if (run.text("severity") != "warning" && counts->type != expression::ValueType::float32)
        run.find(
            {"X", name, "",
             fmt::format("holds counts as {}, not as float32", expression::name_of(counts->type)),
             std::nullopt, ""});
    return {};
}

Result<void> check_empty_cells(RuleRun& run) {
    const std::string name = counts_name(run.examined());
    if (name.empty()) return {};
    FaultyRows empty;
    const auto matrix = TRY(run.examined().dataset.matrix(name));
    const auto lengths = TRY(matrix->cell_lengths());
    for (std::size_t cell = 0; cell < lengths.size(); ++cell)
        if (lengths[cell] == 0) empty.add(cell);
    if (empty.rows > 0) run.find_rows("X", name, "", "has cells without any count", empty);
    return {};
}

/// Cells in pieces: each by the hash of its genes and values.
Result<void> check_equal_cells(RuleRun& run) {
    constexpr std::uint32_t piece = 4096;
    const std::string name = counts_name(run.examined());
    if (name.empty()) return {};
    const auto matrix = TRY(run.examined().dataset.matrix(name));
    const auto cells = static_cast<std::uint32_t>(matrix->cell_count());
    std::unordered_map<std::string, std::uint32_t> seen;
    seen.reserve(cells);
    FaultyRows equal;
    expression::LineBlock block;
    for (std::uint32_t first = 0; first < cells; first += piece) {
        if (run.examined().watch.cancelled && run.examined().watch.cancelled())
            return fail(ErrorCode::cancelled, "the check was stopped");
        std::vector<std::uint32_t> some;
        for (std::uint32_t cell = first; cell < std::min(cells, first + piece); ++cell)
            some.push_back(cell);
        TRY(matrix->read_cells(some, block));
        for (std::size_t line = 0; line < some.size(); ++line) {
            const std::uint64_t begin = block.starts[line], end = block.starts[line + 1];
            if (begin == end) continue;
            ContentHash hash;
            hash.update(std::as_bytes(
                std::span(block.places).subspan(begin, static_cast<std::size_t>(end - begin))));
            const std::size_t size = expression::size_of(matrix->summary().type);
            hash.update(ByteSpan(block.values).subspan(begin * size, (end - begin) * size));
            if (!seen.try_emplace(hash.hex(), some[line]).second) equal.add(some[line]);
        }
    }
    if (equal.rows > 0)
        run.find_rows("X", name, "", "has cells that equal another cell value for value", equal);
    return {};
}

struct NamedCheck {
    std::string_view name;
    Check check;
};
constexpr NamedCheck checks[] = {
    {"ids", check_ids},
    {"column_names", check_column_names},
    {"reserved", check_reserved},
    {"column", check_column},
    {"any_column", check_any_column},
    {"uns_text", check_uns_text},
    {"uns_column", check_uns_column},
    {"default_embedding", check_default_embedding},
    {"colors", check_colors},
    {"embeddings", check_embeddings},
    {"gene_ids", check_gene_ids},
    {"spatial", check_spatial},
    {"raw_counts", check_raw_counts},
    {"empty_cells", check_empty_cells},
    {"equal_cells", check_equal_cells},
};

Json json_of(const Finding& finding, const std::string& severity, const std::string& fix) {
    Json json{{"severity", severity},   {"where", finding.where},     {"column", finding.column},
              {"value", finding.value}, {"message", finding.message}, {"fix", fix}};
    if (finding.rows) {
        json["rows"] = finding.rows->rows;
        json["first_row"] = finding.rows->first;
        json["first_id"] = finding.first_id;
    }
    return json;
}

Result<Examined> examined_of(const expression::SealedDataset& dataset, const ontology::Terms& terms,
                             const expression::Watch& watch) {
    return Examined{dataset,
                    terms,
                    watch,
                    TRY(dataset.cell_ids()),
                    TRY(dataset.gene_ids()),
                    TRY(dataset.var()),
                    TRY(dataset.annotations("uns")),
                    TRY(dataset.annotations("obsm")),
                    dataset.obs_column_names()};
}

const NamedCheck* check_named(std::string_view name) {
    const auto* found = std::find_if(std::begin(checks), std::end(checks),
                                     [&](const NamedCheck& one) { return one.name == name; });
    return found == std::end(checks) ? nullptr : found;
}

Json terms_json(const ontology::Terms& terms, const std::set<std::string>& prefixes) {
    Json json{{"checked", Json::array()}, {"by_form", Json::array()}};
    for (const std::string& prefix : prefixes) {
        const auto whole = terms.whole().find(prefix);
        if (whole == terms.whole().end())
            json["by_form"].push_back(prefix);
        else
            json["checked"].push_back(Json{{"ontology", prefix}, {"version", whole->second}});
    }
    return json;
}

Result<void> check_texts(const Json& rule, const char* name, bool must_be_there) {
    const auto found = rule.find(name);
    if (found == rule.end() && !must_be_there) return {};
    if (found != rule.end() && found->is_array() &&
        std::all_of(found->begin(), found->end(), [](const Json& one) { return one.is_string(); }))
        return {};
    return fail(ErrorCode::invalid_input, fmt::format("'{}' must be a list of texts", name));
}

Result<void> check_condition(const Json& rule, const char* name) {
    const auto found = rule.find(name);
    if (found == rule.end()) return {};
    const auto is_text = [&](const char* member) {
        const auto one = found->find(member);
        return one != found->end() && one->is_string();
    };
    if (!found->is_object() || is_text("column") == is_text("uns"))
        return fail(ErrorCode::invalid_input,
                    fmt::format("'{}' needs either a 'column' or a key of 'uns', and 'is'", name));
    return check_texts(*found, "is", true);
}

/// A text that must be there for some checks, and a regular expression that must be one.
Result<void> check_text(const Json& rule, const char* name, bool must_be_there) {
    const auto found = rule.find(name);
    if (found == rule.end() && !must_be_there) return {};
    if (found == rule.end() || !found->is_string())
        return fail(ErrorCode::invalid_input, fmt::format("'{}' must be a text", name));
    if (std::string_view(name) != "pattern") return {};
    try {
        const std::regex pattern(found->get<std::string>());
    } catch (const std::regex_error& error) {
        return fail(ErrorCode::invalid_input,
                    fmt::format("'pattern' is no regular expression: {}", error.what()));
    }
    return {};
}

}  // namespace

Result<void> check_rule(const Json& rule) {
    if (!rule.is_object()) return fail(ErrorCode::invalid_input, "a rule is a JSON object");
    TRY(check_text(rule, "check", true));
    const std::string check = rule["check"].get<std::string>();
    if (check_named(check) == nullptr)
        return fail(ErrorCode::invalid_input, fmt::format("there is no check '{}'", check));
    TRY(check_text(rule, "fix", true));
    const bool has_where = check == "ids" || check == "column_names" || check == "reserved" ||
                           check == "column" || check == "any_column";
    TRY(check_text(rule, "where", has_where));
    TRY(check_text(rule, "column", check == "column"));
    TRY(check_text(rule, "key", check == "uns_text" || check == "uns_column"));
    TRY(check_text(rule, "pattern", check == "embeddings" || check == "gene_ids"));
    TRY(check_text(rule, "type", false));
    TRY(check_text(rule, "separator", false));
    TRY(check_text(rule, "severity", false));
    TRY(check_texts(rule, "columns", check == "reserved" || check == "any_column"));
    TRY(check_texts(rule, "allowed", false));
    TRY(check_texts(rule, "forbidden", false));
    TRY(check_texts(rule, "below", false));
    TRY(check_condition(rule, "when"));
    TRY(check_condition(rule, "unless"));
    for (const char* name : {"terms", "optional", "library"})
        if (rule.contains(name) && !rule[name].is_boolean())
            return fail(ErrorCode::invalid_input, fmt::format("'{}' is true or false", name));
    if (rule.contains("by_organism"))
        for (const auto& [organism, pattern] : rule["by_organism"].items())
            TRY(check_text(Json{{"pattern", pattern}}, "pattern", true));
    const std::string severity = rule.value("severity", "error");
    if (severity != "error" && severity != "warning")
        return fail(ErrorCode::invalid_input, "'severity' is error or warning");
    if (check == "any_column" && rule["columns"].empty())
        return fail(ErrorCode::invalid_input, "'columns' must name at least one column");
    return {};
}

std::string basis_of(const Profile& profile, const ontology::Terms& terms) {
    std::string basis = profile.rules;
    for (const auto& [prefix, version] : terms.whole()) basis += "\n" + prefix + " " + version;
    return sha256_hex(basis);
}

Result<std::string> validate(const expression::SealedDataset& dataset, const Profile& profile,
                             const ontology::Terms& terms, const expression::Watch& watch) {
    const Json rules = TRY(parse_json(profile.rules));
    const Examined examined = TRY(examined_of(dataset, terms, watch));
    Json report{{"profile", profile.name}, {"title", profile.title}, {"version", profile.version}};
    std::uint64_t errors = 0, warnings = 0;
    std::set<std::string> prefixes;
    Json findings = Json::array();
    for (const Json& rule : rules["rules"]) {
        RuleRun run(examined, rule);
        TRY(check_named(run.text("check"))->check(run));
        const std::string severity = rule.value("severity", "error");
        (severity == "error" ? errors : warnings) += run.findings.size() + run.more;
        for (const Finding& finding : run.findings)
            findings.push_back(json_of(finding, severity, run.text("fix")));
        prefixes.merge(run.prefixes);
        if (watch.progress)
            watch.progress(static_cast<double>(&rule - &rules["rules"][0] + 1),
                           static_cast<double>(rules["rules"].size()), "rules");
    }
    report["state"] = errors == 0 ? "valid" : "invalid";
    report["errors"] = errors;
    report["warnings"] = warnings;
    report["rules"] = rules["rules"].size();
    report["basis"] = basis_of(profile, terms);
    report["terms"] = terms_json(terms, prefixes);
    report["cells"] = dataset.summary().cells;
    report["genes"] = dataset.summary().genes;
    report["findings"] = std::move(findings);
    return report.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace stroma::portal
