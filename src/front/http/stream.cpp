#include "front/http/stream.h"

#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <vector>

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

std::size_t TcpStream::read_ready(asio::mutable_buffer into) {
    error_code failed;  // is met again by the read that waits
    return socket_.read_some(into, failed);
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

TlsStream::TlsStream(Socket socket, asio::ssl::context& context)
    : stream_(std::move(socket), context) {}

asio::awaitable<void> TlsStream::shake_hands(error_code& error) {
    co_await stream_.async_handshake(asio::ssl::stream_base::server,
                                     asio::redirect_error(asio::use_awaitable, error));
}

asio::awaitable<std::size_t> TlsStream::read_some(asio::mutable_buffer into, error_code& error) {
    co_return co_await stream_.async_read_some(into,
                                               asio::redirect_error(asio::use_awaitable, error));
}

asio::awaitable<void> TlsStream::write(asio::const_buffer first, asio::const_buffer second,
                                       error_code& error) {
    const std::array<asio::const_buffer, 2> both{first, second};
    co_await asio::async_write(stream_, both, asio::redirect_error(asio::use_awaitable, error));
}

asio::awaitable<void> TlsStream::send_file(int descriptor, std::uint64_t& offset,
                                           std::uint64_t& count, error_code& error) {
    std::vector<char> piece(std::min<std::uint64_t>(count, 256u << 10));
    const ssize_t read =
        ::pread(descriptor, piece.data(), piece.size(), static_cast<off_t>(offset));
    if (read <= 0) {  // the file is shorter than it was said to be, or can't be read
        error = asio::error::eof;
        co_return;
    }
    co_await asio::async_write(stream_, asio::buffer(piece.data(), static_cast<std::size_t>(read)),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    offset += static_cast<std::uint64_t>(read);
    count -= static_cast<std::uint64_t>(read);
}

std::string_view TlsStream::chosen_protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(const_cast<asio::ssl::stream<Socket>&>(stream_).native_handle(), &name,
                           &size);
    return {reinterpret_cast<const char*>(name), size};
}

namespace {

/// The first of ours that the client speaks.
int choose_by_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                   const unsigned char* offered, unsigned offered_size, void* with_http2) {
    constexpr std::string_view ours = "\x02h2\x08http/1.1";
    const std::string_view spoken = with_http2 != nullptr ? ours : ours.substr(3);
    const int found =
        SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_size,
                              reinterpret_cast<const unsigned char*>(spoken.data()),
                              static_cast<unsigned>(spoken.size()), offered, offered_size);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

Result<std::unique_ptr<asio::ssl::context>> tls_context(const std::string& certificate,
                                                        const std::string& key, bool http2) {
    auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    error_code failed;
    context->use_certificate_chain(asio::buffer(certificate), failed);
    if (failed)
        return fail(ErrorCode::invalid_input,
                    "the TLS certificate is no PEM that can be used: " + failed.message());
    context->use_private_key(asio::buffer(key), asio::ssl::context::pem, failed);
    if (failed)
        return fail(ErrorCode::invalid_input,
                    "the TLS key is no PEM, or not the certificate's: " + failed.message());
    SSL_CTX* const handle = context->native_handle();
    SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
    static int with_http2 = 1;
    SSL_CTX_set_alpn_select_cb(handle, choose_by_alpn, http2 ? &with_http2 : nullptr);
    return context;
}

}  // namespace stroma::front::http
