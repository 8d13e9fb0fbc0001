#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/database.h"

namespace stroma::dashboard {

/// Which database a statement asks.
enum class Source {
    relations,  ///< the biology warehouse: what POST /v1/sql asks
    tables      ///< the users' own tables, in Redshift's dialect: what the PostgreSQL port asks
};

struct Question {
    Source source = Source::relations;
    std::string statement;  ///< one SELECT; :name stands for a parameter's value
};

enum class ParameterKind { text, number, date, choice };

/// What viewers may set; bound as a value, never put into the statement's text.
struct Parameter {
    std::string name;  ///< a to z, 0 to 9 and _, beginning with a letter
    ParameterKind kind = ParameterKind::text;
    sql::Value usual;                  ///< where the viewer says nothing
    std::vector<std::string> choices;  ///< of a choice: these, or else
    Question question;                 ///< the first column of its answer
};

struct Panel {
    std::string id;  ///< distinct within the dashboard; of letters, digits, - and _
    std::string title;
    bool has_question = true;  ///< else it is words
    Question question;
    std::int64_t refresh_seconds = 0;  ///< 0: it isn't asked again by itself
};

/// A dashboard's JSON, understood:
///   {"title", "description", "refresh_seconds", "as_owner",
///    "parameters": [{"name", "label", "kind", "default", "choices" | "source" and "statement"}],
///    "panels": [{"id", "title", "kind", "source", "statement", "refresh_seconds", "text",
///                "x", "y": [], "series", "layout", "unit", "points",
///                "place": {"x", "y", "width", "height"}}]}
/// kinds of panels: line, area, bar, scatter, table, number, text. Places are in a grid of 12
/// columns, without an end below.
struct Definition {
    std::string title;
    std::int64_t refresh_seconds = 0;  ///< of panels that say nothing else
    /// Statements run by the owner's rights, whoever looks: what they answer is thereby shown to
    /// whoever may see the dashboard. Else by the viewer's.
    bool as_owner = false;
    std::vector<Parameter> parameters;
    std::vector<Panel> panels;
    std::string json;  ///< the whole, as it is kept

    const Panel* panel(std::string_view id) const;
    const Parameter* parameter(std::string_view name) const;
};

constexpr std::uint64_t definition_bytes_max = 512u << 10;

/// Members that it doesn't know are refused, so that a misspelt one is found.
/// errors  invalid_input  "at /panels/2/statement: …", with what to write there
///         exhausted      more than 512 KiB, 100 panels or 20 parameters
Result<Definition> read_definition(std::string_view json);

/// "relations" or "tables". errors  invalid_input
Result<Source> source_named(std::string_view name);

}  // namespace stroma::dashboard
