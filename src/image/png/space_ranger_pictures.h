#pragma once

#include "image/image_source.h"

namespace stroma::image {

/// The tissue of Space Ranger's output: its high resolution, or else its low one, placed by its
/// scale factor under the spots' pixels of the full image.
Result<std::vector<FoundPicture>> space_ranger_pictures(expression::InputFiles& files,
                                                        std::vector<std::string>& notes);

}  // namespace stroma::image
