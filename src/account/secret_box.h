#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/text_sealer.h"

namespace stroma::account {

/// Encrypts by XSalsa20-Poly1305 (libsodium's secretbox) under a key in a file of its own (mode
/// 0600), so that neither the database nor a copy of what is encrypted gives secrets away.
class SecretBox : public TextSealer {
public:
    /// The file is made with the first secret; not when `in_use` tells that others were encrypted
    /// under one that is gone.
    SecretBox(fs::path key_file, std::function<Result<bool>()> in_use);

    Result<std::string> seal(std::string_view text) override;
    Result<std::string> open(std::string_view sealed) override;

private:
    Result<std::string> key(bool is_made_when_absent);

    const fs::path key_file_;
    const std::function<Result<bool>()> in_use_;
    std::mutex mutex_;
    std::string key_;  ///< "" until it was needed
};

}  // namespace stroma::account
