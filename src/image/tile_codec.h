#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "image/pixels.h"

namespace stroma::image {

/// Values as one Blosc 1 buffer: bits shuffled, then LZ4; Zstandard for labels, which repeat.
Result<Bytes> packed_tile(ByteSpan values, PixelType type, bool are_labels);
/// Back; `out` has the size that is expected. errors  corrupt
Result<void> unpack_tile(ByteSpan packed, std::span<std::byte> out);

}  // namespace stroma::image
