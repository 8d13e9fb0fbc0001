#include "image/png/space_ranger_pictures.h"

#include "base/json.h"
#include "expression/visium/space_ranger.h"
#include "image/visium.h"

namespace stroma::image {

Result<std::vector<FoundPicture>> space_ranger_pictures(expression::InputFiles& files,
                                                        std::vector<std::string>& notes) {
    std::vector<FoundPicture> found;
    const auto folder = TRY(expression::find_space_ranger(files));
    if (!folder) return found;
    const Json factors = TRY(expression::read_scale_factors(files, *folder));
    const bool is_hires = !folder->hires.empty();
    const std::string& path = is_hires ? folder->hires : folder->lowres;
    if (path.empty()) return found;
    const char* name = is_hires ? "tissue_hires_scalef" : "tissue_lowres_scalef";
    const auto scale = expression::scale_factor(factors, name);
    if (!scale) {
        notes.push_back(path + " is left out: there is no scale factor " + name);
        return found;
    }
    FoundPicture picture{.element = path,
                         .name = files.name() + (is_hires ? " hires" : " lowres"),
                         .transform = {1 / *scale, 0, 0, 0, 1 / *scale, 0},
                         .are_labels = false,
                         .cell_column = "",
                         .micrometres = expression::scale_factor(factors, "microns_per_pixel")};
    const auto spot = expression::scale_factor(factors, "spot_diameter_fullres");
    if (!picture.micrometres && spot) picture.micrometres = visium_spot_micrometres / *spot;
    if (picture.micrometres) *picture.micrometres /= *scale;
    found.push_back(std::move(picture));
    return found;
}

}  // namespace stroma::image
