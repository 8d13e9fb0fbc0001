#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stroma::redshift {

/// FNV-1a of 64 bits from a seed on; the usual seed begins it.
constexpr std::uint64_t fnv_seed = 14695981039346656037u;
std::uint64_t fnv_1a(std::string_view bytes, std::uint64_t seed);
/// Murmur3A of 32 bits (Appleby's MurmurHash3_x86_32).
std::uint32_t murmur3_32(std::string_view bytes, std::uint32_t seed);
/// FarmHash's Fingerprint64, as Pike and Alakuijala published it.
std::uint64_t farm_fingerprint(std::string_view bytes);

/// The bytes of a value that is given as the engine's text of it, with the engine's name of its
/// type: whole numbers in as many as the type has, reals as IEEE 754, decimals as their digits in
/// eight, or sixteen above 18 digits, dates in four as days and moments in eight as microseconds,
/// both since 2000; the lowest byte first. Texts are UTF-8.
std::string value_bytes(std::string_view text, std::string_view type);
/// The bytes that Iceberg hashes of it: numbers, dates and moments in eight, since 1970; decimals
/// in as few as they need, the highest first.
std::string iceberg_bytes(std::string_view text, std::string_view type);

}  // namespace stroma::redshift
