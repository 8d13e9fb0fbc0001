#include <cstddef>
#include <cstdint>

#include "flow/definition.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Any text is read as a pipeline, or what is wrong with it is told.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto checked = stroma::flow::read_definition(text, {}, nullptr, "");
    for (const auto& issue : checked.issues) stroma::flow::text_of("fuzz", issue);
    return 0;
}
