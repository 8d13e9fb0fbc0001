#include "warehouse/narrowing.h"

#include <fmt/format.h>

#include <algorithm>

#include "warehouse/frame_names.h"
#include "warehouse/relations.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

namespace {

std::string text_of(const Json& object, const char* member) {
    const auto found = object.find(member);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// A relation in a FROM, by the name that columns of it are qualified with.
struct Source {
    std::string relation, alias;
    bool inner = true;    ///< reached by inner joins only
    bool opaque = false;  ///< conditions outside say nothing of its rows
};

/// "table.column" or "column" of a COLUMN_REF; empty for another expression.
struct ColumnName {
    std::string table, column;
};

ColumnName column_of(const Json& expression) {
    if (text_of(expression, "class") != "COLUMN_REF") return {};
    const auto& names = expression["column_names"];
    if (names.size() == 1) return {"", lower_case(names[0].get<std::string>())};
    if (names.size() == 2) {
        return {lower_case(names[0].get<std::string>()), lower_case(names[1].get<std::string>())};
    }
    return {};
}

bool text_constant(const Json& expression, std::string& text) {
    if (text_of(expression, "class") != "CONSTANT") return false;
    const auto& value = expression["value"];
    if (!value.is_object() || !value.contains("value") || !value["value"].is_string()) return false;
    text = value["value"].get<std::string>();
    return true;
}

class SelectReader {
public:
    explicit SelectReader(const Json& select) {
        collect(select["from_table"], true, false);
        if (select.contains("where_clause")) add_conjuncts(select["where_clause"]);
    }
    /// Of those relations.
    std::vector<ExpressionMention> mentions(const std::set<std::string>& relations) const;

private:
    void collect(const Json& from, bool inner, bool opaque);
    void add_conjuncts(const Json& condition);
    void add_condition(const Json& conjunct);
    bool is_joined_by_featurekey(const Source& expression, const Source& feature) const;
    // Whether a column qualified (or not) like that is this source's. Without a qualifier it may
    // be another's only if the engine finds it ambiguous or merges both by USING.
    static bool belongs(const ColumnName& name, const Source& source) {
        return name.table.empty() || name.table == source.alias;
    }

    std::vector<Source> sources_;
    std::vector<std::pair<ColumnName, std::set<std::string>>> conditions_;
    std::vector<std::pair<ColumnName, ColumnName>> equalities_;
    std::set<std::string> merged_;  // by USING
};

void SelectReader::collect(const Json& from, bool inner, bool opaque) {
    const std::string type = text_of(from, "type");
    if (type == "BASE_TABLE") {
        const std::string name = lower_case(text_of(from, "table_name"));
        const std::string alias = lower_case(text_of(from, "alias"));
        const bool renames = !from["column_name_alias"].empty();
        const bool samples = from.contains("sample") && !from["sample"].is_null();
        sources_.push_back(
            {name, alias.empty() ? name : alias, inner, opaque || renames || samples});
    } else if (type == "JOIN") {
        const std::string kind = text_of(from, "join_type");
        const std::string way = text_of(from, "ref_type");
        const bool is_known_way = way == "REGULAR" || way == "CROSS" || way == "NATURAL";
        const bool is_inner = kind == "INNER" && is_known_way;
        const bool is_outer =
            (kind == "LEFT" || kind == "RIGHT" || kind == "OUTER") && is_known_way;
        const bool hides = opaque || !(is_inner || is_outer);
        collect(from["left"], inner && is_inner, hides);
        collect(from["right"], inner && is_inner, hides);
        if (!is_inner) return;
        for (const auto& column : from["using_columns"]) {
            merged_.insert(lower_case(column.get<std::string>()));
        }
        if (inner && from.contains("condition")) add_conjuncts(from["condition"]);
    }
}

void SelectReader::add_conjuncts(const Json& condition) {
    if (!condition.is_object()) return;
    if (text_of(condition, "type") == "CONJUNCTION_AND") {
        for (const auto& child : condition["children"]) add_conjuncts(child);
        return;
    }
    add_condition(condition);
}

void SelectReader::add_condition(const Json& conjunct) {
    const std::string type = text_of(conjunct, "type");
    std::string text;
    if (type == "COMPARE_EQUAL") {
        const ColumnName left = column_of(conjunct["left"]), right = column_of(conjunct["right"]);
        if (!left.column.empty() && !right.column.empty()) equalities_.emplace_back(left, right);
        if (!left.column.empty() && text_constant(conjunct["right"], text)) {
            conditions_.emplace_back(left, std::set{text});
        } else if (!right.column.empty() && text_constant(conjunct["left"], text)) {
            conditions_.emplace_back(right, std::set{text});
        }
    } else if (type == "COMPARE_IN") {
        const auto& children = conjunct["children"];
        const ColumnName column = column_of(children[0]);
        std::set<std::string> values;
        for (std::size_t at = 1; at < children.size(); ++at) {
            if (!text_constant(children[at], text)) return;
            values.insert(text);
        }
        if (!column.column.empty()) conditions_.emplace_back(column, std::move(values));
    }
}

bool SelectReader::is_joined_by_featurekey(const Source& expression, const Source& feature) const {
    if (!expression.inner || !feature.inner) return false;
    if (merged_.contains("featurekey")) return true;
    return std::any_of(equalities_.begin(), equalities_.end(), [&](const auto& pair) {
        const auto& [left, right] = pair;
        if (left.column != "featurekey" || right.column != "featurekey") return false;
        return (left.table == expression.alias && right.table == feature.alias) ||
               (left.table == feature.alias && right.table == expression.alias);
    });
}

std::vector<ExpressionMention> SelectReader::mentions(
    const std::set<std::string>& relations) const {
    std::vector<ExpressionMention> result;
    for (const auto& source : sources_) {
        if (!relations.contains(source.relation)) continue;
        ExpressionMention mention;
        if (source.opaque) {
            result.push_back(mention);
            continue;
        }
        for (const auto& [name, values] : conditions_) {
            if (belongs(name, source)) mention.own.push_back({name.column, values});
        }
        for (const auto& other : sources_) {
            if (other.relation != "feature" || other.opaque ||
                !is_joined_by_featurekey(source, other))
                continue;
            for (const auto& [name, values] : conditions_) {
                if (belongs(name, other)) mention.feature.push_back({name.column, values});
            }
        }
        result.push_back(std::move(mention));
    }
    return result;
}

void find_in(const Json& part, const std::set<std::string>& relations,
             std::vector<ExpressionMention>& mentions) {
    if (part.is_array()) {
        for (const auto& item : part) find_in(item, relations, mentions);
        return;
    }
    if (!part.is_object()) return;
    const bool is_select = text_of(part, "type") == "SELECT_NODE" && part.contains("from_table");
    if (is_select) {
        for (auto& mention : SelectReader(part).mentions(relations))
            mentions.push_back(std::move(mention));
    }
    for (const auto& [name, child] : part.items()) find_in(child, relations, mentions);
}

bool renames_a_relation(const Json& part) {
    if (part.is_array()) {
        return std::any_of(part.begin(), part.end(), renames_a_relation);
    }
    if (!part.is_object()) return false;
    if (part.contains("cte_map") && part["cte_map"].contains("map")) {
        for (const auto& entry : part["cte_map"]["map"]) {
            if (is_relation(lower_case(text_of(entry, "key")))) return true;
        }
    }
    return std::any_of(part.begin(), part.end(), renames_a_relation);
}

}  // namespace

namespace {

std::vector<ExpressionMention> mentions_of(const Json& tree,
                                           const std::set<std::string>& relations) {
    // A WITH that takes a relation's name makes names mean something else: say nothing then.
    if (renames_a_relation(tree)) return {ExpressionMention()};
    std::vector<ExpressionMention> mentions;
    find_in(tree, relations, mentions);
    return mentions;
}

}  // namespace

std::vector<ExpressionMention> find_mentions(const Json& tree) {
    return mentions_of(tree, {"expression", "expression_all"});
}

namespace {

using Names = std::optional<std::set<std::string>>;

void narrow(Names& into, const std::set<std::string>& values) {
    if (!into) {
        into = values;
        return;
    }
    std::erase_if(*into, [&](const std::string& value) { return !values.contains(value); });
}

void widen(Names& into, const Names& values, bool is_first) {
    if (is_first) {
        into = values;
    } else if (into && values) {
        into->insert(values->begin(), values->end());
    } else {
        into.reset();
    }
}

}  // namespace

Result<ExpressionNeed> need_of(
    const std::vector<ExpressionMention>& mentions,
    const std::function<Result<std::set<std::string>>(const std::set<std::string>&)>&
        featurekeys_of_names) {
    ExpressionNeed all;
    bool is_first = true;
    for (const auto& mention : mentions) {
        ExpressionNeed one;
        for (const auto& condition : mention.own) {
            if (condition.column == "featurekey") narrow(one.featurekeys, condition.values);
            if (condition.column == "dataset") narrow(one.datasets, condition.values);
            if (condition.column == "cellkey") narrow(one.cellkeys, condition.values);
            if (condition.column == "exprtype") narrow(one.exprtypes, condition.values);
        }
        for (const auto& condition : mention.feature) {
            if (condition.column == "featurekey") narrow(one.featurekeys, condition.values);
            if (condition.column == "featurename") {
                narrow(one.featurekeys, TRY(featurekeys_of_names(condition.values)));
            }
        }
        widen(all.featurekeys, one.featurekeys, is_first);
        widen(all.datasets, one.datasets, is_first);
        widen(all.cellkeys, one.cellkeys, is_first);
        widen(all.exprtypes, one.exprtypes, is_first);
        is_first = false;
    }
    return all;
}

Result<std::set<std::string>> featurekeys_named(sql::Connection& connection,
                                                const Relations& relations,
                                                const std::set<std::string>& names) {
    std::string list;
    for (const auto& name : names) list += (list.empty() ? "" : ", ") + quoted_text(name);
    std::set<std::string> keys;
    if (names.empty()) return keys;
    const auto rows =
        TRY(connection.execute(fmt::format("SELECT featurekey FROM ({}) WHERE featurename IN ({})",
                                           relations.select_of("feature"), list)));
    while (TRY(rows->next())) keys.insert(rows->text(0));
    return keys;
}

void put_in_values(Json& part, const sql::NamedValues& parameters) {
    if (part.is_object() && part.value("class", "") == "PARAMETER") {
        const auto given = parameters.find(part.value("identifier", ""));
        const auto* text =
            given == parameters.end() ? nullptr : std::get_if<std::string>(&given->second);
        if (text != nullptr) part = {{"class", "CONSTANT"}, {"value", {{"value", *text}}}};
        return;
    }
    if (part.is_structured())
        for (auto& child : part) put_in_values(child, parameters);
    // CAST($1 AS VARCHAR) is the same text.
    if (!part.is_object() || text_of(part, "class") != "CAST" || !part.contains("cast_type") ||
        text_of(part["cast_type"], "id") != "VARCHAR")
        return;
    std::string text;
    if (text_constant(part.value("child", Json::object()), text)) {
        Json child = part["child"];
        part = std::move(child);
    }
}

std::optional<std::set<std::string>> values_needed(const Json& tree, std::string_view relation,
                                                   std::string_view column) {
    Names all;
    bool is_first = true;
    for (const auto& mention : mentions_of(tree, {std::string(relation)})) {
        Names one;
        for (const auto& condition : mention.own)
            if (condition.column == column) narrow(one, condition.values);
        widen(all, one, is_first);
        is_first = false;
    }
    return all;
}

}  // namespace stroma::warehouse
