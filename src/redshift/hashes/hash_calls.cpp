#include <openssl/evp.h>

#include <charconv>
#include <limits>

#include "base/bytes.h"
#include "redshift/hashes/hashes.h"
#include "redshift/state.h"
#include "sql/duckdb/duckdb_call.h"

namespace stroma::redshift {
namespace {

/// A seed as a text: a whole number, or "" for the usual one.
Result<std::uint64_t> seed_of(std::string_view text, std::uint64_t usual) {
    if (text.empty()) return usual;
    std::int64_t seed = 0;
    const auto* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, seed).ptr != end)
        return fail(ErrorCode::invalid_input, "a hash's seed is a whole number");
    return static_cast<std::uint64_t>(seed);
}

Result<sql::Value> fnv_call(std::span<const std::string_view> given) {
    const auto seed = TRY(seed_of(given[2], fnv_seed));
    return sql::Value(static_cast<std::int64_t>(fnv_1a(value_bytes(given[0], given[1]), seed)));
}

Result<sql::Value> murmur_call(std::span<const std::string_view> given) {
    const auto seed = static_cast<std::uint32_t>(TRY(seed_of(given[2], 0)));
    return sql::Value(std::int64_t{
        static_cast<std::int32_t>(murmur3_32(iceberg_bytes(given[0], given[1]), seed))});
}

Result<sql::Value> farm_call(std::span<const std::string_view> given) {
    return sql::Value(static_cast<std::int64_t>(farm_fingerprint(value_bytes(given[0], given[1]))));
}

// sha2(text, bits): none for other numbers of bits.
Result<sql::Value> sha2_call(std::span<const std::string_view> given) {
    const std::string_view bits = given[2];
    const EVP_MD* const kind = bits == "224"                  ? EVP_sha224()
                               : bits == "256" || bits == "0" ? EVP_sha256()
                               : bits == "384"                ? EVP_sha384()
                               : bits == "512"                ? EVP_sha512()
                                                              : nullptr;
    if (kind == nullptr)
        return fail(ErrorCode::invalid_input, "sha2 has 0, 224, 256, 384 or 512 bits");
    const std::string bytes = value_bytes(given[0], given[1]);
    Bytes digest(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()),
                   &size, kind, nullptr) != 1)
        return fail(ErrorCode::exhausted, "sha2 could not be worked out");
    digest.resize(size);
    return sql::Value(to_hex(digest));
}

}  // namespace

Result<void> add_hash_calls(sql::EmbeddedDatabase& database) {
    TRY(sql::add_duckdb_text_call(database, "stroma_fnv_of", 3, true, fnv_call));
    TRY(sql::add_duckdb_text_call(database, "stroma_murmur_of", 3, true, murmur_call));
    TRY(sql::add_duckdb_text_call(database, "stroma_farm_of", 2, true, farm_call));
    return sql::add_duckdb_text_call(database, "stroma_sha2_of", 3, false, sha2_call);
}

}  // namespace stroma::redshift
