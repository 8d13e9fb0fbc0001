#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::loader {

/// An object that somebody tells of.
struct Notice {
    std::string bucket, key;
    std::string etag;  ///< as it was then; "" where it isn't told
    std::int64_t time_ms = 0;
    bool is_created = true;
};

/// What a message tells: every record of an S3 event, as it is or wrapped by SNS, or an event of
/// EventBridge; none of S3's test event. Keys are decoded once, as forms are encoded; EventBridge's
/// aren't encoded.
/// errors  invalid_input  it tells nothing of the kind
Result<std::vector<Notice>> read_notices(std::string_view body);
/// The S3 event that tells of this one alone.
std::string notice_text(const Notice& notice);
/// "a+b%40c" → "a b@c"; what isn't encoded well stays as it is.
std::string form_decoded(std::string_view text);
/// Milliseconds since 1970 of "2026-11-22T08:00:00.123Z"; 0 where it can't be read.
std::int64_t time_of(std::string_view iso);

}  // namespace stroma::loader
