#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

// What is done to the text of a statement before it runs.

namespace stroma::statement {

/// The same statement with what authorises COPY and UNLOAD taken out: iam_role '', credentials ''.
/// Text that can't be read comes back empty of quoted texts' insides after such words, else as it
/// is.
std::string without_secrets(std::string_view sql);

struct Bound {
    std::string sql;                  ///< with $1, $2… for :name
    std::vector<std::string> values;  ///< of $1, $2…
    std::vector<std::string> unused;  ///< names that the statement doesn't have
};
/// Puts parameters where the statement names them. errors  invalid_input  it can't be read
Result<Bound> bind_parameters(std::string_view sql,
                              const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace stroma::statement
