#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expression/sealed_dataset.h"

namespace stroma::portal {

/// Schemas that a dataset can be checked against: their rules are the files of schema/profiles/.
struct Profile {
    std::string_view name;
    std::string_view rules;  ///< JSON
};
std::vector<Profile> all_profiles();

/// Every way in which a dataset breaks a profile's rules, as a JSON object: profile, title,
/// version, state ("valid", "invalid"), errors, warnings, rules (how many were looked at) and
/// findings, each with severity, where ("obs", "var", "uns", "obsm", "X"), column, value, message,
/// fix, and rows and first_row, first_id where rows are at fault. 200 findings are told of each
/// rule. Cost: each column once; raw counts once where cells are compared with one another. errors
/// not_found  no such profile     cancelled
Result<std::string> validate(const expression::SealedDataset& dataset, std::string_view profile,
                             const expression::Watch& watch);

}  // namespace stroma::portal
