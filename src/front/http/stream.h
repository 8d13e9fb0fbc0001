#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma::front::http {

using Socket = boost::asio::ip::tcp::socket;
using boost::system::error_code;

/// The bytes of one connection, whatever carries them: plain TCP or TLS. Used on the
/// thread of its socket's io_context only.
class Stream {
public:
    virtual ~Stream() = default;
    virtual boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into,
                                                          error_code& error) = 0;
    /// What is there at the moment, without waiting; 0 when nothing is, or it can't be told.
    virtual std::size_t read_ready(boost::asio::mutable_buffer) { return 0; }
    /// Writes both whole, one behind the other.
    virtual boost::asio::awaitable<void> write(boost::asio::const_buffer first,
                                               boost::asio::const_buffer second,
                                               error_code& error) = 0;
    /// Writes at most about a megabyte of the file and moves `offset`; `count` bytes are left.
    virtual boost::asio::awaitable<void> send_file(int descriptor, std::uint64_t& offset,
                                                   std::uint64_t& count, error_code& error) = 0;
    virtual Socket& socket() = 0;
    /// Of TLS: the protocol that the client chose by ALPN, or "".
    virtual std::string_view chosen_protocol() const { return {}; }
    /// The socket, for another stream over it; this one is of no more use.
    Socket release() { return std::move(socket()); }
};

class TcpStream final : public Stream {
public:
    explicit TcpStream(Socket socket);
    boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into,
                                                  error_code& error) override;
    std::size_t read_ready(boost::asio::mutable_buffer into) override;
    boost::asio::awaitable<void> write(boost::asio::const_buffer first,
                                       boost::asio::const_buffer second,
                                       error_code& error) override;
    boost::asio::awaitable<void> send_file(int descriptor, std::uint64_t& offset,
                                           std::uint64_t& count, error_code& error) override;
    Socket& socket() override { return socket_; }

private:
    Socket socket_;
};

/// The server's side of TLS 1.2 and 1.3.
class TlsStream final : public Stream {
public:
    TlsStream(Socket socket, boost::asio::ssl::context& context);
    /// First of all.
    boost::asio::awaitable<void> shake_hands(error_code& error);
    boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into,
                                                  error_code& error) override;
    boost::asio::awaitable<void> write(boost::asio::const_buffer first,
                                       boost::asio::const_buffer second,
                                       error_code& error) override;
    boost::asio::awaitable<void> send_file(int descriptor, std::uint64_t& offset,
                                           std::uint64_t& count, error_code& error) override;
    Socket& socket() override { return stream_.next_layer(); }
    std::string_view chosen_protocol() const override;

private:
    boost::asio::ssl::stream<Socket> stream_;
};

/// With that certificate chain and key, as PEM.
/// errors  invalid_input  they aren't, or don't belong together
Result<std::unique_ptr<boost::asio::ssl::context>> tls_context(const std::string& certificate,
                                                               const std::string& key, bool http2);

}  // namespace stroma::front::http
