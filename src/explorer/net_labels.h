#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace stroma::explorer {

/// One column of a table that a client sent: the text of each row.
struct NetLabels {
    std::string name;
    std::vector<std::string> labels;   ///< distinct, in the order of their first row
    std::vector<std::int32_t> values;  ///< by row: a place in `labels`, or -1 where missing
};

/// Reads a table in NetEncoding from outside. Numbers must be whole; they are read as text.
/// errors  invalid_input  not such a table, columns of another length than `rows`, names that are
///                        missing or come twice, numbers that aren't whole
Result<std::vector<NetLabels>> labels_from_net(ByteSpan body, std::uint32_t rows);

}  // namespace stroma::explorer
