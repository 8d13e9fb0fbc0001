#include <cstddef>
#include <cstdint>

#include "expression/text/memory_files.h"
#include "image/shapes/outline_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma;
    constexpr std::uint64_t width_max = 1u << 16;  // a few bytes may declare what takes minutes
    constexpr std::uint64_t rows = 8;
    expression::MemoryFiles file("d.geojson",
                                 std::string(reinterpret_cast<const char*>(data), size));
    std::vector<std::string> notes;
    const auto source = image::outline_reader().open(file, {}, notes);
    if (!source || (*source)->info().width > width_max) return 0;
    std::vector<Bytes> out(1, Bytes((*source)->info().width * rows * sizeof(std::uint32_t)));
    static_cast<void>((*source)->read_rows(0, 0, rows, out));
    return 0;
}
