#include <cstddef>
#include <cstdint>

#include "image/tiff/ome_xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static_cast<void>(stroma::image::ome_image_of({reinterpret_cast<const char*>(data), size}));
    return 0;
}
