#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "redshift/value_text.h"

/// A value's text, its type told by the first byte. What is read and written again must be the
/// same: bytes, intervals.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::redshift;
    constexpr std::uint32_t types[] = {16,   17,   20,   21,   23,   25,   700,  701,
                                       1042, 1043, 1082, 1083, 1114, 1184, 1186, 1700,
                                       1005, 1007, 1009, 1015, 1016, 1182, 1115, 1187};
    if (size == 0) return 0;
    const std::uint32_t type = types[data[0] % std::size(types)];
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    static_cast<void>(engine_text(type, text));
    static_cast<void>(bytes_in(text));
    static_cast<void>(postgres_array(text, type));
    if (const auto elements = elements_in(text))
        static_cast<void>(postgres_array(engine_list(*elements), type));
    if (bytes_of_engine(engine_bytes(text)) != text) std::abort();
    const auto interval = interval_in(text);
    if (!interval) return 0;
    for (const std::string_view style :
         {"postgres", "postgres_verbose", "sql_standard", "iso_8601"})
        static_cast<void>(interval_text(*interval, style));
    const auto again = interval_in(interval_text(*interval));
    if (!again || again->microseconds != interval->microseconds || again->days != interval->days ||
        again->months != interval->months)
        std::abort();
    static_cast<void>(engine_interval(*interval));
    return 0;
}
