#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "front/http/message.h"

namespace stroma::front::http {

/// What a conditional or range request gets of a file.
struct FileAnswer {
    int status = 200;          ///< 200, 206, 304, 412 or 416
    std::uint64_t offset = 0;  ///< the bytes to send; none with 304, 412, 416
    std::uint64_t count = 0;
};

/// Decides by If-Match, If-None-Match, If-Range and Range, in the order of RFC 9110 13.2.2. One
/// range is served; several, and one that begins past the end, are 416. A Range that isn't in
/// bytes is read over. `etag` is without quotes and strong.
FileAnswer answer_for_file(const Request& request, std::string_view etag, std::uint64_t size_bytes);

/// Whether a list of entity tags (or "*") names the tag. Weak ones only when `weak_counts`.
bool names_etag(std::string_view list, std::string_view etag, bool weak_counts);

}  // namespace stroma::front::http
