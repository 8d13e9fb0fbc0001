#include <cstdint>
#include <cstdlib>

#include "dashboard/definition.h"

// Definitions of dashboards come from files and browsers. What is read must read the same when it
// is read again from what is kept.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::dashboard;
    const auto read = read_definition({reinterpret_cast<const char*>(data), size});
    if (!read) return 0;
    const auto again = read_definition(read->json);
    if (!again || again->json != read->json || again->panels.size() != read->panels.size())
        std::abort();
    return 0;
}
