#include <cstddef>
#include <cstdint>

#include "expression/csv/csv_reader.h"
#include "expression/text/read_through.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::expression;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    MemoryFiles file("t.csv", std::string(input));
    read_through(*make_csv_reader(), file);
    return 0;
}
