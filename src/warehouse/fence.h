#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/json.h"
#include "sql/database.h"

namespace stroma::warehouse {

/// A user's statement that may run.
struct CheckedStatement {
    std::set<std::string> relations;  ///< those of ours that it names
    Json tree;                        ///< the statement as the engine's json_serialize_sql gives it
};

/// Lets one SELECT through that names only our relations and functions known to be pure and
/// bounded; what isn't known is refused. Nothing of the statement runs.
/// errors  denied         names the function, table or kind of statement
///         invalid_input  syntax, with its position
///         exhausted      longer or deeper than the limits
Result<CheckedStatement> check_statement(sql::Connection& connection, std::string_view statement);

/// Whether a function may be called; lower-case name.
bool is_allowed_function(std::string_view name);
bool is_allowed_table_function(std::string_view name);

}  // namespace stroma::warehouse
