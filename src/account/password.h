#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma::account {

inline constexpr std::size_t password_bytes_min = 12;
inline constexpr std::size_t password_bytes_max = 1024;

/// Argon2id (RFC 9106) with 64 MiB, 2 passes, 1 lane and a random salt of 16 bytes, as its usual
/// text "$argon2id$v=19$m=65536,t=2,p=1$…". OWASP's Password Storage Cheat Sheet asks for 19 MiB
/// with 2 passes or more. About 0.1 s of one core; at most two run at once in this process, a few
/// more wait, so that a flood of sign-ins takes neither the memory nor every thread.
/// errors  exhausted  too many wait
Result<std::string> hash_password(std::string_view password);

/// Whether the password is the one of that hash. An empty hash (no such user, no password) takes
/// the same time and is false.
Result<bool> is_password(std::string_view hash, std::string_view password);

/// Whether the hash was made with weaker parameters than hash_password's.
bool is_weaker_hash(const std::string& hash);

/// invalid_input unless it is password_bytes_min to password_bytes_max bytes of UTF-8 text without
/// control characters that isn't the user's own name or address, nor one character over and over.
Result<void> check_password(std::string_view password, std::string_view name,
                            std::string_view email);

}  // namespace stroma::account
