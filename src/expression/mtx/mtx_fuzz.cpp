#include <cstddef>
#include <cstdint>

#include "expression/mtx/mtx_reader.h"
#include "expression/text/read_through.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::expression;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (input.starts_with("%%") || input.starts_with("\x1f\x8b")) {
        MemoryFiles file("m.mtx", std::string(input));
        read_through(*make_mtx_reader(), file);
        return 0;
    }
    MemoryFiles folder = files_of_fuzz_input(input);
    read_through(*make_mtx_reader(), folder);
    return 0;
}
