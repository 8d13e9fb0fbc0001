#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace stroma::matrix {

/// The rows of a table of text with their columns in another order: the first column stays, the
/// others come as `names` has them. Fields keep their bytes, quotes and all. In the pieces that
/// expression::add_table cuts a table into. Empty when the header hasn't just those columns.
std::vector<std::string> rearranged_table(std::string_view table, char separator,
                                          const std::vector<std::string>& names);

/// Whether results of the format can be rearranged: "csv" and "mtx".
bool can_rearrange(std::string_view format);

/// Writes a result's zip again as `to`, with the columns of its table of cells in the order of
/// `names` and its folder called `stem`. All else is copied as it is packed; nothing is converted.
/// The file is the same to the byte as one built with the columns in that order. Gives the bytes.
/// errors  unsupported  its table has other columns, or more than 256 MiB
Result<std::uint64_t> rearrange_zip(File source, std::string_view format,
                                    const std::vector<std::string>& names, const fs::path& to,
                                    std::string_view stem);

}  // namespace stroma::matrix
