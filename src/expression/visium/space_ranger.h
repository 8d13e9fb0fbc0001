#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "expression/input_files.h"

namespace stroma::expression {

/// What of Space Ranger's output is read, by its names within the folder: that of one section, or
/// its outs/.
struct SpaceRangerFolder {
    std::string matrix;  ///< …_feature_bc_matrix.h5, or the folder of a matrix.mtx.gz
    bool is_h5 = false;
    std::string positions;  ///< tissue_positions.csv or tissue_positions_list.csv
    bool has_header = false;
    std::string scale_factors;
    std::string hires, lowres;  ///< PNG; "": not there
};

/// Nothing where there are no scale factors beside a matrix; filtered counts go before raw ones.
/// Format: 10x Genomics' "Space Ranger outputs", 1.0 to 3.1.
Result<std::optional<SpaceRangerFolder>> find_space_ranger(InputFiles& files);

/// spatial/scalefactors_json.json. errors  invalid_input
Result<nlohmann::ordered_json> read_scale_factors(InputFiles& files,
                                                  const SpaceRangerFolder& folder);
/// A positive number of theirs.
std::optional<double> scale_factor(const nlohmann::ordered_json& factors, const char* name);

}  // namespace stroma::expression
