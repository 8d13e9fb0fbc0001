#include <cstddef>
#include <cstdint>

#include "expression/text/read_through.h"
#include "expression/zarr/zarr_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::expression;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    // A zip is one file; anything else names the files of a folder.
    if (input.starts_with("PK")) {
        MemoryFiles file("d.zip", std::string(input));
        read_through(*make_zarr_reader(), file);
        return 0;
    }
    MemoryFiles folder = files_of_fuzz_input(input);
    read_through(*make_zarr_reader(), folder);
    return 0;
}
