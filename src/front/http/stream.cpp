#include "front/http/stream.h"

#include <sys/sendfile.h>

#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

namespace stroma::front::http {

namespace asio = boost::asio;

TcpStream::TcpStream(Socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

asio::awaitable<std::size_t> TcpStream::read_some(asio::mutable_buffer into, error_code& error) {
    co_return co_await socket_.async_read_some(into,
                                               asio::redirect_error(asio::use_awaitable, error));
}

asio::awaitable<void> TcpStream::write(asio::const_buffer first, asio::const_buffer second,
                                       error_code& error) {
    const std::array<asio::const_buffer, 2> both{first, second};
    // Most answers go out in one call; the coroutine waits only for a client that is behind.
    const std::size_t sent = socket_.write_some(both, error);
    if (error == asio::error::would_block) error.clear();
    if (error || sent == first.size() + second.size()) co_return;
    std::array<asio::const_buffer, 2> rest{
        first + sent, second + (sent > first.size() ? sent - first.size() : 0)};
    co_await asio::async_write(socket_, rest, asio::redirect_error(asio::use_awaitable, error));
}

asio::awaitable<void> TcpStream::send_file(int descriptor, std::uint64_t& offset,
                                           std::uint64_t& count, error_code& error) {
    auto position = static_cast<off_t>(offset);
    const std::size_t piece = static_cast<std::size_t>(std::min<std::uint64_t>(count, 1u << 20));
    const ssize_t sent = ::sendfile(socket_.native_handle(), descriptor, &position, piece);
    if (sent > 0) {
        offset += static_cast<std::uint64_t>(sent);
        count -= static_cast<std::uint64_t>(sent);
        co_return;
    }
    if (sent == 0) {  // the file is shorter than it was said to be
        error = asio::error::eof;
        co_return;
    }
    if (errno == EINTR) co_return;
    if (errno != EAGAIN) {
        error.assign(errno, boost::system::system_category());
        co_return;
    }
    co_await socket_.async_wait(Socket::wait_write,
                                asio::redirect_error(asio::use_awaitable, error));
}

}  // namespace stroma::front::http
