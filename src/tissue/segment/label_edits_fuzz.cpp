#include <cstdint>
#include <vector>

#include "base/json.h"
#include "tissue/segment/label_edits.h"

/// An edit's JSON as the route takes it; what is read is done to a small picture of labels.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto json = parse_json(text, {.bytes_max = 1u << 20});
    if (!json) return 0;
    const auto edit = tissue::label_edit_of(*json);
    if (!edit) return 0;
    constexpr tissue::Window window{500, 700, 24, 16};
    std::vector<std::uint32_t> labels(static_cast<std::size_t>(window.width * window.height));
    for (std::size_t i = 0; i < labels.size(); ++i)
        labels[i] = static_cast<std::uint32_t>(i / 5 % 4);
    tissue::apply({&*edit, 1}, window, labels);
    return 0;
}
