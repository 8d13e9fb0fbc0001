#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/image_info.h"

namespace stroma::image {

constexpr std::size_t ome_xml_bytes_max = 64u << 20;

/// What an OME-XML block (OME 2016-06) says of its first image.
struct OmeImage {
    struct Plane {
        std::uint64_t ifd = 0;
        std::string file;  ///< "" is the file itself
    };
    std::uint64_t width = 0, height = 0;
    std::uint64_t sizes[3] = {1, 1, 1};  ///< of z, c and t
    std::string order = "XYZCT";         ///< DimensionOrder
    std::uint64_t samples = 1;           ///< of each of its channels
    std::vector<Channel> channels;       ///< names and colours
    std::optional<double> micrometres_x, micrometres_y;
    std::vector<Plane> planes;  ///< of z 0 and t 0, one for each channel
};

/// Whether a text looks like OME-XML.
bool is_ome_xml(std::string_view text);
/// Entities are never expanded and nothing is fetched: a document type is refused.
/// errors  invalid_input  not XML, a document type, a size that is none, a plane that isn't there
///         exhausted      more than ome_xml_bytes_max; a limit of images
Result<OmeImage> ome_image_of(std::string_view text);

}  // namespace stroma::image
