#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "expression/annotated_data.h"

// AnnData's on-disk layout as version 0.8 writes it (encoding-type and encoding-version on every
// element), told once for all stores that can hold groups, arrays and attributes.

namespace stroma::expression {

using AttributeValue =
    std::variant<std::string, bool, std::vector<std::uint64_t>, std::vector<std::string>>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

/// A tree of groups and arrays with attributes. Paths have '/' between names; "" is the root, and
/// a group is made before what lies in it.
class AnndataStore {
public:
    virtual ~AnndataStore() = default;
    virtual Result<void> group(const std::string& path, const Attributes& attributes) = 0;
    virtual Result<void> array(const std::string& path, const Array& values,
                               const Attributes& attributes) = 0;
    /// UTF-8 texts; shape {} is one text.
    virtual Result<void> texts(const std::string& path, std::span<const std::uint64_t> shape,
                               const TextArray& texts, const Attributes& attributes) = 0;
    virtual Result<void> records(const std::string& path, const Records& records,
                                 const Attributes& attributes) = 0;
    /// A matrix of the dataset: a group with data, indices and indptr, or one array when it was
    /// dense. The attributes are those of its kind.
    virtual Result<void> matrix(const std::string& path, const NamedMatrix& matrix,
                                const Attributes& attributes) = 0;
};

/// Writes everything the data holds. Names that a path can't hold ('/', ".", "..", "") get '_' in
/// place of what offends, and a number where that name is taken. What AnnData 0.8 has no encoding
/// for: a text column with missing values becomes a categorical, a masked float becomes NaN, and
/// an empty element (None) is left out.
Result<void> write_anndata_layout(const AnnotatedData& data, AnndataStore& store);

}  // namespace stroma::expression
