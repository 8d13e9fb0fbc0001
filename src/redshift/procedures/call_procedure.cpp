#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "redshift/load/row_text.h"
#include "redshift/procedures/procedures.h"
#include "redshift/rights.h"

// Values of procedures, and whose rights a call has.

namespace stroma::redshift {
namespace {

constexpr std::size_t calls_depth_max = 16;

}  // namespace

bool is_whole_type(std::string_view type) {
    constexpr std::array<std::string_view, 8> names = {"int",  "integer", "int4",     "bigint",
                                                       "int8", "int2",    "smallint", "hugeint"};
    return std::find(names.begin(), names.end(), type) != names.end();
}

std::optional<std::string> text_of_value(const sql::Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return std::nullopt;
    return text_of(value);
}

std::string literal_of(const ProcedureValue& value) {
    const std::string type = lower_of(value.type);
    if (!value.text) return type.empty() ? "NULL" : fmt::format("CAST(NULL AS {})", value.type);
    if (is_whole_type(type))
        return value.text->starts_with('-') ? "(" + *value.text + ")" : *value.text;
    if (type == "boolean" || type == "bool")
        return *value.text == "t" || *value.text == "true" ? "true" : "false";
    const bool is_text = type.empty() || type.find("char") != std::string::npos || type == "text";
    if (is_text) return quoted_text(*value.text);
    return fmt::format("CAST({} AS {})", quoted_text(*value.text), value.type);
}

Answer<std::optional<std::vector<ProcedureValue>>> first_row(EngineSession& session,
                                                             const std::string& query) {
    const auto statements = TRY(split(query));
    if (statements.size() != 1 || statements[0].kind != StatementKind::select)
        return refuse("42601", "an expression is expected");
    const auto cursor = TRY(session.run(statements[0]));
    if (!TRY(cursor->next())) return std::optional<std::vector<ProcedureValue>>();
    std::vector<ProcedureValue> row;
    for (std::size_t at = 0; at < cursor->columns().size(); ++at)
        row.push_back({cursor->columns()[at].engine_type, text_of_value(cursor->value(at))});
    return std::optional(std::move(row));
}

Answer<std::vector<ProcedureValue>> call_procedure(EngineSession& session,
                                                   const CalledProcedure& called,
                                                   std::vector<ProcedureValue> given) {
    if (session.procedures >= calls_depth_max)
        return refuse("54001", fmt::format("calls of procedures are nested more than {} deep",
                                           calls_depth_max));
    const Thing& thing = called.kept.thing;
    if (!TRY(may(session, thing, "OWNER")) && !TRY(may(session, thing, "EXECUTE")))
        return refuse("42501", fmt::format("permission denied for procedure {}", called.kept.name));
    if (!TRY(may(session, schema_thing(called.kept.schema), "USAGE")))
        return refuse("42501", fmt::format("permission denied for schema {}", called.kept.schema));
    const bool is_definer = called.head.is_definer;
    Actor before;
    if (is_definer) {
        auto owner = TRY(session.owner_of(thing.schema, thing.name));
        before = TRY(session.act_as(std::move(owner)));
    }
    ++session.procedures;
    auto told = run_body(session, called, std::move(given), !is_definer);
    --session.procedures;
    if (is_definer) session.act_again_as(std::move(before));
    return told;
}

}  // namespace stroma::redshift
