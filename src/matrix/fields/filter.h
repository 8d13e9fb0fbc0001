#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::matrix {

/// A v1 filter tree that was checked: comparisons of named fields joined by and, or, not.
struct Filter {
    /// SQL condition over the view `cells`; names quoted, texts escaped.
    std::string condition;
    /// JSON in one form for one meaning: operands of and/or and values of in sorted, repeats
    /// dropped, `not` with an object, numbers in their shortest form.
    std::string canonical;
    /// Whether a species field occurs anywhere in it, also under not.
    bool names_species = false;
};

/// Parses and checks a filter tree (grammar: docs/matrix-api.md).
///   {"op": "=" | "!=" | "<" | "<=" | ">" | ">=" | "in", "field": NAME, "value": scalar or list}
///   {"op": "and" | "or", "value": [filter, filter, …]}      {"op": "not", "value": filter or
///   [filter]}
/// NAME is one of the 43 API names, its table.column, or a name for which is_column says yes.
/// errors  invalid_input  the message begins "at <JSON pointer>: ", the pointer naming the bad node
Result<Filter> parse_filter(std::string_view json,
                            const std::function<bool(std::string_view)>& is_column);

}  // namespace stroma::matrix
