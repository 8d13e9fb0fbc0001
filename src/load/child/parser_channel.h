#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"

namespace stroma::loading {

/// Messages between a parser child and its parent: one JSON object of at most 64 KiB each, with
/// at most one open file beside it, over a SOCK_SEQPACKET socket, which keeps them apart.
/// One thread at a time, on either side.
class ParserChannel {
public:
    static constexpr std::size_t message_bytes_max = 64u << 10;

    explicit ParserChannel(File socket) : socket_(std::move(socket)) {}

    struct Message {
        Json json;
        File file;  ///< closed when none came along
    };

    /// errors  exhausted  longer than message_bytes_max; unavailable  the other side is gone
    Result<void> send(const Json& message, int descriptor = -1);
    /// Waits for the next message; nothing when the other side has closed.
    /// errors  invalid_input  not a JSON object, too long
    Result<std::optional<Message>> receive();
    int descriptor() const { return socket_.descriptor(); }

private:
    File socket_;
};

}  // namespace stroma::loading
