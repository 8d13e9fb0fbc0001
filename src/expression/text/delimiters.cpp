#include "expression/text/delimiters.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>
#include <cassert>
#include <cstring>

#include "expression/kernels/bits.h"

namespace stroma::expression {
namespace {

constexpr std::size_t stride = 64;
constexpr unsigned at_once = 8;
constexpr std::uint64_t never_none = std::uint64_t{1} << 63;  ///< spares a look for no bit at all

/// Which of 64 characters are that one, as bits.
std::uint64_t matches(const char* at, char wanted) {
    std::uint64_t bits = 0;
#if defined(__SSE2__)
    const __m128i pattern = _mm_set1_epi8(wanted);
    for (unsigned i = 0; i < stride; i += 16) {
        const __m128i some = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i));
        const auto equal = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(some, pattern)));
        bits |= std::uint64_t{equal} << i;
    }
#else
    for (unsigned i = 0; i < stride; ++i) bits |= std::uint64_t{at[i] == wanted} << i;
#endif
    return bits;
}

}  // namespace

bool find_delimiters(std::string_view text, char separator, std::string_view special,
                     std::vector<std::uint32_t>& places) {
    assert(special.size() <= 2);
    places.resize(text.size() + stride + at_once);
    std::uint32_t* out = places.data();
    std::uint64_t specials = 0;
    char padded[stride] = {};
    for (std::size_t first = 0; first < text.size(); first += stride) {
        const char* at = text.data() + first;
        if (text.size() - first < stride) {
            std::memcpy(padded, at, text.size() - first);
            at = padded;
        }
        for (const char c : special) specials |= matches(at, c);
        std::uint64_t bits = matches(at, separator) | matches(at, '\n');
        std::uint32_t* const end = out + count_ones(bits);
        // As many at once as a stride mostly has: what is too many is written over by the next.
        for (; out < end; out += at_once)
            for (unsigned i = 0; i < at_once; ++i, bits &= bits - 1)
                out[i] = static_cast<std::uint32_t>(first) +
                         static_cast<std::uint32_t>(std::countr_zero(bits | never_none));
        out = end;
    }
    places.resize(static_cast<std::size_t>(out - places.data()));
    return specials == 0;
}

}  // namespace stroma::expression
