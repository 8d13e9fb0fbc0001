#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "expression/frame.h"

namespace stroma::warehouse {

/// A column of obs or var as SQL names it.
struct NamedColumn {
    const expression::Column* column = nullptr;
    std::string sql_name;
    std::string sql_type;
};

/// SQL knows no case in names: of two columns that differ only in case the later is called
/// "name_2". One called like a fixed column gets the prefix ("obs_dataset").
std::vector<NamedColumn> name_columns(const expression::Frame& frame,
                                      std::span<const std::string_view> fixed,
                                      std::string_view prefix);

/// Whether both are the same name in SQL.
bool same_name(std::string_view a, std::string_view b);
std::string lower_case(std::string_view name);

/// The Ensembl id of each gene, without its version, where var or its index has one ("ENSG…", with
/// "_PAR_Y" kept); else the native id.
std::vector<std::string> featurekeys_of(const expression::Frame& var);

}  // namespace stroma::warehouse
