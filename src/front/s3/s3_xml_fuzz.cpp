#include <cstdint>

#include "front/s3/xml.h"

/// Documents that clients send: read within bounds, whatever is in them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto document = stroma::front::s3::read_xml({reinterpret_cast<const char*>(data), size});
    if (document && document->name.size() > size) __builtin_trap();
    return 0;
}
