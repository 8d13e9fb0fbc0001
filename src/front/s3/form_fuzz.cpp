#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "front/s3/form_reader.h"

/// A form cut anywhere reads as it does whole.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t step = 1 + data[0] % 64;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    stroma::front::s3::FormReader whole("b"), cut("b");
    stroma::Bytes of_whole, of_cut;
    const bool whole_is_good = whole.feed(text, of_whole).has_value();
    bool cut_is_good = true;
    for (std::size_t at = 0; at < text.size() && cut_is_good; at += step)
        cut_is_good = cut.feed(text.substr(at, step), of_cut).has_value();
    if (whole_is_good != cut_is_good) std::abort();
    if (whole_is_good && (of_whole != of_cut || whole.fields() != cut.fields())) std::abort();
    (void)stroma::front::s3::form_boundary(text);
    return 0;
}
