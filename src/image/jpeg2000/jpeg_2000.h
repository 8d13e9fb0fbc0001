#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "image/pixels.h"

namespace stroma::image {

/// What the first bytes of JPEG 2000 say: a file in boxes (.jp2), or a bare codestream (.j2k, and
/// the tiles of TIFFs).
enum class Jpeg2000Kind : std::uint8_t { boxes, codestream };
std::optional<Jpeg2000Kind> jpeg_2000_kind(ByteSpan head);

/// How colours are kept that aren't red, green and blue already.
enum class Jpeg2000Colors : std::uint8_t { as_said, luma_and_chroma };

/// A picture unpacked: planes of equal size, row-major values of `type`.
struct Jpeg2000Picture {
    std::uint32_t width = 0, height = 0;
    PixelType type = PixelType::uint8;
    std::vector<Bytes> planes;
};

/// Unpacks a whole picture of whole numbers of up to 16 bits. Planes of fewer samples are spread;
/// what is kept as brightness and two differences of colour comes out as red, green and blue.
/// errors  invalid_input  damaged or cut off      unsupported  more than 16 bits
///         exhausted      limit: memory: it needs more than `memory_bytes`, by its header
Result<Jpeg2000Picture> decode_jpeg_2000(ByteSpan bytes, Jpeg2000Colors colors,
                                         std::uint64_t memory_bytes);

}  // namespace stroma::image
