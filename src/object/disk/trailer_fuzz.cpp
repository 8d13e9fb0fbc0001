#include <cstdlib>

#include "base/digest.h"
#include "object/disk/key_path.h"
#include "object/disk/trailer.h"

// The bytes are taken as the end of an object's file, once as they are and once with a footer made
// to fit, so that the record behind the checksum is reached; and as a name in keys/.

namespace {

using namespace stroma;
using namespace stroma::object;

void decode(ByteSpan end) {
    std::size_t wanted = 0;
    for (const std::uint64_t more : {0u, 10u}) {
        const auto trailer = decode_trailer(end, end.size() + more, wanted);
        if (!trailer || !*trailer) continue;
        const ObjectInfo& info = (*trailer)->info;
        if (info.size_bytes > end.size() + more) std::abort();
        if (info.key.size() + info.etag.size() + info.content_type.size() > end.size())
            std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteSpan bytes = std::as_bytes(std::span(data, size));
    decode(bytes);

    Bytes file(bytes.begin(), bytes.end());
    const auto append = [&](auto value) {
        const auto value_bytes = std::as_bytes(std::span(&value, 1));
        file.insert(file.end(), value_bytes.begin(), value_bytes.end());
    };
    append(std::uint64_t{0});
    append(static_cast<std::uint32_t>(size));
    append(trailer_version);
    append(checksum64(bytes, 0));
    const ByteSpan magic = as_bytes("stromaob");
    file.insert(file.end(), magic.begin(), magic.end());
    decode(file);

    const std::string_view text = as_text(bytes);
    if (const auto piece = piece_of_name(text); piece && piece->name != text) std::abort();
    if (check_key(text)) {
        const std::string path = path_of_key(text).string();
        if (path.find("//") != path.npos || path.front() == '/' || path.size() > 3500) std::abort();
    }
    return 0;
}
