#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma::front::postgres {

/// A certificate and its key, ready for connections. Any thread.
class Tls {
public:
    /// errors  invalid_input  they are no PEM, or don't belong together
    static Result<std::unique_ptr<Tls>> make(const std::string& certificate,
                                             const std::string& key);
    ~Tls();
    /// For channel binding by tls-server-end-point.
    const std::string& certificate_hash() const;

    struct State;
    State& state() { return *state_; }

private:
    explicit Tls(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// The bytes of one connection, plain or TLS. Blocks its thread; hang_up() may be called by any.
class Channel {
public:
    /// Takes the descriptor of a connected socket. `patience` is how long a client may keep us
    /// waiting for bytes, or for room to write.
    Channel(int descriptor, std::chrono::milliseconds patience);
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// The next `size` bytes; they stay until the next call. errors  unavailable  the client went
    ///         exhausted  it kept us waiting
    Result<std::string_view> read(std::size_t size);
    /// The byte that comes next, from the socket itself: nothing is read ahead by it.
    Result<unsigned char> first_byte();
    /// Whether bytes wait here that read() would give at once.
    bool has_read_ahead() const { return place_ < input_.size(); }
    Result<void> write(std::string_view bytes);

    /// From here on all bytes are TLS. Call before anything is read ahead.
    /// errors  invalid_input  bytes lie before the handshake   unavailable  it failed
    Result<void> start_tls(Tls& tls);
    bool has_tls() const { return session_ != nullptr; }
    /// Until then all must have come, however patient we are; none by default.
    void set_deadline(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }
    /// The client has hung up; looked at without taking bytes. Any thread.
    bool is_gone() const;

    /// Ends what waits, and all that comes. Any thread.
    void hang_up();
    /// Lets what waits for bytes find none; what is to be written still goes. Any thread.
    void stop_reading();

private:
    struct Session;
    Result<void> wait(bool to_read);
    Result<std::size_t> read_some(char* into, std::size_t size);
    Result<std::size_t> write_some(std::string_view bytes);

    const int descriptor_;
    const std::chrono::milliseconds patience_;
    std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
    std::string input_;
    std::size_t place_ = 0;
    std::unique_ptr<Session> session_;
};

}  // namespace stroma::front::postgres
