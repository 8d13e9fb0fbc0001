#include <algorithm>
#include <map>
#include <regex>
#include <unordered_map>

#include <fmt/format.h>

#include "base/json.h"
#include "portal/facets.h"
#include "portal/findings.h"

// The rules about columns. Each different value is judged once, however many rows have it.

namespace stroma::portal {
namespace {

constexpr std::size_t value_bytes_max = 500;

using expression::Column;

std::optional<Column> find_column(const Examined& examined, std::string_view where,
                                  std::string_view name) {
    if (where == "var") {
        const Column* column = examined.var.find(name);
        return column != nullptr ? std::optional(*column) : std::nullopt;
    }
    auto column = examined.dataset.obs_column(name);
    return column ? std::optional(*std::move(column)) : std::nullopt;
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
    std::vector<std::string> parts;
    for (std::size_t at = 0;;) {
        const std::size_t end = separator.empty() ? text.npos : text.find(separator, at);
        parts.emplace_back(text.substr(at, end == text.npos ? end : end - at));
        if (end == text.npos) return parts;
        at = end + separator.size();
    }
}

std::string listed(const std::vector<std::string>& values) {
    std::string list;
    for (const std::string& value : values) list += (list.empty() ? "'" : ", '") + value + "'";
    return list;
}

/// What a column rule asks of one value.
class ValueRule {
public:
    explicit ValueRule(RuleRun& run)
        : run_(run),
          allowed_(run.texts("allowed")),
          forbidden_(run.texts("forbidden")),
          separator_(run.text("separator")),
          has_pattern_(!run.text("pattern").empty()),
          pattern_(run.text("pattern")) {}

    /// Why the value is wrong; "" when it isn't.
    std::string fault(const std::string& value) const {
        const auto is_in = [&](const std::vector<std::string>& list, const std::string& one) {
            return std::find(list.begin(), list.end(), one) != list.end();
        };
        if (is_in(forbidden_, value)) return "may not be used";
        if (is_in(allowed_, value)) return "";
        if (!has_pattern_) return allowed_.empty() ? "" : "must be one of " + listed(allowed_);
        if (value.size() > value_bytes_max) return "is longer than any term";
        const auto parts = split(value, separator_);
        for (const std::string& part : parts)
            if (!std::regex_match(part, pattern_))
                return separator_.empty() || parts.size() == 1
                           ? "is not a term of the expected form"
                           : "has the part '" + part +
                                 "', which is not a term of the expected form";
        if (!std::is_sorted(parts.begin(), parts.end()))
            return "lists its terms in no rising order";
        if (std::adjacent_find(parts.begin(), parts.end()) != parts.end())
            return "lists a term twice";
        if (!run_.rule().value("terms", false)) return "";
        for (const std::string& part : parts)
            if (std::string wrong = term_fault(part); !wrong.empty())
                return parts.size() == 1 ? wrong : "has the part '" + part + "', which " + wrong;
        return "";
    }

private:
    /// Why the term may not stand here, as far as its ontology is known.
    std::string term_fault(const std::string& id) const {
        using ontology::Standing;
        const ontology::Terms& terms = run_.examined().terms;
        const std::string prefix(ontology::prefix_of(id));
        run_.prefixes.insert(prefix);
        const auto whole = terms.whole().find(prefix);
        const Standing standing = terms.standing_of(id);
        if (standing == Standing::unknown)
            return fmt::format("is no term of {} ({})", prefix, whole->second);
        if (whole == terms.whole().end()) return "";
        const auto term = terms.by_id(id);
        if (standing == Standing::deprecated) {
            const auto& instead = terms[*term].replaced_by;
            const auto known = terms.by_id(instead);
            if (instead.empty()) return "is deprecated, and nothing replaces it";
            return fmt::format("is deprecated: use {}{}", instead,
                               known ? " (" + terms[*known].name + ")" : "");
        }
        return below_fault(terms, *term);
    }
    std::string below_fault(const ontology::Terms& terms, ontology::TermNumber term) const {
        const auto roots = run_.texts("below");
        bool is_asked = false;
        for (const std::string& root : roots) {
            if (ontology::prefix_of(root) != ontology::prefix_of(terms[term].id)) continue;
            if (terms.is_below(term, root)) return "";
            is_asked = true;
        }
        return is_asked ? fmt::format("({}) is not below {}", terms[term].name, listed(roots)) : "";
    }

    RuleRun& run_;
    std::vector<std::string> allowed_, forbidden_;
    std::string separator_;
    bool has_pattern_;
    std::regex pattern_;
};

/// Whether a condition holds, for each row of obs.
Result<std::vector<bool>> rows_where(const Examined& examined, const Json& condition) {
    const std::size_t rows = examined.cell_ids.size();
    std::vector<std::string> wanted;
    for (const Json& one : condition["is"]) wanted.push_back(one.get<std::string>());
    const auto is_wanted = [&](const std::string& value) {
        return std::find(wanted.begin(), wanted.end(), value) != wanted.end();
    };
    if (condition.contains("uns"))
        return std::vector<bool>(
            rows, is_wanted(uns_text(examined.uns, condition["uns"].get<std::string>())));
    const auto column = examined.dataset.obs_column(condition["column"].get<std::string>());
    if (!column) return std::vector<bool>(rows, false);
    const DistinctValues values = distinct_values(*column);
    std::vector<bool> fits;
    fits.reserve(values.values.size());
    for (const std::string& value : values.values) fits.push_back(is_wanted(value));
    std::vector<bool> holds(rows, false);
    for (std::size_t row = 0; row < rows; ++row)
        holds[row] = values.of_row[row] >= 0 && fits[static_cast<std::size_t>(values.of_row[row])];
    return holds;
}

Result<void> judge_values(RuleRun& run, const std::string& where, const std::string& name,
                          const Column& column) {
    const DistinctValues values = distinct_values(column);
    std::vector<bool> asked(values.of_row.size(), true);
    if (where == "obs") asked = TRY(rows_in_question(run));
    std::vector<FaultyRows> rows(values.values.size());
    FaultyRows missing;
    for (std::size_t row = 0; row < values.of_row.size(); ++row) {
        if (!asked[row]) continue;
        if (values.of_row[row] < 0)
            missing.add(row);
        else
            rows[static_cast<std::size_t>(values.of_row[row])].add(row);
    }
    if (missing.rows > 0) run.find_rows(where, name, "", "has no value", missing);
    const ValueRule rule(run);
    for (std::size_t at = 0; at < rows.size(); ++at) {
        if (rows[at].rows == 0) continue;
        const std::string fault = rule.fault(values.values[at]);
        if (!fault.empty()) {
            std::string shown = values.values[at].substr(0, 80);
            run.find_rows(where, name, shown, fmt::format("'{}' {}", shown, fault), rows[at]);
        }
    }
    return {};
}

}  // namespace

DistinctValues distinct_values(const Column& column) {
    DistinctValues distinct;
    if (const auto* labels = std::get_if<expression::Categorical>(&column.values)) {
        for (std::size_t at = 0; at < labels->category_count(); ++at)
            distinct.values.push_back(labels->category_text(at));
        distinct.of_row = labels->codes;
        return distinct;
    }
    std::unordered_map<std::string, std::int32_t> numbers;
    distinct.of_row.resize(column.size(), -1);
    for (std::size_t row = 0; row < column.size(); ++row) {
        if (column.is_missing(row)) continue;
        const auto [found, is_new] =
            numbers.try_emplace(column.text(row), static_cast<std::int32_t>(numbers.size()));
        if (is_new) distinct.values.push_back(found->first);
        distinct.of_row[row] = found->second;
    }
    return distinct;
}

Result<std::vector<bool>> rows_in_question(const RuleRun& run) {
    std::vector<bool> asked(run.examined().cell_ids.size(), true);
    if (run.rule().contains("when")) asked = TRY(rows_where(run.examined(), run.rule()["when"]));
    if (run.rule().contains("unless")) {
        const auto left_out = TRY(rows_where(run.examined(), run.rule()["unless"]));
        for (std::size_t row = 0; row < asked.size(); ++row)
            asked[row] = asked[row] && !left_out[row];
    }
    return asked;
}

Result<void> check_column(RuleRun& run) {
    const std::string where = run.text("where"), name = run.text("column");
    const auto column = find_column(run.examined(), where, name);
    if (!column) {
        // Told once, by the rule that asks for the column of all rows (or of those without "when").
        if (!run.rule().contains("when"))
            run.find({where, name, "", "is not there", std::nullopt, ""});
        return {};
    }
    if (run.text("type") == "boolean") {
        const auto* numbers = std::get_if<expression::Array>(&column->values);
        if (numbers == nullptr || numbers->type != expression::ValueType::boolean)
            run.find({where, name, "", "is not boolean", std::nullopt, ""});
        return {};
    }
    return judge_values(run, where, name, *column);
}

Result<void> check_any_column(RuleRun& run) {
    const auto& names = run.examined().obs_columns;
    const auto wanted = run.texts("columns");
    if (std::none_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
            return std::find(names.begin(), names.end(), name) != names.end();
        }))
        run.find(
            {"obs", wanted.front(), "", "is not there, nor a column like it", std::nullopt, ""});
    return {};
}

Result<void> check_reserved(RuleRun& run) {
    const Examined& examined = run.examined();
    const std::string where = run.text("where");
    for (const std::string& name : run.texts("columns")) {
        bool is_there = false;
        if (where == "obs")
            is_there = std::find(examined.obs_columns.begin(), examined.obs_columns.end(), name) !=
                       examined.obs_columns.end();
        else if (where == "var")
            is_there = examined.var.find(name) != nullptr;
        else
            is_there = std::any_of(examined.uns.begin(), examined.uns.end(),
                                   [&](const auto& entry) { return entry.first == name; });
        if (is_there) run.find({where, name, "", "is reserved for the platform", std::nullopt, ""});
    }
    return {};
}

Result<void> check_column_names(RuleRun& run) {
    const Examined& examined = run.examined();
    const std::string where = run.text("where");
    std::vector<std::string> names = examined.obs_columns;
    if (where == "var") {
        names.clear();
        for (const Column& column : examined.var.columns) names.push_back(column.name);
    }
    for (const std::string& name : names)
        if (name.starts_with("__"))
            run.find({where, name, "", "begins with '__'", std::nullopt, ""});
    return {};
}

}  // namespace stroma::portal
