#include "expression/visium/space_ranger.h"

#include <array>
#include <cmath>
#include <set>

#include "base/json.h"

namespace stroma::expression {
namespace {

constexpr std::string_view factors_name = "spatial/scalefactors_json.json";
constexpr std::uint64_t factors_bytes_max = 1u << 20;

/// The counts: below `prefix`, filtered before raw, HDF5 before a folder.
void find_matrix(const std::vector<std::string>& names, const std::string& prefix,
                 SpaceRangerFolder& found) {
    constexpr std::array<std::string_view, 2> kinds = {"filtered_feature_bc_matrix",
                                                       "raw_feature_bc_matrix"};
    for (const std::string_view kind : kinds)
        for (const bool is_h5 : {true, false})
            for (const std::string& name : names) {
                if (!name.starts_with(prefix)) continue;
                std::string_view matrix = name;
                if (is_h5 && !matrix.ends_with(std::string(kind) + ".h5")) continue;
                if (!is_h5) {
                    const std::size_t slash = matrix.rfind('/');
                    const std::string_view file = matrix.substr(slash + 1);
                    if (slash == matrix.npos || !matrix.substr(0, slash).ends_with(kind) ||
                        (file != "matrix.mtx.gz" && file != "matrix.mtx"))
                        continue;
                    matrix = matrix.substr(0, slash);
                }
                found.matrix = matrix;
                found.is_h5 = is_h5;
                return;
            }
}

}  // namespace

Result<std::optional<SpaceRangerFolder>> find_space_ranger(InputFiles& files) {
    if (!files.is_folder()) return std::nullopt;
    const std::vector<std::string> names = TRY(files.list());
    for (const std::string& name : names) {
        const bool is_below = name.ends_with("/" + std::string(factors_name));
        if (name != factors_name && !is_below) continue;
        const std::string prefix = name.substr(0, name.size() - factors_name.size());
        SpaceRangerFolder found;
        found.scale_factors = name;
        find_matrix(names, prefix, found);
        if (found.matrix.empty()) continue;
        const std::set<std::string> all(names.begin(), names.end());
        const auto there = [&](const char* file) {
            const std::string path = prefix + "spatial/" + file;
            return all.contains(path) ? path : "";
        };
        found.positions = there("tissue_positions.csv");
        found.has_header = !found.positions.empty();
        if (found.positions.empty()) found.positions = there("tissue_positions_list.csv");
        if (found.positions.empty()) found.positions = there("tissue_positions.parquet");
        found.hires = there("tissue_hires_image.png");
        found.lowres = there("tissue_lowres_image.png");
        return found;
    }
    return std::nullopt;
}

Result<Json> read_scale_factors(InputFiles& files, const SpaceRangerFolder& folder) {
    const File file = TRY(files.open(folder.scale_factors));
    const std::uint64_t size = TRY(file.size());
    if (size > factors_bytes_max)
        return fail(ErrorCode::exhausted, folder.scale_factors + " is larger than 1 MiB");
    Bytes text(size);
    TRY(file.read_at(0, text));
    Json json = TRY_WITH(parse_json(as_text(text)), folder.scale_factors);
    if (!json.is_object())
        return fail(ErrorCode::invalid_input, folder.scale_factors + " is no JSON object");
    return json;
}

std::optional<double> scale_factor(const Json& factors, const char* name) {
    const auto found = factors.find(name);
    if (found == factors.end() || !found->is_number()) return std::nullopt;
    const double value = found->get<double>();
    return std::isfinite(value) && value > 0 ? std::optional(value) : std::nullopt;
}

}  // namespace stroma::expression
