#pragma once

#include <memory>
#include <string>
#include <vector>

#include "expression/frame.h"
#include "image/image_source.h"
#include "image/placed_image.h"

namespace stroma::image {

/// The diameter of the spot that spot_diameter_fullres spans, by 10x's description of the file.
constexpr double visium_spot_micrometres = 65;

/// A picture that a dataset brings in its uns, with where it lies under the spots.
struct CarriedImage {
    std::string name;                     ///< "V1_Human_Heart hires"
    std::unique_ptr<ImageSource> source;  ///< keeps the uns's array by reference
    Transform transform = unchanged;      ///< to obsm["spatial"]
};

/// The images of uns["spatial"][library]["images"], as 10x Visium and Scanpy ship them: of each
/// library "hires", or else "lowres", with its scale factor. What can't be placed is told in
/// `notes`. `uns` outlives what is returned.
std::vector<CarriedImage> visium_images(const expression::Dict& uns,
                                        std::vector<std::string>& notes);

}  // namespace stroma::image
