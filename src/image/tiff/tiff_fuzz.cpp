#include <cstddef>
#include <cstdint>

#include "expression/text/memory_files.h"
#include "image/tiff/tiff_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma;
    constexpr std::uint64_t pixels_max = 1u << 20;  // a few bytes may declare what takes minutes
    expression::MemoryFiles file("d.tif", std::string(reinterpret_cast<const char*>(data), size));
    const image::ImageReader& reader = image::tiff_reader();
    if (!reader.recognises(file)) return 0;
    std::vector<std::string> notes;
    const auto source = reader.open(file, {.are_labels = false, .memory_bytes = 64u << 20}, notes);
    if (!source) return 0;
    const image::ImageInfo& info = (*source)->info();
    if (info.width * info.height > pixels_max || info.channels.size() > 64) return 0;
    const std::vector<std::size_t> groups = (*source)->groups();
    for (std::size_t group = 0; group < groups.size(); ++group) {
        std::vector<Bytes> rows(groups[group],
                                Bytes(info.width * info.height * size_of(info.type)));
        if (!(*source)->read_rows(group, 0, info.height, rows)) return 0;
    }
    return 0;
}
