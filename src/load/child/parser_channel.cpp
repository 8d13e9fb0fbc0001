#include "load/child/parser_channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace stroma::loading {
namespace {

constexpr std::size_t one_descriptor = CMSG_SPACE(sizeof(int));

/// Takes the descriptor that came with a message, if any; more than one can't come.
File received_file(const msghdr& header) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(const_cast<msghdr*>(&header), part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(part), sizeof descriptor);
        return File(descriptor, "");
    }
    return {};
}

}  // namespace

Result<void> ParserChannel::send(const Json& message, int descriptor) {
    // Texts of foreign files may be cut inside a character: such bytes are replaced.
    std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > message_bytes_max)
        return fail(ErrorCode::exhausted, "a message of the parser is over 64 KiB");
    iovec piece{text.data(), text.size()};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    alignas(cmsghdr) char control[one_descriptor] = {};
    if (descriptor >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* part = CMSG_FIRSTHDR(&header);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
    }
    ssize_t sent = -1;
    do {
        sent = ::sendmsg(socket_.descriptor(), &header, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail(error_from_errno("writing to", "the parser's socket", errno));
    return {};
}

Result<std::optional<ParserChannel::Message>> ParserChannel::receive() {
    std::string text(message_bytes_max, '\0');
    iovec piece{text.data(), text.size()};
    alignas(cmsghdr) char control[one_descriptor] = {};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t got = -1;
    do {
        got = ::recvmsg(socket_.descriptor(), &header, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno != ECONNRESET)
        return fail(error_from_errno("reading from", "the parser's socket", errno));
    Message message;
    message.file = received_file(header);
    if (got <= 0) return std::optional<Message>();
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return fail(ErrorCode::invalid_input, "the parser sent a message that is too long");
    text.resize(static_cast<std::size_t>(got));
    JsonLimits limits;
    limits.bytes_max = message_bytes_max;
    limits.depth_max = 8;
    message.json = TRY(parse_json(text, limits));
    if (!message.json.is_object())
        return fail(ErrorCode::invalid_input, "the parser sent something else than an object");
    return std::optional<Message>(std::move(message));
}

}  // namespace stroma::loading
