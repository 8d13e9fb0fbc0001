#include "base/text_sealer.h"

namespace stroma {
namespace {

constexpr std::string_view sealed_mark = "sealed:";

}  // namespace

Result<std::string> to_kept_text(TextSealer* sealer, const std::string& text) {
    if (!sealer) return text;
    return std::string(sealed_mark) + TRY(sealer->seal(text));
}

Result<std::string> from_kept_text(TextSealer* sealer, const std::string& kept) {
    if (!kept.starts_with(sealed_mark)) return kept;
    if (!sealer) return fail(ErrorCode::unavailable, "a text is encrypted, and no key is at hand");
    return sealer->open(std::string_view(kept).substr(sealed_mark.size()));
}

}  // namespace stroma
