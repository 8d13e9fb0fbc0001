#include "matrix/fields/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/json.h"
#include "matrix/fields/fields.h"

namespace stroma::matrix {
namespace {

constexpr std::size_t depth_max = 200;
constexpr JsonLimits filter_limits{.bytes_max = 1u << 20, .depth_max = 2 * depth_max + 8};
constexpr std::string_view comparison_operators[] = {"=", "!=", "<", "<=", ">", ">="};

class Parser {
public:
    explicit Parser(const std::function<bool(std::string_view)>& is_column)
        : is_column_(is_column) {}

    bool names_species = false;

    Result<Filter> node(const Json& json, const std::string& at, std::size_t depth) {
        if (depth > depth_max) return refuse(at, fmt::format("nested deeper than {}", depth_max));
        if (!json.is_object()) return refuse(at, "a filter must be an object");
        if (!json.contains("op")) return refuse(at, "the filter has no 'op'");
        if (!json["op"].is_string()) return refuse(at + "/op", "'op' must be a text");
        for (const auto& member : json.items())
            if (member.key() != "op" && member.key() != "field" && member.key() != "value")
                return refuse(at + "/" + member.key(), "unknown member; use op, field and value");
        const auto op = json["op"].get<std::string>();
        if (!json.contains("value")) return refuse(at, "the filter has no 'value'");
        if (op == "and" || op == "or") return junction(op, json["value"], at, depth);
        if (op == "not") return negation(json["value"], at, depth);
        if (op != "in" &&
            std::find(std::begin(comparison_operators), std::end(comparison_operators), op) ==
                std::end(comparison_operators))
            return refuse(at + "/op",
                          "unknown op '" + op + "'; use =, !=, <, <=, >, >=, in, and, or, not");
        return comparison(op, json, at);
    }

private:
    static tl::unexpected<Error> refuse(const std::string& at, const std::string& why) {
        return fail(ErrorCode::invalid_input, "at " + (at.empty() ? "/" : at) + ": " + why);
    }

    Result<Filter> junction(const std::string& op, const Json& operands, const std::string& at,
                            std::size_t depth) {
        if (!operands.is_array())
            return refuse(at + "/value", "'" + op + "' needs a list of filters");
        if (operands.size() < 2)
            return refuse(at + "/value", "'" + op + "' needs at least two filters");
        std::set<std::pair<std::string, std::string>> parts;  // by canonical form
        for (std::size_t i = 0; i < operands.size(); ++i) {
            const Filter part =
                TRY(node(operands[i], fmt::format("{}/value/{}", at, i), depth + 1));
            parts.emplace(part.canonical, part.condition);
        }
        Filter joined;
        for (const auto& [canonical, condition] : parts) {
            joined.canonical += (joined.canonical.empty() ? "" : ",") + canonical;
            joined.condition += (joined.condition.empty() ? "(" : ") " + op + " (") + condition;
        }
        joined.condition += ")";
        joined.canonical = fmt::format(R"({{"op":"{}","value":[{}]}})", op, joined.canonical);
        return joined;
    }

    Result<Filter> negation(const Json& value, const std::string& at, std::size_t depth) {
        std::string inner_at = at + "/value";
        const Json* inner = &value;
        if (value.is_array()) {
            if (value.size() != 1) return refuse(inner_at, "'not' takes exactly one filter");
            inner = &value[0];
            inner_at += "/0";
        }
        const Filter part = TRY(node(*inner, inner_at, depth + 1));
        return Filter{"not (" + part.condition + ")",
                      R"({"op":"not","value":)" + part.canonical + "}", false};
    }

    Result<Filter> comparison(const std::string& op, const Json& json, const std::string& at) {
        if (!json.contains("field")) return refuse(at, "the comparison has no 'field'");
        if (!json["field"].is_string()) return refuse(at + "/field", "'field' must be a text");
        const auto asked = json["field"].get<std::string>();
        const Field* field = find_field(asked);
        if (field == nullptr && !is_column_(asked))
            return refuse(at + "/field",
                          "unknown field '" + asked + "'; GET /v1/filters lists the names");
        const std::string name = field == nullptr ? asked : std::string(field->name);
        if (name.starts_with("cell_suspension.genus_species.")) names_species = true;
        const Json& value = json["value"];
        if (op != "in") {
            const Literal literal = TRY(scalar(field, value, at + "/value"));
            return Filter{fmt::format("{} {} {}", quoted_name(name), op, literal.sql),
                          canonical_comparison(op, name, literal.json), false};
        }
        if (!value.is_array()) return refuse(at + "/value", "'in' needs a list of values");
        std::set<std::pair<std::string, std::string>> literals;
        for (std::size_t i = 0; i < value.size(); ++i) {
            const Literal literal = TRY(scalar(field, value[i], fmt::format("{}/value/{}", at, i)));
            literals.emplace(literal.json, literal.sql);
        }
        std::string sql, canonical;
        for (const auto& [as_json, as_sql] : literals) {
            sql += (sql.empty() ? "" : ", ") + as_sql;
            canonical += (canonical.empty() ? "" : ",") + as_json;
        }
        return Filter{sql.empty() ? "false" : fmt::format("{} in ({})", quoted_name(name), sql),
                      canonical_comparison(op, name, "[" + canonical + "]"), false};
    }

    static std::string canonical_comparison(const std::string& op, const std::string& field,
                                            const std::string& value) {
        return fmt::format(R"({{"op":"{}","field":{},"value":{}}})", op, Json(field).dump(), value);
    }

    struct Literal {
        std::string sql, json;
    };

    static Result<Literal> scalar(const Field* field, const Json& value, const std::string& at) {
        if (!value.is_string() && !value.is_number() && !value.is_boolean())
            return refuse(at, "the value must be a text, a number, true or false");
        if (field != nullptr && field->kind == warehouse::FieldKind::numeric)
            return number(value, at);
        if (field != nullptr && field->kind == warehouse::FieldKind::boolean)
            return boolean(value, at);
        if (field == nullptr && !value.is_string())
            return Literal{value.dump(), value.dump()};  // a column of the users' own has its type
        const std::string text = value.is_string()    ? value.get<std::string>()
                                 : value.is_boolean() ? (value.get<bool>() ? "True" : "False")
                                                      : value.dump();
        if (text.find('\0') != std::string::npos) return refuse(at, "the value holds a NUL");
        return Literal{quoted_text(text), Json(text).dump()};
    }

    static Result<Literal> number(const Json& value, const std::string& at) {
        double parsed = 0;
        if (value.is_number()) {
            parsed = value.get<double>();
        } else {
            const std::string text = value.is_string() ? value.get<std::string>() : "";
            const auto end = text.data() + text.size();
            const auto result = std::from_chars(text.data(), end, parsed);
            if (result.ec != std::errc() || result.ptr != end || !std::isfinite(parsed))
                return refuse(at, "this field is numeric; give a number");
        }
        const std::string text = fmt::format("{}", parsed);
        return Literal{text, text};
    }

    static Result<Literal> boolean(const Json& value, const std::string& at) {
        if (value.is_boolean()) return truth(value.get<bool>());
        if (value.is_string()) {
            const auto text = value.get<std::string>();
            if (text == "t" || text == "True" || text == "true") return truth(true);
            if (text == "f" || text == "False" || text == "false") return truth(false);
        }
        return refuse(at, "this field is boolean; give true or false");
    }
    static Literal truth(bool value) {
        return value ? Literal{"true", "true"} : Literal{"false", "false"};
    }

    const std::function<bool(std::string_view)>& is_column_;
};

}  // namespace

Result<Filter> parse_filter(std::string_view json,
                            const std::function<bool(std::string_view)>& is_column) {
    auto tree = parse_json(json, filter_limits);
    if (!tree) return fail(std::move(tree.error()).with("at /"));
    Parser parser(is_column);
    Filter filter = TRY(parser.node(*tree, "", 0));
    filter.names_species = parser.names_species;
    return filter;
}

}  // namespace stroma::matrix
