#pragma once

#include <functional>
#include <string_view>

#include "front/http/message.h"

namespace stroma::front::http {

/// Writes server-sent events (WHATWG HTML, "Server-sent events").
class EventWriter {
public:
    explicit EventWriter(BodyWriter& body) : body_(body) {}
    /// One event. `data` may have several lines. `id` and `name` may be empty.
    Result<void> send(std::string_view name, std::string_view data, std::string_view id = {});
    /// A line that clients read over; keeps proxies from closing a quiet connection.
    Result<void> comment(std::string_view text);

private:
    BodyWriter& body_;
};

/// An answer that lasts until `events` returns. It should look at Request::left at least once a
/// second, since a drain of the server asks it to end that way.
Response event_stream(std::function<Result<void>(EventWriter&)> events);

}  // namespace stroma::front::http
