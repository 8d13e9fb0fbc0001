#pragma once

#include <span>
#include <string_view>

namespace stroma::warehouse {

enum class FieldKind { categorical, numeric, boolean };

/// One of the 43 filter and field names of the matrix service's /v1 API, which name cell metadata
/// in filters and output columns.
struct ApiField {
    std::string_view name;    ///< "donor_organism.sex"; also a column of the view `cells`
    std::string_view table;   ///< the relation it comes from: "donor"
    std::string_view column;  ///< its column there: "sex"
    FieldKind kind = FieldKind::categorical;
    std::string_view description;
};

/// In the order in which the service listed them.
std::span<const ApiField> api_fields();

}  // namespace stroma::warehouse
