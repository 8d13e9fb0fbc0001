#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "expression/sealed_dataset.h"
#include "ontology/terms.h"

namespace stroma::portal {

/// A schema that a dataset can be checked against.
struct Profile {
    std::string name, title, version, about;
    std::string rules;  ///< JSON: the file of schema/profiles/, or of a site's own folder
    std::size_t rule_count = 0;
};

/// Those that the program carries and those of the folder's files *.json ("" is none), one of which
/// takes the place of another of its name. errors  invalid_input  names the file, and the rule that
/// nothing can be made of
Result<std::vector<Profile>> read_profiles(const fs::path& folder);
/// errors  not_found  names those that there are
Result<std::reference_wrapper<const Profile>> profile_named(const std::vector<Profile>& profiles,
                                                            std::string_view name);
/// Whether a rule can be made something of. errors  invalid_input
Result<void> check_rule(const nlohmann::ordered_json& rule);

/// What a report rests on beside the data: the rules, and the ontologies that are here in whole.
std::string basis_of(const Profile& profile, const ontology::Terms& terms);

/// Every way in which a dataset breaks a profile's rules, as a JSON object: profile, title,
/// version, state ("valid", "invalid"), errors, warnings, rules (how many were looked at), basis,
/// terms (checked: the ontologies that terms were looked up in, with their versions; by_form: those
/// that aren't here, of which only the form was looked at) and findings, each with severity, where
/// ("obs", "var", "uns", "obsm", "X"), column, value, message, fix, and rows and first_row,
/// first_id where rows are at fault. 200 findings are told of each rule. Cost: each column once;
/// raw counts once where cells are compared with one another. errors  cancelled
Result<std::string> validate(const expression::SealedDataset& dataset, const Profile& profile,
                             const ontology::Terms& terms, const expression::Watch& watch);

}  // namespace stroma::portal
