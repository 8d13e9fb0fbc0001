#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "expression/zarr/zarr_store.h"
#include "image/image_source.h"

namespace stroma::image {

/// An element's way into each coordinate system that it names, in the plane of x and y: identity,
/// scale, translation, affine, mapAxis and sequences of these, as SpatialData writes them. Of other
/// kinds the coordinate system is left out.
/// attributes: of an image or labels those in multiscales[0], of shapes and points the group's own.
std::map<std::string, Transform> coordinate_transforms(const nlohmann::ordered_json& attributes);

/// The images and labels of a SpatialData store that has a table, each placed under the table's
/// obsm["spatial"]: what is there lies in the coordinates of the region that the table's rows lie
/// in, so a picture's way leads through a coordinate system that both have, and back by the
/// region's. The centre of the first pixel is at (½, ½) there.
/// Format: SpatialData 0.1 to 0.4, NGFF's coordinateTransformations.
Result<std::vector<FoundPicture>> pictures_of_store(const expression::ZarrStore& store,
                                                    std::vector<std::string>& notes);

}  // namespace stroma::image
