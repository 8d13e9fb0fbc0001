#include <cstddef>
#include <cstdint>
#include <span>

#include "image/jpeg2000/jpeg_2000.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma;
    const ByteSpan bytes = std::as_bytes(std::span(data, size));
    static_cast<void>(
        image::decode_jpeg_2000(bytes, image::Jpeg2000Colors::as_said, std::uint64_t{16} << 20));
    return 0;
}
