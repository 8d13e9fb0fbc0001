#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma {

/// Encrypts texts that lie on disk and give somebody power, such as the password of an endpoint.
/// Any thread.
class TextSealer {
public:
    virtual ~TextSealer() = default;
    /// Gives hexadecimal digits, others each time.
    /// errors  unavailable  the key is gone, but other texts are encrypted under it
    virtual Result<std::string> seal(std::string_view text) = 0;
    /// errors  corrupt  it isn't what seal() gave under this key
    virtual Result<std::string> open(std::string_view sealed) = 0;
};

/// A text as it is kept beside others that may be plain: sealed and marked as such; as it is
/// without a sealer. It must not begin with "sealed:"; JSON doesn't.
Result<std::string> to_kept_text(TextSealer* sealer, const std::string& text);
/// The text that was kept, sealed or plain.
/// errors  unavailable  it is sealed, and there is no sealer
Result<std::string> from_kept_text(TextSealer* sealer, const std::string& kept);

}  // namespace stroma
