#include "warehouse/fence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "warehouse/frame_names.h"
#include "warehouse/relations.h"

namespace stroma::warehouse {

namespace {

constexpr std::size_t statement_bytes_max = 256u << 10;
constexpr std::size_t tree_depth_max = 1500;
constexpr int parentheses_max = 500;
constexpr double repeat_max = 10'000;
constexpr double series_max = 10'000'000;

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 17> expression_classes = {
    "COLUMN_REF", "CONSTANT",    "FUNCTION", "OPERATOR",
    "COMPARISON", "CONJUNCTION", "CASE",     "CAST",
    "SUBQUERY",   "STAR",        "BETWEEN",  "LAMBDA",
    "LAMBDA_REF", "WINDOW",      "COLLATE",  "POSITIONAL_REFERENCE",
    "PARAMETER"};

constexpr std::array<std::string_view, 19> node_types = {"SELECT_NODE",
                                                         "SET_OPERATION_NODE",
                                                         "RECURSIVE_CTE_NODE",
                                                         "CTE_NODE",
                                                         "EMPTY",
                                                         "BASE_TABLE",
                                                         "SUBQUERY",
                                                         "JOIN",
                                                         "TABLE_FUNCTION",
                                                         "EXPRESSION_LIST",
                                                         "PIVOT",
                                                         "ORDER_MODIFIER",
                                                         "LIMIT_MODIFIER",
                                                         "LIMIT_PERCENT_MODIFIER",
                                                         "DISTINCT_MODIFIER",
                                                         "ORDER_DEFAULT",
                                                         "ASCENDING",
                                                         "DESCENDING",
                                                         "INVALID"};

// Names that the engine answers by itself when no column is called so.
constexpr std::array<std::string_view, 6> session_names = {
    "current_user", "session_user", "current_role", "current_catalog", "current_schema", "user"};

std::string member_text(const Json& object, const char* member) {
    const auto found = object.find(member);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

class Walker {
public:
    Result<void> walk(const Json& part, std::size_t depth = 0);
    std::set<std::string> relations;

private:
    Result<void> check_expression(const Json& part, const std::string& kind);
    Result<void> check_function(const Json& part, bool is_table_function);
    Result<void> check_sizes(const Json& part, const std::string& name);
    Result<void> check_node(const Json& part, const std::string& type);
    Result<void> check_table(const Json& part);
    std::vector<std::string> local_names_;  // of WITH, in whose reach we are
};

tl::unexpected<Error> refuse(std::string message) {
    return fail(ErrorCode::denied, std::move(message));
}

// A number written out, with its sign or a cast around it; nothing else has a known size.
bool written_number(const Json& argument, double& number) {
    const std::string kind = member_text(argument, "class");
    if (kind == "CAST" && argument.contains("child")) {
        return written_number(argument["child"], number);
    }
    if (kind != "CONSTANT") return false;
    const auto value = argument.find("value");
    if (value == argument.end() || !value->is_object()) return false;
    const auto held = value->find("value");
    if (held == value->end() || !held->is_number()) return false;
    number = held->get<double>();
    return true;
}

Result<void> Walker::check_sizes(const Json& part, const std::string& name) {
    const bool is_series = name == "range" || name == "generate_series";
    const bool is_padding = name == "lpad" || name == "rpad" || name == "repeat";
    if (!is_series && !is_padding) return {};
    const auto children = part.find("children");
    if (children == part.end() || !children->is_array()) return refuse("an unknown call");
    if (is_padding) {
        double count = 0;
        if (children->size() >= 2 && written_number((*children)[1], count) && count <= repeat_max) {
            return {};
        }
        return refuse(
            fmt::format("{}() needs a count of at most {}, written as a number", name, repeat_max));
    }
    std::vector<double> bounds;
    for (const auto& child : *children) {
        double number = 0;
        if (!written_number(child, number)) {
            return refuse(fmt::format("{}() takes only numbers written out", name));
        }
        bounds.push_back(number);
    }
    const double first = bounds.size() > 1 ? bounds[0] : 0;
    const double last = bounds.size() > 1 ? bounds[1] : bounds.empty() ? 0 : bounds[0];
    const double step = bounds.size() > 2 ? bounds[2] : 1;
    if (step != 0 && (last - first) / step <= series_max) return {};
    return refuse(fmt::format("{}() may give at most {} numbers", name, series_max));
}

Result<void> Walker::check_function(const Json& part, bool is_table_function) {
    const std::string name = lower_case(member_text(part, "function_name"));
    const std::string schema = lower_case(member_text(part, "schema"));
    const std::string catalog = lower_case(member_text(part, "catalog"));
    const bool is_known_place =
        (schema.empty() || schema == "main") && (catalog.empty() || catalog == "system");
    const bool is_allowed =
        is_table_function ? is_allowed_table_function(name) : is_allowed_function(name);
    if (!is_known_place || !is_allowed) {
        return refuse(fmt::format("the function {}{}{}() is not allowed", schema,
                                  schema.empty() ? "" : ".", name));
    }
    return check_sizes(part, name);
}

Result<void> Walker::check_expression(const Json& part, const std::string& kind) {
    if (!is_one_of(expression_classes, kind)) {
        return refuse(fmt::format("{} is not allowed in a statement", lower_case(kind)));
    }
    if (kind == "FUNCTION") return check_function(part, false);
    if (kind == "WINDOW" && !member_text(part, "function_name").empty()) {
        return check_function(part, false);
    }
    if (kind == "COLUMN_REF") {
        const auto names = part.find("column_names");
        const bool is_plain = names != part.end() && names->is_array() && names->size() == 1;
        if (is_plain && is_one_of(session_names, lower_case((*names)[0].get<std::string>()))) {
            return refuse(lower_case((*names)[0].get<std::string>()) + " is not allowed");
        }
    }
    return {};
}

Result<void> Walker::check_table(const Json& part) {
    const std::string name = member_text(part, "table_name");
    const std::string schema = member_text(part, "schema_name");
    const std::string catalog = member_text(part, "catalog_name");
    const auto moment = part.find("at_clause");
    if (!schema.empty() || !catalog.empty() || (moment != part.end() && !moment->is_null())) {
        return refuse(fmt::format(
            "the table {}{}{}{}{} is not one of the relations in docs/sql.md; "
            "name them without a schema",
            catalog, catalog.empty() ? "" : ".", schema, schema.empty() ? "" : ".", name));
    }
    const std::string known = lower_case(name);
    if (is_relation(known)) {
        relations.insert(known);
        return {};
    }
    if (std::find(local_names_.begin(), local_names_.end(), known) != local_names_.end()) return {};
    return refuse(fmt::format("there is no relation '{}': docs/sql.md lists them", name));
}

Result<void> Walker::check_node(const Json& part, const std::string& type) {
    const bool is_type_detail = type.ends_with("_TYPE_INFO");
    if (!is_type_detail && !is_one_of(node_types, type)) {
        return refuse(fmt::format("{} is not allowed in a statement", lower_case(type)));
    }
    if (type == "BASE_TABLE") return check_table(part);
    if (type == "TABLE_FUNCTION") {
        const auto function = part.find("function");
        if (function == part.end() || !function->is_object() ||
            member_text(*function, "class") != "FUNCTION") {
            return refuse("an unknown table function");
        }
        return check_function(*function, true);
    }
    return {};
}

// Everything in the tree is looked at, known or not, so that nothing hides in a member that a
// later engine adds.
Result<void> Walker::walk(const Json& part, std::size_t depth) {
    if (depth > tree_depth_max) {
        return fail(ErrorCode::exhausted, "the statement is nested too deeply");
    }
    if (part.is_array()) {
        for (const auto& item : part) TRY(walk(item, depth + 1));
        return {};
    }
    if (!part.is_object()) return {};
    const std::string kind = member_text(part, "class");
    const std::string type = member_text(part, "type");
    const std::size_t names_before = local_names_.size();
    if (!kind.empty()) {
        TRY(check_expression(part, kind));
    } else if (!type.empty()) {
        TRY(check_node(part, type));
        if (const auto map = part.find("cte_map"); map != part.end() && map->contains("map")) {
            for (const auto& entry : (*map)["map"]) {
                local_names_.push_back(lower_case(member_text(entry, "key")));
            }
        }
        if (const std::string name = member_text(part, "cte_name"); !name.empty()) {
            local_names_.push_back(lower_case(name));
        }
    }
    const bool is_table_function = kind.empty() && type == "TABLE_FUNCTION";
    for (const auto& [member, child] : part.items()) {
        // Its function was looked at as a table function; what it is given is walked here.
        if (is_table_function && member == "function") {
            TRY(walk(child.value("children", Json::array()), depth + 1));
        } else {
            TRY(walk(child, depth + 1));
        }
    }
    local_names_.resize(names_before);
    return {};
}

// Before the engine's parser sees them; those in a text count too, which harms nobody.
int deepest_parenthesis(std::string_view statement) {
    int depth = 0, deepest = 0;
    for (const char letter : statement) {
        if (letter == '(' || letter == '[' || letter == '{') deepest = std::max(deepest, ++depth);
        if (letter == ')' || letter == ']' || letter == '}') depth = std::max(0, depth - 1);
    }
    return deepest;
}

std::string with_place(const Json& answer, std::string_view statement) {
    std::string message = member_text(answer, "error_message");
    const std::string position = member_text(answer, "position");
    if (position.empty()) return message;
    const auto at = std::min<std::size_t>(std::stoul(position), statement.size());
    const auto before = statement.substr(0, at);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto start = before.rfind('\n');
    const auto column = start == std::string_view::npos ? at + 1 : at - start;
    return fmt::format("{} (line {}, column {})", message, line, column);
}

}  // namespace

Result<CheckedStatement> check_statement(sql::Connection& connection, std::string_view statement) {
    if (statement.size() > statement_bytes_max) {
        return fail(ErrorCode::exhausted,
                    fmt::format("the statement is longer than {} bytes", statement_bytes_max));
    }
    if (statement.find('\0') != std::string_view::npos) {
        return fail(ErrorCode::invalid_input, "the statement holds a NUL character");
    }
    if (deepest_parenthesis(statement) > parentheses_max) {
        return fail(ErrorCode::exhausted,
                    fmt::format("the statement nests more than {} parentheses", parentheses_max));
    }
    const auto rows =
        TRY(connection.execute("SELECT json_serialize_sql(?::VARCHAR)", {std::string(statement)}));
    if (!TRY(rows->next())) return fail(ErrorCode::corrupt, "the engine gave no syntax tree");
    const std::string text = rows->text(0);
    const JsonLimits limits{.bytes_max = 64u << 20,
                            .depth_max = 2 * tree_depth_max,
                            .string_bytes_max = statement_bytes_max};
    Json answer = TRY(parse_json(text, limits));
    if (answer.value("error", true)) {
        const std::string type = member_text(answer, "error_type");
        if (type == "not implemented") {
            return refuse("only a SELECT may be asked; this statement is of another kind");
        }
        return fail(ErrorCode::invalid_input, with_place(answer, statement));
    }
    const auto statements = answer.find("statements");
    if (statements == answer.end() || statements->size() != 1) {
        return refuse("one statement at a time may be asked");
    }
    Walker walker;
    TRY(walker.walk((*statements)[0]));
    return CheckedStatement{std::move(walker.relations), std::move((*statements)[0])};
}

}  // namespace stroma::warehouse
