#include "stream/hash_key.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/digest.h"

namespace stroma::stream {
namespace {

// Keys are short and there is one for each record: the one-block case is done here, because a
// general digest costs several times as much to set up as to compute.
constexpr std::size_t one_block_bytes = 55;

constexpr std::array<std::uint32_t, 64> md5_constants = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
constexpr std::array<std::array<int, 4>, 4> md5_turns = {
    {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};

template <int round>
void md5_round(std::array<std::uint32_t, 4>& state, const std::uint32_t* words) {
    auto [a, b, c, d] = state;
    for (int i = 0; i < 16; ++i) {
        std::uint32_t mixed = 0;
        int word = i;
        if constexpr (round == 0) {
            mixed = (b & c) | (~b & d);
        } else if constexpr (round == 1) {
            mixed = (d & b) | (~d & c);
            word = (5 * i + 1) % 16;
        } else if constexpr (round == 2) {
            mixed = b ^ c ^ d;
            word = (3 * i + 5) % 16;
        } else {
            mixed = c ^ (b | ~d);
            word = 7 * i % 16;
        }
        mixed += a + md5_constants[static_cast<std::size_t>(round * 16 + i)] + words[word];
        a = d;
        d = c;
        c = b;
        b += std::rotl(mixed, md5_turns[round][static_cast<std::size_t>(i % 4)]);
    }
    state = {a, b, c, d};
}

std::array<std::uint32_t, 4> md5_of_one_block(std::string_view text) {
    std::array<std::byte, 64> block{};
    std::memcpy(block.data(), text.data(), text.size());
    block[text.size()] = std::byte{0x80};
    store(block.data() + 56, static_cast<std::uint64_t>(text.size()) * 8);
    std::array<std::uint32_t, 16> words;
    std::memcpy(words.data(), block.data(), block.size());
    constexpr std::array<std::uint32_t, 4> start = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    auto state = start;
    md5_round<0>(state, words.data());
    md5_round<1>(state, words.data());
    md5_round<2>(state, words.data());
    md5_round<3>(state, words.data());
    for (std::size_t w = 0; w < 4; ++w) state[w] += start[w];
    return state;
}

}  // namespace

HashKey hash_of(std::string_view partition_key) {
    HashKey key = 0;
    if (partition_key.size() <= one_block_bytes) {
        for (const std::uint32_t word : md5_of_one_block(partition_key))
            key = key << 32 | __builtin_bswap32(word);
        return key;
    }
    Digest digest(DigestKind::md5);
    digest.update(partition_key);
    for (const std::byte byte : digest.bytes()) key = key << 8 | static_cast<unsigned>(byte);
    return key;
}

std::string decimal(HashKey key) {
    std::string text;
    do {
        text.push_back(static_cast<char>('0' + static_cast<int>(key % 10)));
        key /= 10;
    } while (key != 0);
    std::ranges::reverse(text);
    return text;
}

std::optional<HashKey> parse_hash_key(std::string_view text) {
    if (text.empty()) return std::nullopt;
    HashKey key = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9') return std::nullopt;
        const auto value = static_cast<unsigned>(digit - '0');
        if (key > (hash_key_max - value) / 10) return std::nullopt;
        key = key * 10 + value;
    }
    return key;
}

}  // namespace stroma::stream
