#pragma once

#include "front/http/stream.h"

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "front/http/site.h"

struct nghttp2_session;

namespace stroma::front::http {

/// HTTP/2 on one connection: many requests at once, each an Exchange like those of HTTP/1.1.
/// Everything runs on the thread of its io_context, but what exchanges call to wake it.
class Http2Session : public std::enable_shared_from_this<Http2Session> {
public:
    struct Client {
        std::string address;
        bool secure = false;
        std::weak_ptr<void> owner;  ///< of the stream; kept alive while something is written
    };
    /// Set to how long the client may be silent now; nothing while only we are at work.
    using Patience = std::function<void(std::optional<std::chrono::milliseconds>)>;

    Http2Session(boost::asio::io_context& context, Site& site, Stream& stream, Client client,
                 Patience patience);
    ~Http2Session();

    /// Until the client leaves or breaks the protocol. `first` was read already.
    boost::asio::awaitable<void> run(std::string first);
    /// No new request; ends when the running ones are answered.
    void drain();
    /// The stream is closed: nothing is of use any more.
    void abandon();

private:
    struct Running;
    struct Callbacks;
    friend struct Callbacks;
    template <class T>
    using Task = boost::asio::awaitable<T>;

    Running* find(int id);
    void begin(int id);
    void hand_over(Running& running);
    void start(Running& running);
    void refuse(Running& running, Response response);
    void serve(int id);
    void pull(Running& running);
    void feed(Running& running);
    void respond(Running& running, Response response);
    void finish(int id);
    void flush();
    Task<void> write_all(std::shared_ptr<void> owner);
    void set_patience();

    boost::asio::io_context& context_;
    Site& site_;
    Stream& stream_;
    const Client client_;
    Patience patience_;
    nghttp2_session* session_ = nullptr;
    std::map<int, std::unique_ptr<Running>> running_;
    bool writing_ = false, gone_ = false;
};

}  // namespace stroma::front::http
