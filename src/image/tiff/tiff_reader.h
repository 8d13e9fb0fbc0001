#pragma once

#include "image/image_source.h"

namespace stroma::image {

/// TIFF, BigTIFF and OME-TIFF: strips or tiles, any byte order and packing that libtiff knows,
/// whole numbers of 8 to 32 bits and 32-bit floats. Of an OME-TIFF each channel's first plane (z
/// and t 0), with what its OME-XML says of it; of other files all pages of the first one's size and
/// type, each a channel (of a photograph: the first). Colours of a palette come out as a
/// photograph; as labels its numbers do.
/// A folder of TIFFs is one picture: an OME-TIFF whose channels lie in several files (which of them
/// is told by FileName, in the first one that tells or in a *.companion.ome), else a channel for
/// each page of each file, named as the file. At most 512 files.
const ImageReader& tiff_reader();

}  // namespace stroma::image
