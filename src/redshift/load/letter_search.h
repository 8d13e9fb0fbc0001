#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace stroma::redshift {

/// Where the first of three letters is, from `at` on; the text's size where none is. Sixteen bytes
/// at a time where there is SSE2, then eight: in a word that a letter was taken out of by XOR, its
/// places are the bytes that are zero.
inline std::size_t first_of(std::string_view text, std::size_t at, char a, char b, char c) {
    static_assert(std::endian::native == std::endian::little);
    constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    const auto zeros = [](std::uint64_t word) { return (word - ones) & ~word & highs; };
    const auto of = [](char letter) { return ones * static_cast<unsigned char>(letter); };
#ifdef __SSE2__
    const __m128i all_a = _mm_set1_epi8(a), all_b = _mm_set1_epi8(b), all_c = _mm_set1_epi8(c);
    for (; at + 16 <= text.size(); at += 16) {
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
        const __m128i equal =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, all_a), _mm_cmpeq_epi8(block, all_b)),
                         _mm_cmpeq_epi8(block, all_c));
        const auto found = static_cast<unsigned>(_mm_movemask_epi8(equal));
        if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found));
    }
#endif
    for (; at + 8 <= text.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, 8);
        const std::uint64_t found = zeros(word ^ of(a)) | zeros(word ^ of(b)) | zeros(word ^ of(c));
        // A byte above a zero may be marked wrongly, one below never: the lowest is right.
        if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
    while (at < text.size() && text[at] != a && text[at] != b && text[at] != c) ++at;
    return at;
}

/// plain_front() by words of that type.
template <class Word>
std::size_t plain_front_by(std::string_view text) {
    constexpr auto ones = static_cast<Word>(0x0101010101010101);
    constexpr auto highs = static_cast<Word>(0x8080808080808080);
    const auto is_plain = [text](std::size_t at) {
        Word word = 0;
        std::memcpy(&word, text.data() + at, sizeof(Word));
        return ((word | (word - ones)) & highs) == 0;
    };
    std::size_t at = 0;
    for (; at + sizeof(Word) <= text.size(); at += sizeof(Word))
        if (!is_plain(at)) return at;
    // The last letters, with some before them that were looked at.
    if (text.size() < sizeof(Word) || !is_plain(text.size() - sizeof(Word))) return at;
    return text.size();
}

/// How many letters from the front on are ASCII and not NUL, at least: by eights, in a short text
/// by fours.
inline std::size_t plain_front(std::string_view text) {
    return text.size() < sizeof(std::uint64_t) ? plain_front_by<std::uint32_t>(text)
                                               : plain_front_by<std::uint64_t>(text);
}

}  // namespace stroma::redshift
