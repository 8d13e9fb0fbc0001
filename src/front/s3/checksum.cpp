#include "front/s3/checksum.h"

#include <libdeflate.h>
#include <x86intrin.h>

#include <array>

#include "base/digest.h"
#include "front/aws/call.h"
#include "front/http/url.h"

namespace stroma::front::s3 {
namespace {

struct KindName {
    ChecksumKind kind;
    std::string_view name;
};
constexpr KindName kind_names[] = {{ChecksumKind::crc32, "CRC32"},
                                   {ChecksumKind::crc32c, "CRC32C"},
                                   {ChecksumKind::crc64nvme, "CRC64NVME"},
                                   {ChecksumKind::sha1, "SHA1"},
                                   {ChecksumKind::sha256, "SHA256"}};

/// Reflected tables for `Width` bytes at once.
template <class Word>
constexpr std::array<std::array<Word, 256>, 8> make_tables(Word polynomial) {
    std::array<std::array<Word, 256>, 8> tables{};
    for (std::size_t i = 0; i < 256; ++i) {
        Word value = static_cast<Word>(i);
        for (int bit = 0; bit < 8; ++bit)
            value = (value & 1) != 0 ? (value >> 1) ^ polynomial : value >> 1;
        tables[0][i] = value;
    }
    for (std::size_t t = 1; t < 8; ++t)
        for (std::size_t i = 0; i < 256; ++i)
            tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
    return tables;
}

constexpr std::uint64_t crc64_polynomial = 0x9a6c9329ac4bc9b5ull;

// Made when the program starts: too much for the compiler's own steps.
const auto crc64_tables = make_tables<std::uint64_t>(crc64_polynomial);
const auto crc32c_tables = make_tables<std::uint32_t>(0x82f63b78u);

std::uint64_t crc64_by_table(std::uint64_t crc, ByteSpan bytes) {
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        const std::uint64_t mixed = crc ^ load<std::uint64_t>(at);
        crc = 0;
        for (std::size_t i = 0; i < 8; ++i) crc ^= crc64_tables[7 - i][mixed >> (8 * i) & 0xff];
    }
    for (; left > 0; --left, ++at)
        crc = (crc >> 8) ^ crc64_tables[0][(crc ^ static_cast<std::uint64_t>(*at)) & 0xff];
    return crc;
}

/// x to the power, modulo the polynomial, reflected: the highest bit is x^0.
constexpr std::uint64_t crc64_power(int power) {
    std::uint64_t value = 1ull << 63;
    for (; power > 0; --power)
        value = (value & 1) != 0 ? (value >> 1) ^ crc64_polynomial : value >> 1;
    return value;
}

/// Folds 16 bytes at a time into the next 16 by products without carries (V. Gopal and others,
/// "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009). A
/// product of two reflected halves is one place short: the powers are one less than the distance.
__attribute__((target("pclmul,sse4.1"))) std::uint64_t crc64_by_machine(std::uint64_t crc,
                                                                        ByteSpan bytes) {
    constexpr std::uint64_t over_first = crc64_power(128 + 64 - 1),
                            over_second = crc64_power(128 - 1);
    if (bytes.size() < 32) return crc64_by_table(crc, bytes);
    const __m128i powers =
        _mm_set_epi64x(static_cast<long long>(over_second), static_cast<long long>(over_first));
    const auto block = [&](std::size_t at) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + at));
    };
    __m128i folded = _mm_xor_si128(block(0), _mm_set_epi64x(0, static_cast<long long>(crc)));
    std::size_t at = 16;
    for (; bytes.size() - at >= 16; at += 16)
        folded = _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(folded, powers, 0x00),
                                             _mm_clmulepi64_si128(folded, powers, 0x11)),
                               block(at));
    std::array<std::byte, 16> rest;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(rest.data()), folded);
    return crc64_by_table(crc64_by_table(0, rest), bytes.subspan(at));
}

std::uint64_t crc64_of(std::uint64_t crc, ByteSpan bytes) {
    static const bool by_machine = __builtin_cpu_supports("pclmul") != 0;
    return by_machine ? crc64_by_machine(crc, bytes) : crc64_by_table(crc, bytes);
}

std::uint32_t crc32c_by_table(std::uint32_t crc, ByteSpan bytes) {
    for (const std::byte byte : bytes)
        crc = (crc >> 8) ^ crc32c_tables[0][(crc ^ static_cast<std::uint32_t>(byte)) & 0xff];
    return crc;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_machine(std::uint32_t crc,
                                                                  ByteSpan bytes) {
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t wide = crc;
    for (; left >= 8; left -= 8, at += 8) wide = _mm_crc32_u64(wide, load<std::uint64_t>(at));
    auto narrow = static_cast<std::uint32_t>(wide);
    for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(*at));
    return narrow;
}

std::uint32_t crc32c_of(std::uint32_t crc, ByteSpan bytes) {
    static const bool by_machine = __builtin_cpu_supports("sse4.2") != 0;
    return by_machine ? crc32c_by_machine(crc, bytes) : crc32c_by_table(crc, bytes);
}

std::string big_endian(std::uint64_t value, int bytes) {
    std::string text;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        text += static_cast<char>(value >> shift & 0xff);
    return text;
}

}  // namespace

std::string_view name_of(ChecksumKind kind) {
    for (const KindName& one : kind_names)
        if (one.kind == kind) return one.name;
    return "";
}

std::string header_of(ChecksumKind kind) {
    return "x-amz-checksum-" + http::lower_case(name_of(kind));
}

std::optional<ChecksumKind> checksum_named(std::string_view name) {
    for (const KindName& one : kind_names)
        if (http::equal_ignoring_case(one.name, name)) return one.kind;
    return std::nullopt;
}

std::size_t bytes_of(ChecksumKind kind) {
    switch (kind) {
        case ChecksumKind::crc32:
        case ChecksumKind::crc32c: return 4;
        case ChecksumKind::crc64nvme: return 8;
        case ChecksumKind::sha1: return 20;
        case ChecksumKind::sha256: break;
    }
    return 32;
}

struct Checksum::State {
    ChecksumKind kind;
    std::uint64_t crc = 0;
    std::optional<Digest> digest = {};
};

Checksum::Checksum(ChecksumKind kind) : state_(new State{kind}) {
    if (kind == ChecksumKind::sha1) state_->digest.emplace(DigestKind::sha1);
    if (kind == ChecksumKind::sha256) state_->digest.emplace(DigestKind::sha256);
    if (kind == ChecksumKind::crc64nvme) state_->crc = ~0ull;
    if (kind == ChecksumKind::crc32c) state_->crc = 0xffffffffu;
}
Checksum::~Checksum() = default;
Checksum::Checksum(Checksum&&) noexcept = default;

void Checksum::update(ByteSpan bytes) {
    State& state = *state_;
    switch (state.kind) {
        case ChecksumKind::crc32:
            state.crc =
                libdeflate_crc32(static_cast<std::uint32_t>(state.crc), bytes.data(), bytes.size());
            break;
        case ChecksumKind::crc32c:
            state.crc = crc32c_of(static_cast<std::uint32_t>(state.crc), bytes);
            break;
        case ChecksumKind::crc64nvme: state.crc = crc64_of(state.crc, bytes); break;
        case ChecksumKind::sha1:
        case ChecksumKind::sha256: state.digest->update(bytes); break;
    }
}

std::string Checksum::base64() {
    State& state = *state_;
    switch (state.kind) {
        case ChecksumKind::crc32: return aws::base64(big_endian(state.crc, 4));
        case ChecksumKind::crc32c: return aws::base64(big_endian(state.crc ^ 0xffffffffu, 4));
        case ChecksumKind::crc64nvme: return aws::base64(big_endian(~state.crc, 8));
        case ChecksumKind::sha1:
        case ChecksumKind::sha256: break;
    }
    return aws::base64(as_text(state.digest->bytes()));
}

namespace {

/// Polynomials over two elements, reflected, modulo that of a CRC: x^0 is the highest bit.
struct CrcField {
    std::uint64_t polynomial;
    int width;

    std::uint64_t product(std::uint64_t a, std::uint64_t b) const {
        std::uint64_t sum = 0;
        for (std::uint64_t bit = 1ull << (width - 1); bit != 0; bit >>= 1) {
            if ((a & bit) != 0) sum ^= b;
            b = (b & 1) != 0 ? (b >> 1) ^ polynomial : b >> 1;
        }
        return sum;
    }
    /// x to the power of 8 times `bytes`: what so many bytes behind do to a checksum.
    std::uint64_t shift(std::uint64_t bytes) const {
        std::uint64_t power = 1ull << (width - 1 - 8), result = 1ull << (width - 1);
        for (; bytes != 0; bytes >>= 1) {
            if ((bytes & 1) != 0) result = product(result, power);
            power = product(power, power);
        }
        return result;
    }
};

}  // namespace

std::string joined_checksum(ChecksumKind kind, const std::vector<PartChecksum>& parts) {
    CrcField field{};
    if (kind == ChecksumKind::crc32) field = {0xedb88320u, 32};
    if (kind == ChecksumKind::crc32c) field = {0x82f63b78u, 32};
    if (kind == ChecksumKind::crc64nvme) field = {crc64_polynomial, 64};
    if (field.width == 0) return {};
    std::uint64_t all = 0;
    for (const PartChecksum& part : parts) {
        std::string bytes;
        if (!aws::base64_decode(part.base64, bytes) ||
            bytes.size() != static_cast<std::size_t>(field.width / 8))
            return {};
        std::uint64_t crc = 0;
        for (const char byte : bytes) crc = crc << 8 | static_cast<unsigned char>(byte);
        all = field.product(field.shift(part.bytes), all) ^ crc;
    }
    return aws::base64(big_endian(all, field.width / 8));
}

}  // namespace stroma::front::s3
