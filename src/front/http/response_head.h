#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "front/http/message.h"

namespace stroma::front::http {

/// How the body behind a head is delimited, and what the connection does after it.
struct HeadOptions {
    std::optional<std::uint64_t> content_length;  ///< nothing: not sent
    bool chunked = false;
    bool close = false;
    std::string_view request_id;
};

/// The status line and headers of an answer, up to and with the empty line. Adds the headers every
/// answer has unless the handler set its own: Date, X-Request-Id, nosniff, no-referrer, a CSP that
/// allows nothing, and no-store where there is no ETag. Control characters in values become "_".
std::string response_head(const Response& response, const HeadOptions& options);

/// What ends a chunked body: the empty chunk and the headers behind it.
std::string last_chunk(const std::vector<std::pair<std::string, std::string>>& trailers);

/// "Not Found"
std::string_view reason_phrase(int status);

}  // namespace stroma::front::http
