#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>

namespace stroma::front::http {

using Socket = boost::asio::ip::tcp::socket;
using boost::system::error_code;

/// The bytes of one connection, whatever carries them: plain TCP now, TLS later. Used on the
/// thread of its socket's io_context only.
class Stream {
public:
    virtual ~Stream() = default;
    virtual boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into,
                                                          error_code& error) = 0;
    /// Writes both whole, one behind the other.
    virtual boost::asio::awaitable<void> write(boost::asio::const_buffer first,
                                               boost::asio::const_buffer second,
                                               error_code& error) = 0;
    /// Writes at most about a megabyte of the file and moves `offset`; `count` bytes are left.
    virtual boost::asio::awaitable<void> send_file(int descriptor, std::uint64_t& offset,
                                                   std::uint64_t& count, error_code& error) = 0;
    virtual Socket& socket() = 0;
};

class TcpStream final : public Stream {
public:
    explicit TcpStream(Socket socket);
    boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into,
                                                  error_code& error) override;
    boost::asio::awaitable<void> write(boost::asio::const_buffer first,
                                       boost::asio::const_buffer second,
                                       error_code& error) override;
    boost::asio::awaitable<void> send_file(int descriptor, std::uint64_t& offset,
                                           std::uint64_t& count, error_code& error) override;
    Socket& socket() override { return socket_; }

private:
    Socket socket_;
};

}  // namespace stroma::front::http
